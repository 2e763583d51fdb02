"""The texts of a plan, each with its place: what the text rules run over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from planagent.model import Finding

if TYPE_CHECKING:
    from planagent.plan.plan import Plan

Kind = Literal["ruling", "item", "task", "overview", "prose"]
"""What a line is: `prose` is text of another program's plan that stands outside its tasks."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of text. `key` is the item or task it belongs to, `line` its line in the file or 0; `proof` is a line that says what
    a test sees, which has data of its own."""

    place: str
    key: str
    kind: Kind
    text: str
    section: int = 0
    line: int = 0
    proof: bool = False

    def finding(self, rule: str, message: str, remedy: str, excerpt: str = "") -> Finding:
        return Finding(rule, self.place, message, remedy, self.line, self.key, excerpt)


def units_of_plan(plan: Plan, lines: dict[str, int], text: str) -> Iterator[Unit]:
    """Every text of a plan with the line it stands in, tasks' titles included.

    Args:
        lines: line of each ruling, item and task, as the parser found them.
        text: the file, in which the line of each text is looked up below its part's first line.
    """
    file = text.split("\n")
    for name, told in (("approach", plan.approach), ("conventions", plan.conventions), ("out of scope", plan.excluded)):
        for line in told:
            yield Unit(name, name, "overview", line, line=_line_of(line, file, 1))
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
                for line in row.lines:
                    at = _line_of(line, file, start)
                    yield Unit(f"item {item.number}", item.key, "item", line, section.number, at, section.number == 9)
    for task in plan.tasks:
        start = lines.get(task.id, 0)
        for line in (task.title, *task.gives, *task.steps, task.done_when):
            proof = task.section == 9 or line == task.done_when
            yield Unit(task.id, task.key, "task", line, task.section, _line_of(line, file, start), proof)


def _line_of(text: str, file: list[str], start: int) -> int:
    """The first line from `start` on that holds the text; `start` when none of its part does."""
    for number in range(max(start, 1), min(len(file), start + 400) + 1):
        if text in file[number - 1]:
            return number
    return start
