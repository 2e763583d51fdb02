"""What was decided, as values: rulings, the blueprint, tasks; and the proofs of it that need no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from planagent.plan.graph import reaches, shortest_cycle
from planagent.statements.statement import Statement, by_ruling

RULING_KINDS = {"decision": "D", "gap": "G", "trap": "R", "prerequisite": "P"}


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruling on a conflict, a gap, a trap or a prerequisite. `about` are keys of statements."""

    key: str
    kind: str
    title: str
    found: str
    default: str
    why: str = ""
    options: tuple[str, ...] = ()
    waits: bool = False
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder or file of the layout with what it is for."""

    path: str
    purpose: str
    files: tuple[str, ...] = ()
    component: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A task before anyone wrote its text. `condition` is `ruling's key: answer`, '' for always; `proves` are keys of tasks."""

    key: str
    section: int
    title: str
    file: str = ""
    phase: str = ""
    needs: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    rulings: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that one deciding answer holds."""

    approach: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    layout: tuple[Folder, ...] = ()
    rulings: tuple[Ruled, ...] = ()
    tasks: tuple[Planned, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    excluded: tuple[str, ...] = ()
    project: str = ""
    """What the project is called."""

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Decision:
        """The inverse of `as_record`, after a way through JSON."""

        def made(kind: type[Any], entries: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
            return tuple(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in e.items()}) for e in entries)

        return cls(
            tuple(record["approach"]), tuple(record["conventions"]), made(Folder, record["layout"]), made(Ruled, record["rulings"]),
            made(Planned, record["tasks"]), tuple((k, w) for k, w in record["withdrawn"]), tuple(record["excluded"]), record.get("project", ""),
        )  # fmt: skip

    def gone(self) -> frozenset[str]:
        """Keys of the statements that were taken back."""
        return frozenset(k for k, _ in self.withdrawn)

    def needs(self) -> dict[str, tuple[str, ...]]:
        """What each task needs: what it names, what it proves, and tasks before it that write the same file.

        A test that its own subject needs stands before that: where specs want tests first.
        """
        known = {t.key for t in self.tasks}
        named = {t.key: [n for n in t.needs if n in known and n != t.key] for t in self.tasks}
        found: dict[str, tuple[str, ...]] = {}
        last: dict[str, str] = {}
        for task in self.tasks:
            wants = [*named[task.key], *(p for p in task.proves if p in known and p != task.key and not reaches(named, p, task.key))]
            if task.file and not task.condition:
                if task.file in last:
                    wants.append(last[task.file])
                last[task.file] = task.key
            found[task.key] = tuple(dict.fromkeys(wants))
        return found


def ruling_name(key: str) -> str:
    """How a review names a ruling: its key may be a task's too."""
    return f"ruling {key}"


def uncovered(decision: Decision, statements: Sequence[Statement]) -> list[Statement]:
    """Statements that no task covers, and no ruling that is enough is about."""
    covered = {c for t in decision.tasks for c in t.covers}
    used = {r for t in decision.tasks for r in t.rulings}
    ruled = {c for r in decision.rulings for c in r.about}
    resting = {c for r in decision.rulings if r.key in used for c in r.about}
    gone = decision.gone()

    def held(statement: Statement) -> bool:
        enough = by_ruling(statement.kind, statement.modality, used=statement.key in resting)
        return statement.key in covered or (statement.key in ruled and enough)

    return [s for s in statements if s.key not in gone and not held(s)]


def faults(decision: Decision) -> Iterator[tuple[str, str, str]]:
    """Place, message and remedy of what no meaning is needed to see."""
    cycle = shortest_cycle(decision.needs())
    if cycle:
        yield (f"task {cycle[0]}", f"dependency cycle: {' → '.join(cycle)}", "Give one of these tasks again without that need.")
    proving = [t for t in decision.tasks if t.proves]
    if proving:
        proved = {p for t in proving for p in t.proves}
        for task in decision.tasks:
            if task.covers and not task.condition and task.section not in (1, 2, 9) and task.key not in proved:
                yield f"task {task.key}", "no test task proves it", "Name it in `proves` of one."
    for task in decision.tasks:
        if task.file and decision.layout and not any(holds(f.path, task.file) for f in decision.layout):
            yield (
                f"task {task.key}",
                f"its file {task.file} lies in no folder of the layout",
                "Give the folder in `layout`, or the task in one that is there.",
            )
    options = {r.key: r.options for r in decision.rulings}
    for task in decision.tasks:
        missing = [r for r in task.rulings if r not in options]
        if missing:
            yield (f"task {task.key}", f"there is no ruling {', '.join(missing)}", "Give the ruling, or the task without it.")
        ruling, _, answer = task.condition.partition(": ")
        if task.condition and (ruling not in options or answer not in options[ruling]):
            yield (
                f"task {task.key}",
                f"its condition {task.condition!r} is no ruling with that answer",
                "Write `ruling key: one of its options`.",
            )


def holds(folder: str, file: str) -> bool:
    """True for a file in a folder of a layout, for the file itself, and for one beside all folders, at the root."""
    # Of a pattern (`apps/*/models`) only what stands before its first mark is known.
    told, path = (re.sub(r"^(?:\./|/)+|/+$", "", p) for p in (re.split(r"[*{<\[]", folder)[0], file))
    return "/" not in path or path == told or path.startswith(f"{told}/") or told in ("", ".")


def merged(decisions: Sequence[tuple[str, Decision]]) -> Decision:
    """Several groups' decisions as one. Tasks and rulings of one key in two groups are two: the later one takes its group's name."""
    taken: set[str] = set()
    apart = []
    for name, decision in decisions:
        own = {t.key for t in decision.tasks} | {r.key for r in decision.rulings}
        apart.append(_renamed(decision, {k: f"{k}-{name}" for k in own & taken}))
        taken |= {t.key for t in apart[-1].tasks} | {r.key for r in apart[-1].rulings}
    if len(apart) == 1:
        return apart[0]

    def every(field_name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(entry for d in apart for entry in getattr(d, field_name)))

    layout = {f.path: f for f in reversed(every("layout"))}
    withdrawn = dict(reversed(every("withdrawn")))
    return Decision(
        every("approach"), every("conventions"), tuple(reversed(layout.values())), every("rulings"), every("tasks"),
        tuple(reversed(withdrawn.items())), every("excluded"), next((d.project for d in apart if d.project), ""),
    )  # fmt: skip


def _renamed(decision: Decision, names: Mapping[str, str]) -> Decision:
    def new(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(k, k) for k in keys)

    tasks = tuple(
        replace(
            t, key=names.get(t.key, t.key), needs=new(t.needs), rulings=new(t.rulings), proves=new(t.proves),
            condition=t.condition and ": ".join((names.get(t.condition.partition(": ")[0], t.condition.partition(": ")[0]), t.condition.partition(": ")[2])),
        )
        for t in decision.tasks
    )  # fmt: skip
    return replace(decision, tasks=tasks, rulings=tuple(replace(r, key=names.get(r.key, r.key)) for r in decision.rulings))
