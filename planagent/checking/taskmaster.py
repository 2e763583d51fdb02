"""Task Master's `tasks.json` as a view: `{"tasks": […]}`, or one such object for each tag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from planagent.checking.code import Block
from planagent.checking.units import Unit
from planagent.checking.view import Entry, View, blocks_of

_TEXTS = ("title", "description", "details", "testStrategy")


class NotTaskMaster(ValueError):
    """The JSON has no task list of Task Master's form."""


def view_of_taskmaster(text: str) -> View:
    """Reads a task file. Subtasks are tasks with ids like `3.2`; each tag's tasks are told apart by `tag:`.

    Raises:
        NotTaskMaster: not JSON, or without a list of tasks; the message says where.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotTaskMaster(f"not valid JSON ({error})") from error
    tags = _tags(value)
    if not tags:
        raise NotTaskMaster("no list `tasks` with ids in it")
    finder = _Finder(text)
    entries: list[Entry] = []
    units: list[Unit] = []
    blocks: list[Block] = []
    for tag, tasks in tags.items():
        prefix = f"{tag}:" if len(tags) > 1 else ""
        for task_id, task, siblings in _walk(tasks):
            entry, texts = _entry(prefix, task_id, task, siblings, finder)
            entries.append(entry)
            for line_text, line in texts:
                units.append(Unit(entry.id, entry.id, "task", line_text, 0, line))
            blocks += _blocks(entry, task)
    return View("Task Master", text, tuple(entries), tuple(units), tuple(blocks))


def _tags(value: Any) -> dict[str, list[dict[str, Any]]]:
    if not isinstance(value, dict):
        return {}
    if _is_list(value.get("tasks")):
        return {"master": value["tasks"]}
    return {str(tag): held["tasks"] for tag, held in value.items() if isinstance(held, dict) and _is_list(held.get("tasks"))}


def _is_list(tasks: Any) -> bool:
    return isinstance(tasks, list) and all(isinstance(t, dict) and "id" in t for t in tasks)


def _walk(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each task, then its subtasks, with the prefix that a subtask's plain number needs."""
    for task in tasks:
        yield str(task["id"]), task, ""
        for sub in task.get("subtasks") or []:
            if isinstance(sub, dict) and "id" in sub:
                own = str(sub["id"])
                yield own if "." in own else f"{task['id']}.{own}", sub, f"{task['id']}."


def _entry(prefix: str, task_id: str, task: dict[str, Any], siblings: str, finder: _Finder) -> tuple[Entry, list[tuple[str, int]]]:
    texts: list[tuple[str, int]] = []
    first = 0
    for name in _TEXTS:
        value = task.get(name)
        if not isinstance(value, str) or not value.strip():
            continue
        line = finder.line_of(value)
        first = first or line
        texts += [(part.strip(), line) for part in _prose(value) if part.strip()]
    needs = []
    for need in task.get("dependencies") or []:
        own = str(need)
        # A subtask's plain number is a sibling; with a dot it is spelled out already.
        needs.append(prefix + (own if "." in own or not siblings else siblings + own))
    proof = str(task.get("testStrategy") or "").strip()
    entry = Entry(
        id=prefix + task_id,
        title=str(task.get("title") or "").strip(),
        line=first,
        text=" ".join(t for t, _ in texts),
        needs=tuple(needs),
        proof=proof,
        proof_line=finder.seen(str(task.get("testStrategy") or "")) or first,
    )
    return entry, texts


def _prose(value: str) -> Iterator[str]:
    """The lines of a text that stand outside its fences."""
    inside = {n for b in blocks_of(value) for n in range(b.line, b.line + len(b.lines))}
    for number, line in enumerate(value.split("\n"), 1):
        if number not in inside:
            yield line


def _blocks(entry: Entry, task: dict[str, Any]) -> Iterator[Block]:
    for name in _TEXTS:
        value = task.get(name)
        for block in blocks_of(value) if isinstance(value, str) else ():
            yield Block(entry.line, block.language, block.lines, entry.id)


class _Finder:
    """Lines of strings in the file, looked up in the order in which they stand there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._seen: dict[str, int] = {}

    def line_of(self, value: str) -> int:
        """1-based line of a string; of its first place when it stands nowhere further on."""
        for written in (json.dumps(value, ensure_ascii=False), json.dumps(value)):
            found = self._text.find(written, self._at)
            found = found if found >= 0 else self._text.find(written)
            if found >= 0:
                self._at = max(self._at, found)
                self._seen[value] = self._text.count("\n", 0, found) + 1
                return self._seen[value]
        return 1

    def seen(self, value: str) -> int:
        return self._seen.get(value, 0)
