"""References to many units in a few characters, for the plan's trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from planagent.model import Corpus
from planagent.statements.statement import joined


def runs(corpus: Corpus, file: str, ids: Iterable[str]) -> str:
    """Units of a document in short: `L3-L5.2,L9`."""
    document = corpus.document(file)
    order, units = (document.order, document.units) if document else ({}, ())
    wanted = sorted(order[i] for i in set(ids) if i in order)
    found: list[str] = []
    start = last = -1
    for at in [*wanted, -2]:
        if start >= 0 and at != last + 1:
            found.append(units[start].id if start == last else f"{units[start].id}-{units[last].id}")
            start = -1
        if start < 0:
            start = at
        last = at
    return joined([",".join(found)])


def unrun(corpus: Corpus, file: str, text: str) -> list[str] | None:
    """The inverse of `runs`; None where a unit that it names is not there."""
    document = corpus.document(file)
    if document is None:
        return None if text else []
    return expanded(text, document.ids, document.order)


def expanded(text: str, units: Sequence[str], places: Mapping[str, int]) -> list[str] | None:
    """The same of units that stand in that order, each at its place; None where one is not there."""
    found: list[str] = []
    for part in (p for p in text.split(",") if p):
        first, _, last = part.partition("-")
        if first not in places or (last and last not in places):
            return None
        found += units[places[first] : places[last or first] + 1]
    return found
