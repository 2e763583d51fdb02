"""Which tasks of a plan can be done now, by needs and ticks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from planagent.plan.plan import Plan, Task

_FORCED, _AGAIN = "  - Forced: ", "  - Look again: "


def due(plan: Plan) -> list[Task]:
    """The tasks that are to be done: all but those that wait for an answer which nobody has given."""
    return [t for t in plan.tasks if not t.condition]


def open_needs(plan: Plan, task: Task) -> list[Task]:
    """What has to be done before a task. A task that is not to be done holds nothing up."""
    by_id = {t.id: t for t in due(plan)}
    return [by_id[n] for n in task.needs if n in by_id and not by_id[n].done]


def ready(plan: Plan) -> list[Task]:
    """The tasks that can be done now, in the order of the plan; none only when all are done."""
    finished = {t.id for t in plan.tasks if t.done or t.condition}
    return [t for t in due(plan) if not t.done and finished.issuperset(t.needs)]


def users(plan: Plan, ids: Iterable[str]) -> list[Task]:
    """The tasks that are done and need one of these."""
    wanted = set(ids)
    return [t for t in plan.tasks if t.done and wanted & set(t.needs)]


def tick(text: str, ids: Iterable[str], *, done: bool = True, forced: str = "") -> str:
    """A plan's text with some tasks ticked, or not ticked any more; nothing else of it changes.

    Args:
        forced: why, when something spoke against it; it stands below the task from then on.

    Raises:
        ValueError: the text has no such task.
    """
    lines = text.split("\n")
    for task_id in ids:
        head = re.compile(rf"- \[[ xX]\] {re.escape(task_id)} ")
        at = next((n for n, line in enumerate(lines) if head.match(line)), None)
        if at is None:
            raise ValueError(f"no task {task_id}")
        line_end = "\r" if lines[at].endswith("\r") else ""
        lines[at] = f"- [{'x' if done else ' '}]" + lines[at][5:]
        end = at + 1
        while end < len(lines) and lines[end].startswith("  "):
            end += 1
        body = [line for line in lines[at + 1 : end] if not line.startswith((_FORCED, _AGAIN))]
        if done and forced:
            body.append(f"{_FORCED}{forced}{line_end}")
        lines[at + 1 : end] = body
    return "\n".join(lines)
