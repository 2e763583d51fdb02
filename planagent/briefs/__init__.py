"""Briefs: what is asked of whoever answers, in what form, and what of an answer is accepted. Four kinds: read, decide, write, review."""
