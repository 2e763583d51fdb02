"""The plan as a value: what is rendered to Markdown and parsed back from it."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from planagent.statements.statement import Kind, Modality, Origin, Reason

_SOURCE = re.compile(r"(\S.*?) \(L(\d+)(?:-L(\d+))?\)")


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Value):
    """A cited passage: anchor (`path#slug`) and line range."""

    anchor: str
    start: int
    end: int

    @property
    def path(self) -> str:
        return self.anchor.partition("#")[0]

    @classmethod
    def parse(cls, text: str) -> Source | None:
        """The inverse of `str`; None for a text of another form."""
        match = _SOURCE.fullmatch(text.strip())
        if not match:
            return None
        return cls(anchor=match[1], start=int(match[2]), end=int(match[3] or match[2]))

    def __str__(self) -> str:
        lines = f"L{self.start}" if self.end <= self.start else f"L{self.start}-L{self.end}"
        return f"{self.anchor} ({lines})"


class Ruling(Value):
    """A decision (D), an assumed gap (G), a trap (R) or a prerequisite (P).

    `topic` is the lasting key behind the number; `about` are keys of the statements that it is about.
    """

    id: str = ""
    topic: str
    title: str
    statement: str
    default: str
    why: str = ""
    options: tuple[str, ...] = ()
    answer: str = ""
    waits: bool = False
    about: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def letter(self) -> str:
        return self.id[:1]

    @property
    def rule(self) -> str:
        """What holds: a person's answer, else the default."""
        return self.answer or self.default


TITLE = "Backend Implementation Plan"
OWN = "own-"
"""Beginning of the keys of parts that somebody added by hand, or whose key was taken away."""


class Row(Value):
    label: str
    lines: tuple[str, ...]


class PlanItem(Value):
    number: str
    key: str
    title: str
    rows: tuple[Row, ...] = ()
    covers: tuple[str, ...] = ()
    rulings: tuple[str, ...] = ()
    task: str = ""

    def texts(self) -> list[str]:
        return [self.title, *(line for row in self.rows for line in row.lines)]


class PlanSection(Value):
    number: int
    title: str
    intro: tuple[str, ...] = ()
    items: tuple[PlanItem, ...] = ()


class Task(Value):
    """One task of section 10. `condition` is the answer that calls for it (`D2: cookie`), '' for always.

    `covers` are keys of statements, `proves` ids of the tasks whose work it proves.
    """

    id: str
    key: str
    title: str
    section: int = 0
    file: str = ""
    phase: str = ""
    parallel: bool = False
    done: bool = False
    condition: str = ""
    items: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    """What other tasks take from this one: a name in code marks and what it is."""
    rulings: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    steps: tuple[str, ...] = ()
    done_when: str = ""
    forced: str = ""
    """Why it was ticked, where something spoke against it."""
    again: str = ""
    """Why somebody should look at it again though it is done: a re-plan changed it, or what it rests on."""

    @property
    def own(self) -> bool:
        """A person's own task, which no specs ask for: it is kept as it is."""
        return self.key.startswith(OWN) and not self.covers

    def texts(self) -> list[str]:
        return [self.title, self.file, *self.gives, *self.steps, self.done_when]


class Traced(Value):
    """A statement as the plan carries it: enough to prove the plan against the specs without model or ledger."""

    key: str
    kind: Kind
    modality: Modality
    says: str = ""
    name: str = ""
    facts: tuple[str, ...] = ()
    component: str = ""
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """`path L3-L5.2`: a document and runs of its units."""
    origin: Origin = "model"


class FileAccount(Value):
    """The account of one document: its digest when it was read, and runs of dismissed units with their reason."""

    path: str
    digest: str
    dismissed: tuple[tuple[str, Reason, str], ...] = ()
    """Runs of units (`L1-L4,L9`), reason, key of the statement that it is dismissed for or ''."""


class Plan(Value):
    """The whole plan. Waves, critical path and the trace are computed when it is rendered."""

    title: str
    writer: str
    scope: str = ""
    read_share: str = ""
    """How much of the specs was read, and how much handed on unread."""
    documents: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    approach: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    excluded: tuple[str, ...] = ()
    sections: tuple[PlanSection, ...] = ()
    tasks: tuple[Task, ...] = ()
    statements: tuple[Traced, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    """Keys of statements that whoever decides took back, each with the reason."""
    accounts: tuple[FileAccount, ...] = ()
    next_task: int = 1
    findings: tuple[str, ...] = ()
    state: str = ""
    """Hash of everything but the writer that the plan was made from, as `planagent.freshness` works it out."""
    writer_id: str = ""
    passages: tuple[tuple[str, str], ...] = ()
    """Anchor and content hash of passages, as the plan was made from them."""
    units: tuple[tuple[str, str], ...] = ()
    """Anchor of each passage and its units with their hashes, as `planagent.plan.changes` writes them."""
