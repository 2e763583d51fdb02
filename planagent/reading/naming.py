"""Names of things: singular, in the form of a class."""

from __future__ import annotations

import re
from functools import lru_cache

from planagent.reading.text import plain


def entity_name(raw: str) -> str:
    """`tasks`, `Task Model`, `TaskEntity`, `api_keys` give Task, Task, Task, ApiKey."""
    name = re.sub(r"(?i)\s*\b(table|model|entity|schema|record|object)s?\b\s*$", "", plain(raw)).strip()
    name = re.sub(r"(?i)^(the|table|entity|model)\s+", "", name)
    parts = [p for p in re.split(r"[\s_\-]+", name) if p]
    if not parts:
        return ""
    parts[-1] = singular(parts[-1])
    joined = "".join(p if p[:1].isupper() and not p.isupper() else p.capitalize() for p in parts)
    return re.sub(r"(?<=[a-z])(Entity|Model|Table)$", "", joined)


@lru_cache(maxsize=65_536)
def singular(word: str) -> str:
    lower = word.lower()
    if lower.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ss|x|ch|sh|z)es$", lower):
        return word[:-2]
    if lower.endswith("s") and not re.search(r"(?:ss|us|is|news)$", lower) and len(word) > 3:
        return word[:-1]
    return word
