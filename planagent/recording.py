"""The answers that a plan was made from, in a file for version control: whoever plans from the same specs gets the same plan
without a call, a key or a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planagent.briefs.brief import Record, fingerprint
from planagent.briefs.decide import material_of
from planagent.errors import UsageError
from planagent.files import decode, read_bytes, write_atomically
from planagent.ledger import Ledger
from planagent.model import have
from planagent.reviewing import REVIEWED, settled_reviews
from planagent.stages import DECIDED, FORMER, decide_stage, decided, over_stage, write_stage

if TYPE_CHECKING:
    from planagent.pipeline import Session

FORMAT = "planagent answers, format 1"
_NOTES = (DECIDED, FORMER, REVIEWED)
"""The ledger's notes that the next plan from the same specs rests on too."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who answered one kind of brief."""

    name: str
    identity: dict[str, Any]
    small: bool = False


@dataclass(slots=True)
class Recording:
    """A recording as it is read: authors by the kind of brief, records by their key in the ledger, notes by name."""

    authors: dict[str, Author] = field(default_factory=dict)
    answers: dict[str, Record] = field(default_factory=dict)
    notes: dict[str, Record] = field(default_factory=dict)

    def put_into(self, ledger: Ledger) -> None:
        """What the ledger has not, as if it had been answered here."""
        known = ledger.get(self.answers)
        ledger.put({k: v for k, v in self.answers.items() if k not in known})
        for name, value in self.notes.items():
            if not ledger.noted(name):
                ledger.note(name, value)


def read_recording(path: Path, tell: Callable[[str], None]) -> Recording | None:
    """The recording at a path; None where there is none.

    Each line carries the hash of what it says. One that was edited, cut off or left by an unfinished merge is passed over with a
    warning: what it held is open again.

    Raises:
        UsageError: the file is no recording.
    """
    if not path.is_file():
        return None
    first, *lines = decode(read_bytes(path))[0].splitlines() or [""]
    head = _object(first)
    if head.get("format") != FORMAT or not isinstance(head.get("by"), dict):
        raise UsageError(
            f"{path}: its first line is not that of a recording ({FORMAT}).",
            "Restore it from version control; or delete it, and plan again with whoever answered.",
        )
    recording = Recording({k: Author(a["name"], a["identity"], bool(a.get("small"))) for k, a in head["by"].items() if _is_author(a)})
    damaged = 0
    for line in filter(str.strip, lines):
        entry = _object(line)
        name, value = entry.get("key") or entry.get("note"), entry.get("value")
        if not isinstance(name, str) or not isinstance(value, dict) or entry.get("sum") != _sum(name, value):
            damaged += 1
        else:
            (recording.answers if "key" in entry else recording.notes)[name] = value
    if damaged:
        what = "1 line is" if damaged == 1 else f"{damaged} lines are"
        tell(f"warning: {path}: {what} not as written; what was held there counts as not answered. Restore the file from version control.")
    return recording


def write_recording(path: Path, session: Session) -> None:
    """Who answered what the plan is made of, sorted, so that a change of the specs changes few lines of the file.

    What reviews had mended is recorded as it is now: the way to it is of no use to whoever plans again.
    """
    by = {
        kind: {"name": r.model.name, "identity": r.model.identity, "small": r.model.shape.small} for kind, r in sorted(session.runs.items())
    }
    ledger = session.runs["read"].ledger
    notes = {n: value for n in _NOTES if (value := ledger.noted(n))}
    if REVIEWED in notes:
        notes[REVIEWED] = settled_reviews(session)
    lines = [_line({"format": FORMAT, "by": by}), *_lines("note", sorted(notes.items())), *_lines("key", sorted(_settled(session).items()))]
    text = "\n".join(lines) + "\n"
    if not path.is_file() or path.read_bytes() != text.encode():
        write_atomically(path, text)


def _settled(session: Session) -> dict[str, Record]:
    """The records that lead to the session's plan, by their key, each with its kind."""
    decide, write = session.runs["decide"], session.runs["write"]
    stage = decide_stage(session)
    found = {k: {**v, "kind": kind} for r in session.each_run for (kind, k), v in r.used.items() if kind == "read"}
    decision = have(session.decision)
    if not decide.by_rule:
        if len(stage.groups) > 1:
            keys = {decide.key(stage, p) for p in stage.parts}
            found |= {k: {**v, "kind": "decide"} for (_, k), v in decide.used.items() if k in keys}
            stage = over_stage(stage, decided(stage, decide.recall(stage)))
        part = stage.parts[0]
        materials = {s.key: material_of(s) for s in part.payload.statements}
        found[decide.key(stage, part)] = {
            "decision": decision.as_record(), "materials": materials, "open": [], "part": part.key, "kind": "decide",
        }  # fmt: skip
    if not write.by_rule:
        written = write_stage(session)
        found |= {write.key(written, p): {**session.written[p.key], "part": p.key, "kind": "write"} for p in written.parts}
    return found


def _lines(label: str, entries: Iterable[tuple[str, Record]]) -> Iterator[str]:
    return (_line({label: name, "sum": _sum(name, value), "value": value}) for name, value in entries)


def _line(value: Record) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _sum(name: str, value: Record) -> str:
    return fingerprint([name, value])[:12]


def _object(line: str) -> Record:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_author(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("identity"), dict)
