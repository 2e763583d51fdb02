"""What differs between two plans, in tasks and rulings, not in lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from planagent.plan.changes import Changes, edited_lines
from planagent.plan.plan import Plan, Ruling, Task

_TASK_FIELDS = ("title", "file", "condition", "needs", "covers", "gives", "rulings", "steps", "done_when")
_RULING_FIELDS = ("title", "statement", "default", "answer", "waits")


@dataclass(frozen=True, slots=True)
class Change:
    """A task, item or ruling that says something else; values are lists of lines."""

    id: str
    title: str
    done: bool
    fields: dict[str, tuple[list[str], list[str]]]
    tasks: tuple[str, ...] = ()
    """Of an item: the tasks that refer to it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`moved` are tasks whose only change is the lines they cite; `redo` were done, and they or their items changed."""

    added: tuple[Task, ...] = ()
    removed: tuple[Task, ...] = ()
    changed: tuple[Change, ...] = ()
    moved: tuple[str, ...] = ()
    same: int = 0
    rulings_added: tuple[Ruling, ...] = ()
    rulings_removed: tuple[Ruling, ...] = ()
    rulings_changed: tuple[Change, ...] = ()
    items: tuple[Change, ...] = ()
    redo: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True when both plans say the same, be it of other lines."""
        return not (
            self.added or self.removed or self.changed or self.rulings_added or self.rulings_removed or self.rulings_changed or self.items
        )


def compare(old: Plan, new: Plan) -> Difference:
    """Tasks are the same by their key, rulings by their topic, whatever their numbers."""
    before, after = {t.key: t for t in old.tasks}, {t.key: t for t in new.tasks}
    names = ({t.id: t.title for t in old.tasks}, {t.id: t.title for t in new.tasks})
    then, now = Changes(old), Changes(new)
    said = (dict(old.passages), dict(new.passages))
    changed, moved = [], []
    for key, task in after.items():
        was = before.get(key)
        if was is None:
            continue
        fields = dict(_task_fields(was, task, names))
        other = dict.fromkeys(s.anchor for s in task.sources if said[0].get(s.anchor) != said[1].get(s.anchor) and s.anchor in said[0])
        edited = edited_lines(then, now, was, task, other) if other else []
        if edited:
            fields["specs"] = ([], edited)
        if fields:
            changed.append(Change(task.id, task.title, task.done, fields))
        elif was.sources != task.sources:
            moved.append(task.id)
    items = tuple(_items(old, new))
    topics = {r.topic: r for r in old.rulings}
    rulings = []
    for ruling in new.rulings:
        known = topics.get(ruling.topic)
        fields = dict(_fields(known, ruling, _RULING_FIELDS)) if known else {}
        if fields:
            rulings.append(Change(ruling.id, ruling.title, False, fields))
    ruled = {r.id for r in rulings}
    touched = {c.id for c in changed} | {i for c in items for i in c.tasks} | {t.id for t in new.tasks if ruled & set(t.rulings)}
    redo = tuple(t.id for t in new.tasks if t.done and t.id in touched)
    kept = {r.topic for r in new.rulings}
    return Difference(
        tuple(t for k, t in after.items() if k not in before),
        tuple(t for k, t in before.items() if k not in after),
        tuple(changed),
        tuple(moved),
        sum(k in before for k in after) - len(changed),
        tuple(r for r in new.rulings if r.topic not in topics),
        tuple(r for r in old.rulings if r.topic not in kept),
        tuple(rulings),
        items,
        redo,
    )


def _why(found: Difference, task: Task) -> str:
    ruled = [c.id for c in found.rulings_changed if c.id in task.rulings]
    return f"ruling {', '.join(ruled)}" if ruled else "its item"


def to_look_at(found: Difference, new: Plan) -> Plan:
    """The new plan in which every task that was done before it was changed says so, until somebody ticks it again."""
    reasons = {c.id: ", ".join(c.fields) for c in found.changed}
    tasks = tuple(
        t.model_copy(update={"again": f"changed since it was done ({reasons.get(t.id) or _why(found, t)})"}) if t.id in found.redo else t
        for t in new.tasks
    )
    return new.model_copy(update={"tasks": tasks})


def _task_fields(was: Task, task: Task, names: tuple[dict[str, str], dict[str, str]]) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    for name, (old, new) in _fields(was, task, _TASK_FIELDS):
        if name == "needs":  # by title, since a number alone says nothing
            old, new = [names[0].get(i, i) for i in old], [names[1].get(i, i) for i in new]
        if sorted(old) != sorted(new) or name == "steps":
            yield name, (old, new)
    cited = [list(dict.fromkeys(s.anchor for s in t.sources)) for t in (was, task)]
    if sorted(cited[0]) != sorted(cited[1]):
        yield "sources", (cited[0], cited[1])


def _fields(was: Task | Ruling, now: Task | Ruling, names: tuple[str, ...]) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    for name in names:
        old, new = _lines(getattr(was, name)), _lines(getattr(now, name))
        if old != new:
            yield name, (old, new)


def _lines(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [str(v) for v in value]
    return [str(value)] if value not in ("", False) else []


def _items(old: Plan, new: Plan) -> Iterator[Change]:
    """Items of sections 1 to 9 that are new, gone or say something else, each with the tasks that refer to it."""
    before = {(s.number, i.key): i for s in old.sections for i in s.items}
    after = {(s.number, i.key): i for s in new.sections for i in s.items}
    users: dict[str, list[str]] = {}
    for task in new.tasks:
        for number in task.items:
            users.setdefault(number, []).append(task.id)
    for key, item in after.items():
        was = before.get(key)
        rows = {r.label: list(r.lines) for r in item.rows}
        past = {r.label: list(r.lines) for r in was.rows} if was else {}
        fields = {n: (past.get(n, []), rows.get(n, [])) for n in past | rows if past.get(n) != rows.get(n)}
        if was is None or fields:
            tasks = tuple(users.get(item.number, ()))
            yield Change(item.number, item.title + ("" if was else ": new"), False, fields if was else {}, tasks)
    yield from (Change(f"{k[0]}", f"{i.title}: gone", False, {}) for k, i in before.items() if k not in after)


def as_markdown(difference: Difference) -> Iterator[str]:
    """Lines that a terminal and a pull request show alike."""
    d = difference
    if d.empty:
        yield "No task and no ruling differs." + (f" {len(d.moved)} tasks cite moved lines." if d.moved else "")
        return
    counts = [(len(d.added), "added"), (len(d.removed), "removed"), (len(d.changed), "changed"), (d.same, "as before")]
    yield "Tasks: " + ", ".join(f"{n} {what}" for n, what in counts if n) + "."
    if d.redo:
        yield ""
        yield f"Done before this change, to be looked at again: {', '.join(d.redo)}."
    yield from _listed("Added", [f"{t.id} {t.title}" + (f" in `{t.file}`" if t.file else "") for t in d.added])
    yield from _listed("Removed", [f"{t.id} {t.title}" + (" (was done)" if t.done else "") for t in d.removed])
    yield from _changes("Changed", d.changed)
    yield from _listed("New rulings", [f"{r.id} {r.title}: {r.default}" for r in d.rulings_added])
    yield from _listed("Settled rulings", [f"{r.id} {r.title}" for r in d.rulings_removed])
    yield from _changes("Changed rulings", d.rulings_changed)
    yield from _changes("Changed items", d.items)
    if d.moved:
        yield ""
        yield f"{len(d.moved)} more tasks cite moved lines only."


def _listed(title: str, entries: list[str]) -> Iterator[str]:
    if entries:
        yield ""
        yield f"## {title}"
        yield ""
        yield from (f"- {e}" for e in entries)


def _changes(title: str, changes: tuple[Change, ...]) -> Iterator[str]:
    if not changes:
        return
    yield ""
    yield f"## {title}"
    yield ""
    for change in changes:
        used = f" (for {', '.join(change.tasks[:6])})" if change.tasks else ""
        yield f"- {change.id} {change.title}" + (" (done)" if change.done else "") + used
        for name, (old, new) in change.fields.items():
            gone, fresh = [v for v in old if v not in new], [v for v in new if v not in old]
            label = name.replace("_", " ")
            yield from (f"  - {label}, no longer: {v}" for v in gone)
            yield from (f"  - {label}, now: {v}" for v in fresh)
            if not gone and not fresh:
                yield f"  - {label}: in another order"


def as_json(difference: Difference) -> dict[str, Any]:
    d = difference

    def named(values: tuple[Task, ...] | tuple[Ruling, ...]) -> list[dict[str, str]]:
        return [{"id": v.id, "title": v.title} for v in values]

    def changes(values: tuple[Change, ...]) -> list[dict[str, Any]]:
        return [
            {
                "id": c.id, "title": c.title, "done": c.done,
                "fields": {n: {"old": old, "new": new} for n, (old, new) in c.fields.items()}, "tasks": list(c.tasks),
            }
            for c in values
        ]  # fmt: skip

    return {
        "added": named(d.added),
        "removed": named(d.removed),
        "changed": changes(d.changed),
        "moved": list(d.moved),
        "same": d.same,
        "rulings": {"added": named(d.rulings_added), "removed": named(d.rulings_removed), "changed": changes(d.rulings_changed)},
        "items": changes(d.items),
        "redo": list(d.redo),
    }
