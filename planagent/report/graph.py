"""The order of tasks as drawings: waves from left to right with needs as lines and the critical path marked; phases as bars over the waves.
Places only, no SVG."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from planagent.plan.graph import critical_path, waves
from planagent.plan.plan import Task

COLUMN, LINE, BOX, EDGE = 150, 30, 104, 22
"""Pixels: distance of two waves and of two tasks of one, width and height of a task."""
MOST_LINES = 1_500
"""Needs that are drawn; of a larger plan only those on the critical path."""


@dataclass(frozen=True, slots=True)
class Node:
    """A task with the corner of its box."""

    task: Task
    x: int
    y: int
    critical: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """`lines` are paths of SVG, each with whether it lies on the critical path; sizes in pixels."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    lines: tuple[tuple[str, bool], ...]
    waves: int
    all_lines: bool


def drawing(tasks: Sequence[Task]) -> Drawing:
    """Places every task that is not conditional."""
    fixed = {t.id: t for t in tasks if not t.condition}
    needs = {t.id: tuple(n for n in t.needs if n in fixed) for t in fixed.values()}
    path = critical_path(needs)
    steps = set(itertools.pairwise(path))
    columns = waves(needs)
    nodes = {
        task_id: Node(fixed[task_id], 10 + column * COLUMN, 34 + row * LINE, task_id in set(path))
        for column, wave in enumerate(columns)
        for row, task_id in enumerate(wave)
    }
    pairs = [(need, task_id) for task_id, wanted in needs.items() for need in wanted]
    whole = len(pairs) <= MOST_LINES
    lines = [(_line(nodes[a], nodes[b]), (a, b) in steps) for a, b in sorted(pairs, key=lambda p: p in steps) if whole or (a, b) in steps]
    width = 20 + max(1, len(columns)) * COLUMN
    height = 44 + max((len(w) for w in columns), default=1) * LINE
    return Drawing(width, height, tuple(nodes.values()), tuple(lines), len(columns), whole)


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the work, from its first wave to its last (1-based), with the tasks in each wave."""

    name: str
    first: int
    last: int
    tasks: int
    done: int


def phases(tasks: Sequence[Task]) -> tuple[Phase, ...]:
    """The phases of all tasks that are not conditional, as they begin."""
    fixed = {t.id: t for t in tasks if not t.condition}
    columns = waves({t.id: tuple(n for n in t.needs if n in fixed) for t in fixed.values()})
    at = {task_id: number for number, wave in enumerate(columns, 1) for task_id in wave}
    found: dict[str, list[Task]] = {}
    for task in fixed.values():
        found.setdefault(task.phase, []).append(task)
    made = [
        Phase(name, min(at[t.id] for t in mine), max(at[t.id] for t in mine), len(mine), sum(t.done for t in mine))
        for name, mine in found.items()
    ]
    return tuple(sorted(made, key=lambda p: (p.first, p.last)))


def _line(one: Node, other: Node) -> str:
    x, y, to_x, to_y = one.x + BOX, one.y + EDGE // 2, other.x, other.y + EDGE // 2
    bend = (to_x - x) // 2
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
