"""What was decided, as values: rulings, the blueprint, tasks; and the proofs of it that need no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from planagent.plan.graph import shortest_cycle
from planagent.statements.statement import Statement

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
    excluded: tuple[str, ...] = field(default=())

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Decision:
        """The inverse of `as_record`, after a way through JSON."""

        def made(kind: type[Any], entries: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
            return tuple(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in e.items()}) for e in entries)

        return cls(
            tuple(record["approach"]), tuple(record["conventions"]), made(Folder, record["layout"]), made(Ruled, record["rulings"]),
            made(Planned, record["tasks"]), tuple((k, w) for k, w in record["withdrawn"]), tuple(record["excluded"]),
        )  # fmt: skip

    def gone(self) -> frozenset[str]:
        """Keys of the statements that were taken back."""
        return frozenset(k for k, _ in self.withdrawn)

    def needs(self) -> dict[str, tuple[str, ...]]:
        """What each task needs: what it names, what it proves, and tasks before it that write the same file."""
        known = {t.key for t in self.tasks}
        found: dict[str, tuple[str, ...]] = {}
        last: dict[str, str] = {}
        for task in self.tasks:
            wants = [n for n in (*task.needs, *task.proves) if n in known and n != task.key]
            if task.file and not task.condition:
                if task.file in last:
                    wants.append(last[task.file])
                last[task.file] = task.key
            found[task.key] = tuple(dict.fromkeys(wants))
        return found


def uncovered(decision: Decision, statements: Sequence[Statement]) -> list[Statement]:
    """Statements that no task and, where a ruling is enough, no ruling is about.

    A prohibition, a technology, a quality and a layout may be kept by a ruling that all work rests on; a question is answered
    by one.
    """
    covered = {c for t in decision.tasks for c in t.covers}
    ruled = {c for r in decision.rulings for c in r.about}
    gone = decision.gone()

    def held(statement: Statement) -> bool:
        by_ruling = statement.modality in ("must-not", "open") or statement.kind in ("technology", "quality", "layout", "question")
        return statement.key in covered or (by_ruling and statement.key in ruled)

    return [s for s in statements if s.key not in gone and not held(s)]


def faults(decision: Decision) -> Iterator[tuple[str, str, str]]:
    """Place, message and remedy of what no meaning is needed to see."""
    cycle = shortest_cycle({k: v for k, v in decision.needs().items()})
    if cycle:
        yield f"task {cycle[0]}", f"dependency cycle: {' → '.join(cycle)}", "Give one of these tasks again without that need."
    proving = [t for t in decision.tasks if t.proves]
    if proving:
        proved = {p for t in proving for p in t.proves}
        for task in decision.tasks:
            if task.covers and not task.condition and task.section not in (1, 2, 9) and task.key not in proved:
                yield f"task {task.key}", "no test task proves it", "Name it in `proves` of one."
    options = {r.key: r.options for r in decision.rulings}
    for task in decision.tasks:
        ruling, _, answer = task.condition.partition(": ")
        if task.condition and (ruling not in options or answer not in options[ruling]):
            yield f"task {task.key}", f"its condition {task.condition!r} is no ruling with that answer", "Write `ruling key: one of its options`."


def merged(decisions: Sequence[Decision]) -> Decision:
    """Several groups' decisions as one; of two entries with one key the first counts."""

    def every(name: str) -> list[Any]:
        return [entry for d in decisions for entry in getattr(d, name)]

    def once(entries: Iterable[Any], key: Any) -> tuple[Any, ...]:
        found: dict[Any, Any] = {}
        for entry in entries:
            found.setdefault(key(entry), entry)
        return tuple(found.values())

    return Decision(
        tuple(dict.fromkeys(every("approach"))), tuple(dict.fromkeys(every("conventions"))), once(every("layout"), lambda f: f.path),
        once(every("rulings"), lambda r: r.key), once(every("tasks"), lambda t: t.key), once(every("withdrawn"), lambda w: w[0]),
        tuple(dict.fromkeys(every("excluded"))),
    )  # fmt: skip
