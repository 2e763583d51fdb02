"""Carrying a plan out: what can be done now, with all that it rests on, and the ticks. The plan file is the only state."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planagent.cache import Cache
from planagent.corpus.excerpts import Excerpt, excerpts
from planagent.corpus.read import corpus_of
from planagent.corpus.sources import read_sources
from planagent.errors import OpenError, StaleError, UsageError
from planagent.files import read_plan, write_atomically
from planagent.freshness import state_of
from planagent.model import Corpus, Document
from planagent.pipeline import previous_plan
from planagent.plan.changes import Changes
from planagent.plan.page import cited, task_page
from planagent.plan.plan import Plan, Ruling, Task
from planagent.plan.ready import due, open_needs, ready, tick, users
from planagent.settings import Settings
from planagent.statements.runs import unrun
from planagent.workspace import locked


@dataclass(frozen=True, slots=True)
class Execution:
    """A plan, its specs as they are now, and what of them has changed since the plan was made."""

    path: Path
    plan: Plan
    corpus: Corpus
    changed: Changes
    same_state: bool
    """Specs, settings and answers are what the plan was made from: the lines that it cites are exact."""

    @classmethod
    def of(cls, settings: Settings) -> Execution:
        """
        Raises:
            UsageError: there is no plan, or what stands there is none.
            CorpusError: the specs cannot be read.
        """
        path = settings.output_path
        plan = previous_plan(path)
        if plan is None:
            raise UsageError(f"{path}: there is no plan yet.", "Write one with `planagent plan`.")
        sources = read_sources(settings.workspace, settings.include, settings.exclude, without=path)
        corpus = corpus_of(sources, settings.scope, settings.feature, Cache.of_user())
        same = plan.state == state_of(settings, sources)
        return cls(path, plan, corpus, Changes(plan) if same else Changes.of(plan, corpus), same)

    def task(self, task_id: str) -> Task:
        """
        Raises:
            UsageError: the plan has no such task.
        """
        wanted = task_id.strip().upper()
        found = next((t for t in self.plan.tasks if t.id == wanted), None)
        if found is None:
            last = max((t.id for t in self.plan.tasks), key=lambda i: int(i[1:]), default="none")
            raise UsageError(f"{self.path}: there is no task {task_id!r}.", f"The last one is {last}.")
        return found

    def changes(self, task: Task) -> list[str]:
        """What a task rests on and that says something else now."""
        return self.changed.touching(task)

    def page(self, task: Task) -> dict[str, Any]:
        """Everything that is needed to do a task."""
        return task_page(self.plan, task, self._passages(task), self.changes(task))

    def _without_orders(self) -> Corpus:
        """The specs without the sentences that were found to be orders to whoever reads them: a builder reads them, too."""
        orders = {a.path: [units for units, why, _ in a.dismissed if why == "instruction"] for a in self.plan.accounts}
        gone = {path: {i for units in runs for i in unrun(self.corpus, path, units) or ()} for path, runs in orders.items()}
        return replace(self.corpus, documents=tuple(_without(d, gone.get(d.path, set())) for d in self.corpus.documents))

    def _passages(self, task: Task) -> tuple[Excerpt, ...]:
        sources = cited(self.plan, task)
        if self.same_state:
            return tuple(excerpts(self._without_orders(), ((str(s), s.path, s.start, s.end) for s in sources)))
        # Lines have moved: the whole passage that has the name says what they said, or what is said now.
        moved = []
        for anchor in dict.fromkeys(s.anchor for s in sources):
            passage = self.corpus.passage(anchor)
            if passage:
                moved.append((anchor, passage.file, passage.start, passage.end))
        return tuple(excerpts(self.corpus, moved))


def _without(document: Document, gone: Set[str]) -> Document:
    """A document without some of its units; lines keep their numbers."""
    lines = list(document.lines)
    for unit in (u for u in document.units if u.id in gone):
        kept = " ".join(u.text for u in document.units if u.line <= unit.line <= u.end and u.id not in gone)
        lines[unit.line - 1 : unit.end] = [kept, *[""] * (unit.end - unit.line)]
    return replace(document, text="\n".join(lines)) if gone else document


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a command did: tasks whose mark changed, those that had it already, and what to look at."""

    path: Path
    changed: tuple[str, ...]
    already: tuple[str, ...]
    warnings: tuple[str, ...]
    ready: tuple[str, ...]


def complete(settings: Settings, ids: tuple[str, ...], *, force: str = "", tell: Callable[[str], None] = lambda _: None) -> Ticked:
    """Ticks tasks, all of them or none; one may need another of the same call.

    Args:
        force: why, where needs are open or sources have changed; it is written below the task.

    Raises:
        OpenError: a task that is needed is open, or nobody has decided that the task is to be done.
        StaleError: what a task rests on has changed since the plan was made.
        UsageError: there is no such task.
    """
    reason = " ".join(force.split())
    with locked(settings, tell):
        here = Execution.of(settings)
        tasks = [here.task(i) for i in dict.fromkeys(ids)]
        plan = here.plan
        warnings: list[str] = []
        against: list[str] = []
        for task in tasks:
            if task.done and not task.again:
                continue
            objection = _objection(here, plan, task, {t.id for t in tasks})
            if objection and not reason:
                raise objection
            if objection:
                warnings.append(objection.message)
                against.append(task.id)
        fresh = [t.id for t in tasks if not t.done or t.again]
        text = tick(_text(here.path), [i for i in fresh if i not in against])
        text = tick(text, against, forced=reason)
        return _written(here, text, fresh, [t.id for t in tasks if t.id not in fresh], warnings)


def reopen(settings: Settings, ids: tuple[str, ...], tell: Callable[[str], None] = lambda _: None) -> Ticked:
    """Takes ticks back; names the tasks that are done and need one of these.

    Raises:
        UsageError: there is no such task.
    """
    with locked(settings, tell):
        here = Execution.of(settings)
        tasks = [here.task(i) for i in dict.fromkeys(ids)]
        changed = [t.id for t in tasks if t.done]
        above = [t.id for t in users(here.plan, changed) if t.id not in changed]
        warnings = [f"{', '.join(above)} are done and need what is open again."] if above else []
        text = tick(_text(here.path), changed, done=False)
        return _written(here, text, changed, [t.id for t in tasks if not t.done], warnings)


def _objection(here: Execution, plan: Plan, task: Task, together: set[str]) -> OpenError | StaleError | None:
    if task.condition:
        return OpenError(
            f"{task.id} is to be done only if {task.condition}, and nobody has decided so.",
            f'Answer it with `planagent decide {task.condition.partition(":")[0]} "…"`, then plan again.',
        )
    needs = [t.id for t in open_needs(plan, task) if t.id not in together]
    if needs:
        return OpenError(
            f"{task.id} needs {', '.join(needs)}, which {'are' if len(needs) > 1 else 'is'} open.",
            'Do them first, or say why it is done in spite of that: --force "reason".',
        )
    changes = here.changes(task)
    if changes:
        return StaleError(
            f"{task.id} rests on what has changed since the plan was made: {' '.join(changes)}",
            'Run `planagent plan`, and look at the task again; or say why it holds: --force "reason".',
        )
    return None


def _text(path: Path) -> str:
    """The file's own text, line ends and all."""
    return read_plan(path).decode("utf-8")


def _written(here: Execution, text: str, changed: list[str], already: list[str], warnings: list[str]) -> Ticked:
    if changed:
        write_atomically(here.path, text)
    plan = previous_plan(here.path)
    assert plan is not None  # noqa: S101  (it was read before)
    return Ticked(here.path, tuple(changed), tuple(already), tuple(warnings), tuple(t.id for t in ready(plan)))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan is. `phases` has name, done and all; `changed` tasks rest on passages that say something else now."""

    done: int
    total: int
    phases: tuple[tuple[str, int, int], ...]
    ready: tuple[Task, ...]
    waiting: tuple[Task, ...]
    """Tasks that only a person's answer brings in."""
    changed: tuple[Task, ...]
    forced: tuple[Task, ...]
    again: tuple[Task, ...]
    confirm: tuple[Ruling, ...]
    """Decisions on which done tasks rest and that a person should confirm."""


def progress(here: Execution) -> Progress:
    tasks = due(here.plan)
    phases = []
    for name in dict.fromkeys(t.phase for t in tasks):
        members = [t for t in tasks if t.phase == name]
        phases.append((name, sum(t.done for t in members), len(members)))
    rested = {r for t in tasks if t.done for r in t.rulings}
    return Progress(
        sum(t.done for t in tasks),
        len(tasks),
        tuple(phases),
        tuple(ready(here.plan)),
        tuple(t for t in here.plan.tasks if t.condition),
        tuple(t for t in tasks if here.changes(t)),
        tuple(t for t in tasks if t.forced),
        tuple(t for t in tasks if t.done and t.again),
        tuple(r for r in here.plan.rulings if r.waits and not r.answer and r.id in rested),
    )
