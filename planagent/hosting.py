"""A run whose answerer is a coding agent: its open briefs, its answers, and the plan at its end.

Nothing is held between two commands but what the ledger holds: accepted answers part by part, under all that they rest on. A
brief's id tells its content: one whose specs or decisions have changed since is known as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from planagent.answers import parse, salvage
from planagent.briefs.brief import HOST, STAGES, Brief, Outcome, Part, Record, Shape, Stage, pack
from planagent.briefs.read import reopened
from planagent.choosing import open_runs
from planagent.errors import AnswerError, FindingsError, OpenError, StaleError, UsageError
from planagent.model import Finding
from planagent.pipeline import Session, find, make_plan
from planagent.reviewing import stages
from planagent.running import Run
from planagent.settings import Settings
from planagent.workspace import answers_folder

LONGEST_ANSWER = 800_000
"""Characters; the longest answer that a brief asks for has a tenth of it."""
_NOTES = "host "
"""Beginning of the names of the ledger's notes on briefs that were handed out."""


@dataclass(frozen=True, slots=True)
class OpenBrief:
    """A brief with what is open of it. `told` are the findings on the last answer to it."""

    brief: Brief
    told: tuple[str, ...] = ()
    answered: tuple[Record, ...] = ()
    """What is accepted of it, where all of it is."""

    @property
    def id(self) -> str:
        return self.brief.id


@dataclass(slots=True)
class Receipt:
    """What became of an answer: keys of parts, accepted or open; findings on the open ones; what was left out without need."""

    id: str
    accepted: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left_out: list[Finding] = field(default_factory=list)
    whole: bool = True


class Desk:
    """What is open in a host's run, and where answers go. Looks at the ledger once; make a new one for each command."""

    def __init__(self, session: Session, shape: Shape = HOST) -> None:
        self._session = session
        self._shape = shape
        self.stage = "ready"
        self._current: tuple[Run, Stage, dict[str, Record]] | None = None
        self._done: list[tuple[Run, Stage]] = []
        for run, stage in stages(session):
            known = run.recall(stage)
            if any(p.key not in known or not stage.whole(p, known[p.key]) for p in stage.parts):
                self.stage = STAGES[stage.kind]
                self._current = (run, stage, known)
                break
            self._done.append((run, stage))

    @property
    def complete(self) -> bool:
        """Nothing is open: the plan can be merged."""
        return self._current is None

    def _open_parts(self) -> list[Part]:
        if self._current is None:
            return []
        _, stage, known = self._current
        return [p for p in stage.parts if p.key not in known or not stage.whole(p, known[p.key])]

    def open(self) -> list[OpenBrief]:
        """The open briefs of the stage that the run is in; the next stage follows when they are answered."""
        if self._current is None:
            return []
        run, stage, _known = self._current
        found = []
        handed = run.ledger.notes(_NOTES)
        wanted = {p.key: p for p in self._open_parts()}
        for brief_id, note in handed.items():
            parts = [wanted.pop(k) for k, v in note.get("parts", {}).items() if k in wanted and v == run.key(stage, wanted[k])]
            if parts and stage.kind == "read":
                parts = self._noted_parts(brief_id, run, stage)
            if parts:
                found.append(self._opened(parts, brief_id, tuple(note.get("told", ()))))
        for batch in pack(list(wanted.values()), self._shape.room(stage.kind)):
            one = self._opened(batch)
            note = {"parts": {p.key: run.key(stage, p) for p in batch}, "told": []}
            run.ledger.note(_NOTES + one.id, note)
            found.append(one)
        order = {p.key: n for n, p in enumerate(stage.parts)}
        return sorted(found, key=lambda o: min(order[k] for k in o.brief.keys))

    def _opened(self, parts: list[Part], brief_id: str = "", told: tuple[str, ...] = ()) -> OpenBrief:
        assert self._current is not None  # noqa: S101
        _, stage, known = self._current
        brief = stage.brief(parts, known, self._shape)
        return OpenBrief(_named(brief, brief_id) if brief_id else brief, told)

    def take(self, brief_id: str) -> OpenBrief:
        """One open brief, or one that is answered whole, with what was accepted: by its id, or by the name of a task or passage in it.

        Raises:
            StaleError: what it asks for rests on something else by now.
            UsageError: there is none of that id.
        """
        found = next((o for o in self.open() if brief_id in (o.id, *o.brief.keys)), None)
        if found:
            return found
        brief_id = self._of_part(brief_id)
        _run, stage, parts, known = self._answered(brief_id)
        brief = stage.brief(parts, {}, self._shape)
        return OpenBrief(_named(brief, brief_id), (), tuple(known[p.key] for p in parts if p.key in known))

    def _of_part(self, name: str) -> str:
        """The id of a brief about one answered part, where the name is that of a passage or task; else the name."""
        for run, stage in reversed(self._done):
            part = next((p for p in stage.parts if p.key == name), None)
            if part is not None:
                brief_id = stage.brief([part], {}, self._shape).id
                run.ledger.note(_NOTES + brief_id, {"parts": {part.key: run.key(stage, part)}, "told": []})
                return brief_id
        return name

    def _answered(self, brief_id: str) -> tuple[Run, Stage, list[Part], dict[str, Record]]:
        run = self._session.runs["read"]
        note = run.ledger.noted(_NOTES + brief_id)
        if not note:
            ids = ", ".join(o.id for o in self.open()) or "none, the plan can be merged"
            raise UsageError(f"There is no brief {brief_id!r}.", f"Open: {ids}.")
        for mine, stage in self._done:
            parts = [p for p in stage.parts if note["parts"].get(p.key) == mine.key(stage, p)]
            if parts:
                return mine, stage, parts, mine.recall(stage)
        raise StaleError(
            f"Brief {brief_id} is out of date: what it asked for is done with, or rests on something else by now.",
            "`planagent brief` lists what is open now.",
        )

    def submit(self, brief_id: str, text: str) -> Receipt:
        """Checks an answer and keeps what is right of it; parts that are whole are accepted at once.

        Raises:
            StaleError: all that the brief asks for rests on something else by now.
            UsageError: there is no such brief.
        """
        opened = next((o for o in self.open() if o.id == brief_id), None)
        if opened is not None and self._current is not None:
            run, stage, known = self._current
            parts = self._noted_parts(brief_id, run, stage)
        else:
            run, stage, parts, known = self._answered(brief_id)
            known = {k: v for k, v in known.items() if stage.kind != "read"}
        receipt = Receipt(brief_id)
        value = _read(text, receipt)
        if value is not None:
            outcome = self._anew(stage, parts, value, known) or stage.accept(parts, value, known)
            run.keep(stage, parts, outcome.records)
            known |= outcome.records
            receipt.findings, receipt.left_out = outcome.findings, outcome.left_out
        receipt.open = [p.key for p in parts if p.key not in known or not stage.whole(p, known[p.key])]
        receipt.accepted = [p.key for p in parts if p.key not in receipt.open]
        if not receipt.open:
            receipt.left_out += receipt.findings
            receipt.findings = []
        told = [f"{f.place}: {f.rule} {f.message}. {f.remedy}" for f in receipt.findings]
        before = run.ledger.noted(_NOTES + brief_id).get("parts", {})
        asked = before | {p.key: run.key(stage, p) for p in parts}
        run.ledger.note(_NOTES + brief_id, {"parts": asked, "told": told})
        return receipt

    @staticmethod
    def _anew(stage: Stage, parts: list[Part], value: dict[str, Any], known: dict[str, Record]) -> Outcome | None:
        """What becomes of an answer that accounts for all of a reading by itself: it takes the place of what was accepted before, which is
        how a host corrects itself while something is open. None for any other."""
        if stage.kind != "read" or not any(p.key in known for p in parts):
            return None
        outcome = stage.accept(parts, value, {p.key: reopened(p, known[p.key]) for p in parts if p.key in known})
        return outcome if not outcome.findings and all(stage.whole(p, outcome.records[p.key]) for p in parts) else None

    def _noted_parts(self, brief_id: str, run: Run, stage: Stage) -> list[Part]:
        """All parts of a brief: what is accepted of it may be answered better while the rest is open."""
        asked = run.ledger.noted(_NOTES + brief_id).get("parts", {})
        return [p for p in stage.parts if asked.get(p.key) == run.key(stage, p)]

    def answered(self) -> list[str]:
        """Ids of the briefs that are answered whole, and can be answered again."""
        found = []
        keys = {(p.key, run.key(stage, p)) for run, stage in self._done for p in stage.parts}
        for brief_id, note in self._session.runs["read"].ledger.notes(_NOTES).items():
            if any(item in keys for item in note.get("parts", {}).items()):
                found.append(brief_id)
        return found

    def forget_old(self) -> None:
        """Drops what is noted of briefs none of which holds any more."""
        ledger = self._session.runs["read"].ledger
        kept = {i: ledger.noted(_NOTES + i) for i in self.answered()}
        ledger.forget_notes(_NOTES)
        for brief_id, note in kept.items():
            ledger.note(_NOTES + brief_id, note)


def _named(brief: Brief, brief_id: str) -> Brief:
    from dataclasses import replace

    return replace(brief, id=brief_id)


def _read(text: str, receipt: Receipt) -> dict[str, Any] | None:
    """The answer's JSON; the finished entries of a broken one; None and a finding where nothing can be used."""
    if len(text) > LONGEST_ANSWER:
        raise UsageError(
            f"The answer has {len(text):,} characters, more than the {LONGEST_ANSWER:,} that any brief asks for.",
            "Hand in the one JSON object that the brief asks for.",
        )
    try:
        return parse(text)
    except AnswerError as error:
        receipt.whole = False
        value = salvage(text)
        if not value:
            told = "Answer with the one JSON object of the schema."
            receipt.findings = [Finding("PA907", "answer", error.message.rstrip("."), told, 0, "answer")]
            return None
        return value


@contextmanager
def desk_of(settings: Settings, tell: Callable[[str], None], most: int = 0) -> Iterator[Desk]:
    """What is open in a workspace, from its specs as they are now.

    Args:
        most: tokens of the parts in one brief; 0 for the usual.

    Raises:
        PlanagentError: as reading and planning do.
    """
    from dataclasses import replace

    session = Session(settings, host=True, tell=tell)
    find(session)
    open_runs(session)
    answers_folder(settings)
    try:
        yield Desk(session, replace(HOST, most_tokens=most) if most else HOST)
    finally:
        session.runs["read"].ledger.close()


def merge(session: Session) -> Session:
    """Makes the plan of the answers that were handed in.

    Raises:
        OpenError: briefs are open, and the rules are not to fill in.
        PlanagentError: as for any answerer.
    """
    session.host = True
    try:
        make_plan(session)
    except OpenError as error:
        with desk_of(session.settings, session.tell) as desk:
            ids = [o.id for o in desk.open()]
        what = f"{len(ids)} briefs are open" if len(ids) > 1 else "One brief is open"
        raise OpenError(f"{what}: {', '.join(ids)}.", error.remedy) from None
    except FindingsError as error:
        raise FindingsError(
            error.message,
            "Nothing was written. `planagent brief` lists answered briefs too, and prints them with their answers: hand in "
            "what you change, then merge again.",
        ) from error
    with desk_of(session.settings, session.tell) as desk:
        desk.forget_old()
    return session
