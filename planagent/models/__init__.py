"""Who answers briefs: a server that speaks OpenAI's protocol, a local file, the coding agent that hosts, or the built-in rules."""
