"""What each rule of the checks is: read from `rules.toml`, so that code, pages and reports say the same."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from planagent.errors import UsageError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `plans` is "all", or "own" for what only this program's plan format has."""

    code: str
    name: str
    severity: Severity
    plans: Literal["all", "own"]
    what: str
    why: str
    bad: str
    good: str
    fix: str
    family: str


@cache
def rules() -> dict[str, Rule]:
    """Every rule by its code, sorted."""
    table = tomllib.loads((resources.files("planagent") / "rules.toml").read_text(encoding="utf-8"))
    families = table.pop("families")
    return {code: Rule(code=code, family=families[code[:3]], **table[code]) for code in sorted(table)}


def matching(selectors: Iterable[str]) -> frozenset[str]:
    """The codes that selectors name: whole codes or their starts (`PA203`, `PA2`, `PA`), or names.

    Raises:
        UsageError: a selector names no rule.
    """
    found: set[str] = set()
    for selector in selectors:
        wanted = selector.strip()
        codes = [c for c, r in rules().items() if (wanted and c.startswith(wanted.upper())) or r.name == wanted]
        if not codes:
            raise UsageError(
                f"{selector!r} names no rule.", "Give a code (PA201), the start of one (PA2) or a name; `planagent rule` lists them."
            )
        found.update(codes)
    return frozenset(found)
