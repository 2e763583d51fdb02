"""What a person corrects for good: `[[overrides]]` in planagent.toml, by the words that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from planagent.errors import UsageError
from planagent.model import Corpus
from planagent.statements.statement import KINDS, MODALITIES, REASONS, Dismissal, Reading, Ref, Statement, slug

FORM = 'Give `quote = "words of the line"` and `dismiss = "reason"`, or `quote` with `kind` and `says`, or `reject = "statement\'s key"`.'


def overridden(corpus: Corpus, reading: Reading, overrides: Iterable[Mapping[str, str]]) -> Reading:
    """The reading with a person's corrections, which count for more than any reader's.

    Raises:
        UsageError: a correction is malformed, or its words stand nowhere any more.
    """
    for entry in overrides:
        if "reject" in entry:
            reading = _without(reading, entry["reject"])
        else:
            units = _units(corpus, entry.get("quote", ""))
            if not units:
                raise UsageError(f"planagent.toml: no line of the specs holds {entry.get('quote', '')!r}.", FORM)
            reading = _dismissed(reading, units, entry["dismiss"]) if "dismiss" in entry else _claimed(corpus, reading, units, entry)
    return reading


def _units(corpus: Corpus, quote: str) -> tuple[Ref, ...]:
    wanted = " ".join(quote.split()).casefold()
    return tuple((d.path, u.id) for d in corpus.read for u in d.units if wanted and wanted in " ".join(u.text.split()).casefold())


def _without(reading: Reading, key: str) -> Reading:
    gone = next((s for s in reading.statements if s.key == key), None)
    if gone is None:
        return reading
    rest = tuple(s for s in reading.statements if s.key != key)
    held = {r for s in rest for r in s.units}
    left = tuple(r for r in gone.units if r not in held)
    return replace(reading, statements=rest, dismissed=(*reading.dismissed, Dismissal("other-scope", left)))


def _dismissed(reading: Reading, units: tuple[Ref, ...], reason: str) -> Reading:
    if reason not in REASONS:
        raise UsageError(f"planagent.toml: `{reason}` is no reason.", f"One of {', '.join(REASONS)}.")
    statements = [replace(s, units=tuple(u for u in s.units if u not in units)) for s in reading.statements]
    others = [replace(d, units=tuple(u for u in d.units if u not in units)) for d in reading.dismissed]
    mine = Dismissal(reason, units)  # type: ignore[arg-type]
    return replace(reading, statements=tuple(s for s in statements if s.units), dismissed=(*(d for d in others if d.units), mine))


def _claimed(corpus: Corpus, reading: Reading, units: tuple[Ref, ...], entry: Mapping[str, str]) -> Reading:
    kind, says, modality = entry.get("kind", "rule"), entry.get("says", ""), entry.get("modality", "must")
    if kind not in KINDS or modality not in MODALITIES or not says:
        raise UsageError("planagent.toml: an override is no statement.", FORM)
    document = corpus.document(units[0][0])
    statement = Statement(
        f"own-{slug(entry.get('name') or says, 28)}", kind, modality, says, units, entry.get("name", ""),  # type: ignore[arg-type]
        component=document.component if document else "", feature=document.feature if document else "", origin="person",
    )  # fmt: skip
    left = [replace(d, units=tuple(u for u in d.units if u not in units)) for d in reading.dismissed]
    return replace(reading, statements=(*reading.statements, statement), dismissed=tuple(d for d in left if d.units))
