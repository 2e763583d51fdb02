"""Names in the case that a stack uses."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=65_536)
def snake(name: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()


def pascal(name: str) -> str:
    return "".join(p[:1].upper() + p[1:] for p in re.split(r"[^A-Za-z0-9]+", name) if p)


def cased(name: str, case: str) -> str:
    """A snake-case name in the profile's case."""
    if case == "snake":
        return name
    joined = pascal(name)
    return joined if case == "pascal" else joined[:1].lower() + joined[1:]
