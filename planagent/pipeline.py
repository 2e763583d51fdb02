"""The main flow: a list of named steps from a workspace to a published plan.

The steps load what they need: what comes after the first call of a model is loaded while that is under way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from planagent.briefs.brief import Record
from planagent.briefs.decision import Decision
from planagent.cache import Cache
from planagent.corpus.read import corpus_of
from planagent.corpus.sources import read_sources
from planagent.errors import CorpusError, FindingsError, UsageError, WorkspaceError
from planagent.files import decode, read_bytes, read_plan, sha256, write_atomically
from planagent.freshness import RESTORE, Head, damage, state_of, text_digest, writer_of
from planagent.ledger import Ledger
from planagent.model import Corpus, Finding, have
from planagent.models.protocol import Usage
from planagent.plan.markdown_in import NotAPlan, parse
from planagent.plan.plan import Plan
from planagent.running import Progress, Run, Watcher
from planagent.settings import Settings
from planagent.statements.statement import Reading
from planagent.telemetry import plan_span
from planagent.workspace import locked, previous_path, written_path

if TYPE_CHECKING:
    from planagent.plan.difference import Difference
    from planagent.plan.markdown_in import Located
    from planagent.stages import Steps

Told = Callable[[str], None]
T = TypeVar("T")


@dataclass(slots=True)
class Session:
    """What the steps hand on to each other."""

    settings: Settings
    offline: bool = False
    allow_findings: bool = False
    fill_from_rules: bool = False
    host: bool = False
    """A coding agent has handed in the answers."""
    stop: threading.Event | None = None
    """Set by whoever wants the run to stop between two calls."""
    pace: Callable[[], float] | None = None
    """Seconds to wait before a call, where several processes share a provider's rate."""
    refused: Callable[[float], None] | None = None
    """Hears of a server's refusals for how many seconds, where several processes ask it."""
    ledger: Callable[[], Ledger] | None = None
    """Opens another ledger than the workspace's own."""
    alone: Callable[[], AbstractContextManager[None]] | None = None
    """Keeps others out of the workspace in another way than by its lock file."""
    guard: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered around the writing of the plan; raises when this run may not write any more."""
    tell: Told = lambda _: None
    progress: Progress = lambda _kind, _done, _parts: None
    """Hears of each stage how many of its parts are answered."""
    corpus: Corpus | None = None
    state: str = ""
    previous: Plan | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    """By the kind of brief; kinds that one model answers share a run."""
    reading: Reading | None = None
    decision: Decision | None = None
    written: dict[str, Record] = field(default_factory=dict)
    points: int = 0
    """What reviewers found."""
    plan: Plan | None = None
    difference: Difference | None = None
    """From the plan that stood there."""
    text: str = ""
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    unchanged: bool = False

    @property
    def each_run(self) -> list[Run]:
        """Every run once."""
        return list({id(r): r for r in self.runs.values()}.values())

    @property
    def usage(self) -> Usage:
        total = Usage()
        for run in self.each_run:
            total.add(run.usage)
        return total

    @property
    def cost(self) -> float | None:
        """US dollars; None where a price is not known."""
        costs = [r.model.cost(r.usage) for r in self.each_run]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)

    @property
    def filled(self) -> list[str]:
        """The parts that the rules stood in for."""
        return [f for r in self.each_run for f in r.filled]


def make_plan(session: Session) -> Session:
    """Runs every step in order.

    Raises:
        PlanagentError: see `planagent.errors`; nothing was written then.
    """
    with session.alone() if session.alone else locked(session.settings, session.tell):
        started = time.monotonic()
        try:
            with plan_span({"planagent.workspace": session.settings.workspace.name}) as told:
                asyncio.run(_make(session))
                told |= _outcome(session)
        finally:
            session.seconds = time.monotonic() - started
    return session


async def _make(session: Session) -> None:
    try:
        for name, step in STEPS:
            session.tell(f"step {name}")
            await step(session)
    finally:
        for run in session.each_run:
            await run.end()
            await run.model.close()
        for ledger in {id(r.ledger): r.ledger for r in session.each_run}.values():
            ledger.close()


def _outcome(session: Session) -> dict[str, Any]:
    """What a trace tells of a plan that was made."""
    plan = have(session.plan)
    return {
        "planagent.writer": plan.writer, "planagent.tasks": len(plan.tasks), "planagent.findings": len(session.findings),
        "planagent.unchanged": session.unchanged, "planagent.calls": session.usage.calls,
        "planagent.repairs": sum(r.repaired for r in session.each_run), "planagent.reused_parts": sum(r.reused for r in session.each_run),
    }  # fmt: skip


def find(session: Session) -> None:
    """The corpus and the plan that stands there."""
    settings = session.settings
    sources = read_sources(settings.workspace, settings.include, settings.exclude, without=settings.output_path)
    session.state = state_of(settings, sources)
    session.corpus = corpus_of(sources, settings.scope, settings.feature, Cache.of_user())
    for warning in session.corpus.warnings:
        session.tell(f"warning: {warning}")
    session.previous = previous_plan(settings.output_path)
    if session.previous is not None and was_edited(settings.output_path):
        session.tell(
            f"warning: {settings.output_path} was edited by hand. Tasks that were added stay; titles, order and rulings of it count where the "
            f"specs have changed; all else is written anew, and the edited file is kept as {previous_path(settings)}."
        )


async def find_documents(session: Session) -> None:
    from planagent.choosing import open_runs

    find(session)
    open_runs(session)


async def read(session: Session) -> None:
    from planagent.stages import reading

    await _answered(reading(session))
    for note in have(session.reading).notes:
        session.tell(f"warning: {note}")


async def decide(session: Session) -> None:
    from planagent.ahead import WritingAhead
    from planagent.stages import deciding

    await _answered(deciding(session), WritingAhead(session))


async def write(session: Session) -> None:
    from planagent.ahead import ReviewingAhead
    from planagent.stages import writing

    await _answered(writing(session), ReviewingAhead(session))


async def review(session: Session) -> None:
    from planagent.reviewing import reviewing

    await _answered(reviewing(session))


async def _answered(steps: Steps, watcher: Watcher | None = None) -> None:
    """Has all that a stage asks for answered by those who run it."""
    from planagent.running import run_stage

    asked = next(steps, None)
    while asked is not None:
        run, stage, required = asked
        records = await run_stage(run, stage, watcher, required=required)
        try:
            asked = steps.send(records)
        except StopIteration:
            asked = None


async def link(session: Session) -> None:
    from planagent.assembling import Made, assemble
    from planagent.plan.difference import compare, to_look_at
    from planagent.plan.markdown_out import render

    run = session.runs["write"]
    filled = len(session.filled)
    name = run.model.name + (f"; {filled} {'part' if filled == 1 else 'parts'} by rule" if filled else "")
    made = Made(name, writer_of(run.model.identity), session.state, run.by_rule)
    try:
        session.plan = assemble(
            have(session.corpus), have(session.reading), have(session.decision), session.written, made, session.settings.decisions, session.previous,
        )  # fmt: skip
    except ValueError as error:
        raise FindingsError(f"The plan has a {error}.", "Run again; or decide without a model: --offline.") from error
    if session.previous is not None:
        session.difference = compare(session.previous, session.plan)
        session.plan = to_look_at(session.difference, session.plan)
    session.text = render(session.plan)
    if not _records(session):
        session.written = {}


async def check(session: Session) -> None:
    from planagent.checking.check import check_located
    from planagent.plan.markdown_out import render

    found = check_located(_reads_back(session), session.text, have(session.corpus))
    # What nobody has read stands in the plan's head; a rule that stands twice, after all mending, is told and is no damage.
    session.findings = [f for f in found if f.rule not in ("PA508", "PA202")]
    for twice in (f for f in found if f.rule == "PA202"):
        session.tell(f"warning: {twice.rule} {twice.place}: {twice.message}")
    if session.allow_findings:
        session.findings = [*(f for r in session.each_run for f in r.findings), *session.findings]
    if session.findings and not session.allow_findings:
        shown = "; ".join(f"{f.rule} {f.place}: {f.message}" for f in session.findings[:5])
        raise FindingsError(
            f"{len(session.findings)} findings: {shown}",
            "Nothing was written, and accepted answers are kept. Run again, or write it with them: --allow-findings.",
        )
    if session.findings:
        told = tuple(f"{f.rule} {f.place}: {f.message}" for f in session.findings)
        session.plan = have(session.plan).model_copy(update={"findings": told})
        session.text = render(session.plan)


def _reads_back(session: Session) -> Located:
    """The plan as its text says it, which is kept from here on: of a large plan two are much."""
    from planagent.plan.markdown_in import parse_located

    again = parse_located(session.text)
    if again.plan != session.plan:
        raise FindingsError(
            f"The rendered plan does not read back as the same plan: {_unlike(have(session.plan), again.plan)}.",
            "Say that part in other words; and please report it.",
        )
    session.plan = again.plan
    return again


def _unlike(plan: Plan, again: Plan) -> str:
    """Where two plans differ first, for a message."""
    for name in ("rulings", "sections", "tasks", "statements"):
        for one, other in zip(getattr(plan, name), getattr(again, name), strict=False):
            fields = [n for n in type(one).model_fields if getattr(one, n) != getattr(other, n)]
            if fields:
                label = next(str(v) for n in ("id", "number", "key") if (v := getattr(one, n, None)) is not None)
                return f"{name.removesuffix('s')} {label}, {', '.join(fields)}"
    return ", ".join(n for n in Plan.model_fields if getattr(plan, n) != getattr(again, n))


async def publish(session: Session) -> None:
    """One rename, after a last look that no spec changed under our hands."""
    corpus = have(session.corpus)
    verify_specs(corpus, session.settings.workspace)
    path = session.settings.output_path
    if _inside_specs(path, corpus, session.settings.workspace):
        raise UsageError(f"{path}: a spec stands there.", "Choose another --output.")
    session.unchanged = path.is_file() and path.read_bytes() == session.text.encode()
    if not session.unchanged:
        with session.guard():
            if path.is_file():
                # For `planagent diff`: what a re-plan changed.
                write_atomically(previous_path(session.settings), path.read_bytes())
            write_atomically(path, session.text)
            write_atomically(written_path(session.settings), session.text)
    verify_specs(corpus, session.settings.workspace)


async def record(session: Session) -> None:
    """The answers behind the plan, for version control, where a place for them is set."""
    from planagent.recording import write_recording

    path = session.settings.record_path
    if path and _records(session):
        with session.guard():
            write_recording(path, session)


def _records(session: Session) -> bool:
    return bool(session.settings.record_path) and not session.offline and not session.runs["read"].by_rule


def verify_specs(corpus: Corpus, workspace: Path) -> None:
    """Raises WorkspaceError when a document is not byte for byte what was read."""
    for document in corpus.documents:
        try:
            same = sha256(read_bytes(workspace / document.path)) == document.digest
        except CorpusError:
            same = False
        if not same:
            raise WorkspaceError(f"{document.path} changed while the plan was made.", "Run again; accepted answers are kept.")


def _inside_specs(path: Path, corpus: Corpus, workspace: Path) -> bool:
    return any((workspace / d.path).resolve() == path.resolve() for d in corpus.documents)


STEPS: tuple[tuple[str, Callable[[Session], Awaitable[None]]], ...] = (
    ("finding", find_documents),
    ("reading", read),
    ("deciding", decide),
    ("writing", write),
    ("reviewing", review),
    ("linking", link),
    ("checking", check),
    ("publishing", publish),
    ("recording", record),
)


def was_edited(path: Path) -> bool:
    """True when a plan's text is not what was written, ticks apart."""
    first, _, body = decode(read_plan(path))[0].partition("\n")
    head = Head.parse(first)
    return head is not None and bool(head.text) and head.text != text_digest(body)


def previous_plan(path: Path) -> Plan | None:
    """The plan that stands there, whose ids and ticks are kept; None when there is none.

    Raises:
        UsageError: a file stands there that is no plan of ours: it is not overwritten.
    """
    if not path.is_file():
        return None
    text, _ = decode(read_plan(path))
    if not text.strip():
        return None
    try:
        return parse(text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{path}: {damage(text, str(error))}", RESTORE) from error
