"""The texts of a draft or a plan, each with its place: what the text rules run over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from planagent.planning.drafts import SectionDraft
from planagent.planning.plan import Plan

Kind = Literal["ruling", "item", "task", "advice", "overview"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of text. `key` is the draft item or task it belongs to, `line` its line in the file or 0."""

    place: str
    key: str
    kind: Kind
    text: str
    section: int = 0
    line: int = 0


def units_of_draft(draft: SectionDraft) -> Iterator[Unit]:
    """Everything that the writer of a draft may have put into words."""
    number = getattr(draft, "number", 0)
    for index, text in enumerate(draft.intro, 1):
        yield Unit(f"section {number}, intro line {index}", "intro", "item", text, number)
    for item in draft.items:
        for label, lines in item.rows():
            kind: Kind = "advice" if label.startswith("Advice") else "item"
            for text in lines:
                yield Unit(f"item {item.title!r}, {label}", item.key, kind, text, number)
    for task in draft.tasks:
        for text in task.steps:
            yield Unit(f"task {task.key!r}, steps", task.key, "task", text, number)
        yield Unit(f"task {task.key!r}, done when", task.key, "task", task.done_when, number)
    for risk in draft.risks:
        yield Unit(f"section {number}, risk", "risks", "ruling", risk.text, number)
    for gap in draft.gaps:
        yield Unit(f"section {number}, gap", "gaps", "ruling", f"{gap.question} {gap.assumed}", number)
    for own in draft.own_tasks:
        for text in (own.title, *own.steps, own.done_when):
            yield Unit(f"own task {own.title!r}", "own_tasks", "task", text, number)


def units_of_plan(plan: Plan, lines: dict[str, int] | None = None) -> Iterator[Unit]:
    """Every text of a plan, tasks' titles included."""
    at = lines or {}
    for text in plan.approach:
        yield Unit("approach", "approach", "overview", text)
    for ruling in plan.rulings:
        for text in (ruling.title, ruling.statement, ruling.default, ruling.why, ruling.answer):
            if text:
                yield Unit(ruling.id, ruling.topic, "ruling", text, line=at.get(ruling.id, 0))
    for section in plan.sections:
        for text in section.intro:
            yield Unit(f"section {section.number}", "intro", "item", text, section.number)
        for item in section.items:
            for row in item.rows:
                kind: Kind = "advice" if row.label.startswith("Advice") else "item"
                for text in row.lines:
                    yield Unit(
                        f"item {item.number}", item.key, kind, text, section.number, at.get(item.number, 0)
                    )
    for task in plan.tasks:
        for text in (task.title, *task.steps, task.done_when):
            yield Unit(task.id, task.key, "task", text, 10, at.get(task.id, 0))
