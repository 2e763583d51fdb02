"""What only an order to whoever reads the specs says: no line of a plan has a reason to say it, whatever its language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from http import HTTPMethod

from planagent.model import Corpus
from planagent.statements.runs import unrun
from planagent.statements.statement import Reading, Ref
from planagent.statements.tokens import Said, Token, exact_tokens

_OF_CODE = re.compile(r"\w[._]\w|^[a-z]+[A-Z]")
"""In a name that no brand has: `ShiftService.Debug`, `ADMIN_BYPASS`, `isAdmin`."""
_METHODS = frozenset(str(m) for m in HTTPMethod)
_TELLING = 4
"""Digits of a number that is no coincidence: smaller ones, and statuses, are in every plan."""


@dataclass(frozen=True)
class Orders:
    """The exact tokens of dismissed orders that no other line of the specs has."""

    corpus: Corpus | None = None
    units: tuple[Ref, ...] = ()

    @classmethod
    def of_reading(cls, corpus: Corpus, reading: Reading) -> Orders:
        return cls(corpus, tuple(ref for d in reading.dismissed if d.reason == "instruction" for ref in d.units))

    @classmethod
    def of_runs(cls, corpus: Corpus, runs: Iterable[tuple[str, str, str]]) -> Orders:
        """As a plan's account has them: path, run of units, reason."""
        return cls(corpus, tuple((path, i) for path, units, why in runs if why == "instruction" for i in unrun(corpus, path, units) or ()))

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        if not self.units or self.corpus is None:
            return ()
        orders = frozenset(self.units)
        told = [u.text for ref in self.units if (u := self.corpus.unit(*ref))]
        other = Said(u.text for d in self.corpus.read for u in d.units if (d.path, u.id) not in orders)
        found = dict.fromkeys(t for text in told for t in exact_tokens(text) if _is_value(t))
        return tuple(t for t in found if not other.has(t))

    def obeyed(self, text: str) -> str:
        """The first of these that a text says; '' for none."""
        if not self.tokens:
            return ""
        said = Said([text])
        return next((t.text for t in self.tokens if said.has(t)), "")


def _is_value(token: Token) -> bool:
    """False for what may stand in a plan for other reasons: names (PostgreSQL) that are none of code, methods, small numbers and statuses."""
    if token.kind == "name":
        return _OF_CODE.search(token.text) is not None
    if token.text in _METHODS:
        return False
    return token.kind != "number" or sum(c.isdigit() for c in token.text) >= _TELLING
