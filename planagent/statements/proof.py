"""The proofs of a reading: the account is whole, nothing is added, nothing is lost inside of a claim. They know no language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planagent.model import Corpus, Document, Unit
from planagent.statements.forms import binding
from planagent.statements.statement import Dismissal, Reading, Reason, Ref, Statement
from planagent.statements.tokens import Said, Token, exact_tokens

FREE = frozenset({"mark", "heading", "header"})
"""Kinds of units that are structure by themselves: nobody has to account for them, unless they look binding."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one unit: the keys of the statements that claim it, or the reason of its dismissal."""

    claimed: tuple[str, ...] = ()
    reason: Reason | None = None
    of: str = ""


def is_free(unit: Unit) -> bool:
    """True for a unit that is structure when nobody claims it."""
    return unit.kind == "mark" or (unit.kind in FREE and not binding(unit))


def accounts(reading: Reading, document: Document) -> dict[str, Account | None]:
    """The account of every unit of a document, None for one that has none."""
    claimed: dict[str, list[str]] = {}
    for statement in reading.statements:
        for file, unit_id in statement.units:
            if file == document.path:
                claimed.setdefault(unit_id, []).append(statement.key)
    dismissed = {unit_id: d for d in reading.dismissed for file, unit_id in d.units if file == document.path}
    found: dict[str, Account | None] = {}
    for unit in document.units:
        if unit.id in claimed:
            found[unit.id] = Account(tuple(claimed[unit.id]))
        elif unit.id in dismissed:
            found[unit.id] = Account(reason=dismissed[unit.id].reason, of=dismissed[unit.id].of)
        else:
            found[unit.id] = Account(reason="structure") if is_free(unit) else None
    return found


def grounds(corpus: Corpus, units: Iterable[Ref]) -> Said:
    """What a statement may rest its exact tokens on: its units, the headings above them, the header of their table."""
    texts: dict[str, None] = {}
    for file, unit_id in units:
        document = corpus.document(file)
        unit = document.by_id.get(unit_id) if document else None
        if document is None or unit is None:
            continue
        texts[unit.text] = None
        passage = document.passages[unit.passage] if document.passages else None
        texts.update(dict.fromkeys(passage.trail if passage else ()))
        texts[file] = None
        if unit.kind == "row":
            texts.update(dict.fromkeys(_headers(document, unit)))
    return Said(texts)


def _headers(document: Document, row: Unit) -> Iterator[str]:
    above = [u for u in document.units if u.kind == "header" and u.line < row.line]
    if above:
        yield above[-1].text


def coined(statements: Iterable[Statement]) -> frozenset[str]:
    """Names of records that are letters alone: where no document names what it shows, whoever reads it has to."""
    return frozenset(s.name for s in statements if s.kind == "record" and s.name.isalpha())


def added(statement: Statement, corpus: Corpus, names: frozenset[str] = frozenset()) -> list[Token]:
    """Exact tokens of a statement that do not stand where it rests. What a library read is exact by itself.

    Args:
        names: that the reader gave to things without one, and may use.
    """
    if statement.origin in ("formal", "person"):
        return []
    said = grounds(corpus, statement.units)
    found: list[Token] = []
    texts = [statement.says]
    if statement.origin != "joined":
        texts += [statement.name, *(v for n, v in statement.facts if n not in ("transport", "store"))]
    for text in texts:
        found += [t for t in exact_tokens(text) if t.text not in names and not said.has(t) and t not in found]
    return found


def lost(unit: Unit, claimants: Sequence[Statement]) -> list[Token]:
    """Exact tokens of a claimed unit that no claimant carries or names as left out.

    A statement that a library made carries everything, and so does one of the rules: its lines are applied as they stand.
    """
    if any(s.origin in ("formal", "rules", "person") or (s.origin == "joined" and unit.kind in ("data", "code")) for s in claimants):
        return []
    said = Said([t for s in claimants for t in (*s.texts(), *s.left_out)])
    # A heading names what the lines below it say; of it alone only paths and numbers are demands.
    wanted = [t for t in exact_tokens(unit.text) if unit.kind != "heading" or t.kind in ("path", "number")]
    return [t for t in wanted if not said.has(t)]


def open_units(corpus: Corpus, reading: Reading) -> list[Ref]:
    """Units of documents that are read and that have no account."""
    return [
        (document.path, unit_id) for document in corpus.read for unit_id, account in accounts(reading, document).items() if account is None
    ]


def doubtful(corpus: Corpus, reading: Reading) -> list[tuple[Ref, Dismissal, str]]:
    """Units that look binding and are dismissed, with the reason and what looks binding: for a person to see."""
    found = []
    claimed = {ref for s in reading.statements for ref in s.units}
    for dismissal in reading.dismissed:
        for file, unit_id in dismissal.units:
            unit = corpus.unit(file, unit_id)
            if unit is not None and (file, unit_id) not in claimed and (why := binding(unit)):
                found.append(((file, unit_id), dismissal, why))
    return found


def claimants(statements: Iterable[Statement]) -> Mapping[Ref, list[Statement]]:
    """The statements that claim each unit."""
    found: dict[Ref, list[Statement]] = {}
    for statement in statements:
        for ref in statement.units:
            found.setdefault(ref, []).append(statement)
    return found
