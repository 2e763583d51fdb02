"""The plan as a value: what is rendered to Markdown and parsed back from it."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

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

    `topic` is the stable key behind the number; `applies` names what it concerns, in selectors.
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
    sources: tuple[Source, ...] = ()
    applies: tuple[str, ...] = Field(default=(), exclude=True)

    @property
    def letter(self) -> str:
        return self.id[:1]


class Row(Value):
    label: str
    lines: tuple[str, ...]


class PlanItem(Value):
    number: str
    key: str
    title: str
    rows: tuple[Row, ...] = ()
    rulings: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    task: str = ""


class PlanSection(Value):
    """`inputs` is the hash of what the section was made from, `prompts` of what its writer was asked with."""

    number: int
    title: str
    inputs: str = ""
    prompts: str = ""
    intro: tuple[str, ...] = ()
    items: tuple[PlanItem, ...] = ()


class Task(Value):
    """One task of section 10. `condition` is the answer that calls for it (`D2: cookie`), '' for always."""

    id: str
    key: str
    title: str
    file: str = ""
    phase: str = ""
    parallel: bool = False
    done: bool = False
    condition: str = ""
    items: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    """What other tasks take from this one: a name in code marks and what it is."""
    rulings: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    steps: tuple[str, ...] = ()
    done_when: str = ""
    forced: str = ""
    """Why it was ticked, where something spoke against it."""


class Plan(Value):
    """The whole plan. Waves, critical path and the proof table are computed from `tasks` when rendered."""

    title: str
    writer: str
    scope: str = ""
    documents: tuple[str, ...] = ()
    approach: tuple[str, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    excluded: tuple[str, ...] = ()
    sections: tuple[PlanSection, ...] = ()
    tasks: tuple[Task, ...] = ()
    proofs: tuple[tuple[str, str], ...] = ()
    """Obligation label and the id of the test task that proves it."""
    next_task: int = 1
    findings: tuple[str, ...] = ()
    state: str = ""
    """Hash of everything but the writer that the plan was made from, as `planagent.freshness` works it out."""
    writer_id: str = ""
    passages: tuple[tuple[str, str], ...] = ()
    """Anchor and content hash of every cited passage, as the plan was made from it."""
