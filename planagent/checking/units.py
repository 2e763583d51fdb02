"""The texts of a draft or a plan, each with its place: what the text rules run over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from planagent.model import Finding

if TYPE_CHECKING:
    from planagent.planning.drafts import SectionDraft
    from planagent.planning.plan import Plan

Kind = Literal["ruling", "item", "task", "advice", "overview", "prose"]
"""What a line is: `prose` is text of another program's plan that stands outside its tasks."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of text. `key` is the draft item or task it belongs to, `line` its line in the file or 0."""

    place: str
    key: str
    kind: Kind
    text: str
    section: int = 0
    line: int = 0

    def finding(self, rule: str, message: str, remedy: str, excerpt: str = "") -> Finding:
        return Finding(rule, self.place, message, remedy, self.line, self.key, excerpt)


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


def units_of_plan(plan: Plan, lines: dict[str, int], text: str) -> Iterator[Unit]:
    """Every text of a plan with the line it stands in, tasks' titles included.

    Args:
        lines: line of each ruling, item and task, as the parser found them.
        text: the file, in which the line of each text is looked up below its part's first line.
    """
    file = text.split("\n")
    for line in plan.approach:
        yield Unit("approach", "approach", "overview", line, line=_line_of(line, file, 1))
    for ruling in plan.rulings:
        start = lines.get(ruling.id, 0)
        for line in (ruling.title, ruling.statement, ruling.default, ruling.why, ruling.answer):
            if line:
                yield Unit(ruling.id, ruling.topic, "ruling", line, line=_line_of(line, file, start))
    for section in plan.sections:
        for line in section.intro:
            place = f"section {section.number}"
            yield Unit(place, "intro", "item", line, section.number, _line_of(line, file, 1))
        for item in section.items:
            start = lines.get(item.number, 0)
            for row in item.rows:
                kind: Kind = "advice" if row.label.startswith("Advice") else "item"
                for line in row.lines:
                    at = _line_of(line, file, start)
                    yield Unit(f"item {item.number}", item.key, kind, line, section.number, at)
    for task in plan.tasks:
        start = lines.get(task.id, 0)
        for line in (task.title, *task.steps, task.done_when):
            yield Unit(task.id, task.key, "task", line, 10, _line_of(line, file, start))


def _line_of(text: str, file: list[str], start: int) -> int:
    """The first line from `start` on that holds the text; `start` when none of its part does."""
    for number in range(max(start, 1), min(len(file), start + 400) + 1):
        if text in file[number - 1]:
            return number
    return start
