"""The shapes of what commands that carry a plan out print."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planagent.outputs.shape import Shape


class ReadyTask(Shape):
    id: str
    title: str
    file: str
    parallel: bool


class Need(Shape):
    id: str
    title: str
    file: str
    done: bool
    gives: list[str]


class Row(Shape):
    label: str
    lines: list[str]


class Item(Shape):
    number: str
    title: str
    section: str
    rows: list[Row]


class SectionRules(Shape):
    section: int
    title: str
    lines: list[str]


class PageRuling(Shape):
    id: str
    title: str
    found: str
    rule: str
    by: Literal["a person", "default"]
    waits: bool


class Passage(Shape):
    source: str
    text: str


class TaskPage(Shape):
    id: str
    title: str
    file: str
    phase: str
    done: bool
    again: str
    condition: str
    needs: list[Need]
    open_needs: list[str]
    covers: list[str]
    conventions: list[str]
    gives: list[str]
    steps: list[str]
    done_when: str
    items: list[Item]
    rules: list[SectionRules]
    place: list[Item]
    rulings: list[PageRuling]
    passages: list[Passage]
    changed: list[str]


class Next(Shape):
    """`planagent next`."""

    plan: str
    current: bool
    done: int
    total: int
    ready: list[ReadyTask]
    task: TaskPage | None


class PhaseProgress(Shape):
    phase: str
    done: int
    total: int


class Progress(Shape):
    """`planagent progress`."""

    plan: str
    done: int
    total: int
    phases: list[PhaseProgress]
    ready: list[ReadyTask]
    waiting: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    forced: list[dict[str, Any]]
    again: list[dict[str, Any]]
    confirm: list[dict[str, Any]]


class Named(Shape):
    id: str
    title: str


class OldNew(Shape):
    old: list[str]
    new: list[str]


class Change(Shape):
    id: str
    title: str
    done: bool
    fields: dict[str, OldNew]
    tasks: list[str]


class RulingChanges(Shape):
    added: list[Named]
    removed: list[Named]
    changed: list[Change]


class Diff(Shape):
    """`planagent diff`."""

    added: list[Named]
    removed: list[Named]
    changed: list[Change]
    moved: list[str]
    same: int
    rulings: RulingChanges
    items: list[Change]
    redo: list[str]


class Ticked(Shape):
    """`planagent done`."""

    plan: str
    done: list[str] = Field(default_factory=list)
    reopened: list[str] = Field(default_factory=list)
    already: list[str]
    warnings: list[str]
    ready: list[str]
