"""What differs between two plans, in tasks and rulings, not in lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from planagent.planning.plan import Plan, Ruling, Task

_TASK_FIELDS = ("title", "file", "condition", "needs", "covers", "rulings", "steps", "done_when")
_RULING_FIELDS = ("title", "statement", "default", "answer", "waits")


@dataclass(frozen=True, slots=True)
class Change:
    """A task or ruling that both plans have and that says something else; values are lists of lines."""

    id: str
    title: str
    done: bool
    fields: dict[str, tuple[list[str], list[str]]]


@dataclass(frozen=True, slots=True)
class Difference:
    """`moved` are tasks whose only change is the lines they cite; `items` counts changed items by section."""

    added: tuple[Task, ...] = ()
    removed: tuple[Task, ...] = ()
    changed: tuple[Change, ...] = ()
    moved: tuple[str, ...] = ()
    same: int = 0
    rulings_added: tuple[Ruling, ...] = ()
    rulings_removed: tuple[Ruling, ...] = ()
    rulings_changed: tuple[Change, ...] = ()
    items: dict[int, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """True when both plans say the same, be it of other lines."""
        return not (
            self.added or self.removed or self.changed or self.rulings_added or self.rulings_removed
            or self.rulings_changed or self.items
        )  # fmt: skip


def compare(old: Plan, new: Plan) -> Difference:
    """Tasks are the same by their key, rulings by their topic, whatever their numbers."""
    before, after = {t.key: t for t in old.tasks}, {t.key: t for t in new.tasks}
    names = ({t.id: t.title for t in old.tasks}, {t.id: t.title for t in new.tasks})
    changed, moved = [], []
    for key, task in after.items():
        was = before.get(key)
        if was is None:
            continue
        fields = dict(_task_fields(was, task, names))
        if fields:
            changed.append(Change(task.id, task.title, task.done, fields))
        elif was.sources != task.sources:
            moved.append(task.id)
    topics = {r.topic: r for r in old.rulings}
    rulings = []
    for ruling in new.rulings:
        known = topics.get(ruling.topic)
        fields = dict(_fields(known, ruling, _RULING_FIELDS)) if known else {}
        if fields:
            rulings.append(Change(ruling.id, ruling.title, False, fields))
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
        dict(_items(old, new)),
    )


def _task_fields(
    was: Task, task: Task, names: tuple[dict[str, str], dict[str, str]]
) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    for name, (old, new) in _fields(was, task, _TASK_FIELDS):
        if name == "needs":  # by title, since a number alone says nothing
            old, new = [names[0].get(i, i) for i in old], [names[1].get(i, i) for i in new]
        if sorted(old) != sorted(new) or name == "steps":
            yield name, (old, new)


def _fields(
    was: Task | Ruling, now: Task | Ruling, names: tuple[str, ...]
) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    for name in names:
        old, new = _lines(getattr(was, name)), _lines(getattr(now, name))
        if old != new:
            yield name, (old, new)


def _lines(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [str(v) for v in value]
    return [str(value)] if value not in ("", False) else []


def _items(old: Plan, new: Plan) -> Iterator[tuple[int, int]]:
    """Number of items of each section that are new, gone or say something else."""
    before = {(s.number, i.key): (i.title, i.rows, i.rulings) for s in old.sections for i in s.items}
    after = {(s.number, i.key): (i.title, i.rows, i.rulings) for s in new.sections for i in s.items}
    for number in sorted({n for n, _ in before | after}):
        count = sum(before.get(k) != after.get(k) for k in before | after if k[0] == number)
        if count:
            yield number, count


def as_markdown(difference: Difference) -> Iterator[str]:
    """Lines that a terminal and a pull request show alike."""
    d = difference
    if d.empty:
        yield "No task and no ruling differs." + (
            f" {len(d.moved)} tasks cite moved lines." if d.moved else ""
        )
        return
    counts = [(len(d.added), "added"), (len(d.removed), "removed"), (len(d.changed), "changed"), (d.same, "as before")]  # fmt: skip
    yield "Tasks: " + ", ".join(f"{n} {what}" for n, what in counts if n) + "."
    redone = [c.id for c in d.changed if c.done]
    if redone:
        yield ""
        yield f"Done before this change, to be looked at again: {', '.join(redone)}."
    yield from _listed(
        "Added", [f"{t.id} {t.title}" + (f" in `{t.file}`" if t.file else "") for t in d.added]
    )
    yield from _listed(
        "Removed", [f"{t.id} {t.title}" + (" (was done)" if t.done else "") for t in d.removed]
    )
    yield from _changes("Changed", d.changed)
    yield from _listed("New rulings", [f"{r.id} {r.title}: {r.default}" for r in d.rulings_added])
    yield from _listed("Settled rulings", [f"{r.id} {r.title}" for r in d.rulings_removed])
    yield from _changes("Changed rulings", d.rulings_changed)
    if d.items:
        yield ""
        yield "Items: " + ", ".join(f"{n} in section {s}" for s, n in d.items.items()) + "."
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
        yield f"- {change.id} {change.title}" + (" (done)" if change.done else "")
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
                "fields": {n: {"old": old, "new": new} for n, (old, new) in c.fields.items()},
            }
            for c in values
        ]  # fmt: skip

    return {
        "added": named(d.added),
        "removed": named(d.removed),
        "changed": changes(d.changed),
        "moved": list(d.moved),
        "same": d.same,
        "rulings": {
            "added": named(d.rulings_added),
            "removed": named(d.rulings_removed),
            "changed": changes(d.rulings_changed),
        },
        "items": {str(n): c for n, c in d.items.items()},
    }
