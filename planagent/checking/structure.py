"""PA904 to PA906: references within the file, length of the plan, of its lines and of its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from planagent.checking.lines import without_comments
from planagent.model import Finding
from planagent.plan.sections import budget

if TYPE_CHECKING:
    from planagent.plan.plan import Plan

_REFERENCE = re.compile(r"\(((?:[DGRP]\d+)(?:, [DGRP]\d+)*)\)|\b(T\d{3,})\b|\b(?:item|items) (\d\d?\.\d+)")
_COUNTED_OUT = re.compile(
    r"^\s*(?:- (?:Sources|Needs|Covers|Rulings|Items|(?:To be c|C)onfirmed, rests on it|Wave \d+[^:]*|Documents|Left out|Proves):|<!--|\|)"
)


def check_references(plan: Plan, lines: dict[str, int]) -> Iterator[Finding]:
    """PA904: every decision, gap, task and item that a text or list points at is in the file."""
    rulings = {r.id for r in plan.rulings}
    tasks = {t.id for t in plan.tasks}
    items = {i.number for s in plan.sections for i in s.items}

    # What specs call so (`T054` in an example) is theirs.
    theirs = " ".join(t for s in plan.statements for t in (s.says, s.name, *s.facts, *s.labels))

    def missing(text: str) -> list[str]:
        found = []
        for group, task, item in _REFERENCE.findall(text):
            found += [r for r in group.split(", ") if r and r not in rulings]
            found += [task] if task and task not in tasks and task not in theirs else []
            found += [item] if item and item not in items else []
        return found

    for section in plan.sections:
        for entry in section.items:
            text = " ".join(line for row in entry.rows for line in row.lines)
            for name in missing(text):
                yield Finding(
                    "PA904",
                    f"item {entry.number}",
                    f"{name} is not in this file",
                    "Point at something that is.",
                    lines.get(entry.number, 0),
                    entry.key,
                )
    for task in plan.tasks:
        text = " ".join((*task.steps, task.done_when))
        listed = [r for r in task.rulings if r not in rulings] + [i for i in task.items if i not in items]
        condition = task.condition.partition(":")[0]
        for name in [*missing(text), *listed, *([condition] if condition and condition not in rulings else [])]:
            yield Finding("PA904", task.id, f"{name} is not in this file", "Point at something that is.", lines.get(task.id, 0), task.key)


def count_words(text: str) -> int:
    """Words that are read as sentences: reference lists, comments, waves and tables do not count."""
    return sum(len(line.split()) for line in without_comments(text).split("\n") if not _COUNTED_OUT.match(line))


def check_size(plan: Plan, text: str) -> Iterator[Finding]:
    """PA905, PA906: words for what is planned, beside the exact values that it has to carry; length of lines."""
    exact = sum(len(f.split()) for s in plan.statements for f in s.facts)
    words, most = count_words(text), round(1.5 * budget(list(plan.statements))) + exact
    # What nobody has read is as many tasks as passages: nobody could say it shorter.
    if words > most and "handed on" not in plan.read_share:
        yield Finding("PA905", "the plan", f"{words:,} words; a plan of this size has at most {most:,}", "Say each rule once, and shorter.")
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        # Lists of names are looked up, not read; they may be as long as what they list.
        if len(line) > 2000 and not _COUNTED_OUT.match(line):
            yield Finding("PA906", f"line {number}", f"{len(line):,} characters", "Break it into lines of one thought each.", number)


def stats(plan: Plan, text: str) -> dict[str, float | int]:
    """Figures of a plan: words, tasks, places that a task refers to, statements."""
    places = [len(t.items) + len(t.rulings) + len(t.needs) for t in plan.tasks]
    return {
        "words": count_words(text), "budget": budget(list(plan.statements)), "tasks": len(plan.tasks), "rulings": len(plan.rulings),
        "items": sum(len(s.items) for s in plan.sections), "statements": len(plan.statements), "most_places": max(places, default=0),
        "mean_places": round(sum(places) / len(places), 1) if places else 0,
    }  # fmt: skip
