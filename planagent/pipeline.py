"""The main flow: a list of named steps from a workspace to a published plan.

The steps load what they need: what comes after the first call of a model is loaded while that is under way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from planagent.cache import Cache
from planagent.errors import CorpusError, FindingsError, UsageError, WorkspaceError
from planagent.files import decode, read_bytes, sha256, write_atomically
from planagent.freshness import RESTORE, damage, state_of, writer_of
from planagent.model import Corpus, Finding
from planagent.planning.drafts import SectionDraft
from planagent.planning.ledger import Ledger
from planagent.planning.outline import Outline, make_outline
from planagent.planning.parts import inputs
from planagent.planning.plan import Plan
from planagent.planning.prompts import section_prompts
from planagent.publishing.markdown_in import NotAPlan, parse
from planagent.reading.corpus import corpus_of, require_backend
from planagent.reading.sources import read_sources
from planagent.settings import Settings
from planagent.telemetry import plan_span
from planagent.workspace import locked, previous_path
from planagent.writing.deciding import decide
from planagent.writing.host_writer import HostWriter
from planagent.writing.identity import LOCAL
from planagent.writing.openai_writer import OpenAIWriter
from planagent.writing.protocol import RulesWriter, Usage, Writer
from planagent.writing.run import Run

Told = Callable[[str], None]
T = TypeVar("T")

if TYPE_CHECKING:
    from planagent.writing.forecast import Row


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
    ledger: Callable[[], Ledger] | None = None
    """Opens another ledger than the workspace's own."""
    alone: Callable[[], AbstractContextManager[None]] | None = None
    """Keeps others out of the workspace in another way than by its lock file."""
    guard: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered around the writing of the plan; raises when this run may not write any more."""
    tell: Told = lambda _: None
    corpus: Corpus | None = None
    previous: Plan | None = None
    outline: Outline | None = None
    base: dict[int, SectionDraft] = field(default_factory=dict)
    drafts: dict[int, SectionDraft] = field(default_factory=dict)
    plan: Plan | None = None
    text: str = ""
    state: str = ""
    findings: list[Finding] = field(default_factory=list)
    run: Run | None = None
    seconds: float = 0.0
    unchanged: bool = False

    @property
    def usage(self) -> Usage:
        return self.run.usage if self.run else Usage()


def make_plan(session: Session) -> Session:
    """Runs every step in order.

    Raises:
        PlanagentError: see `planagent.errors`; nothing was written then.
    """
    with session.alone() if session.alone else locked(session.settings, session.tell):
        started = time.monotonic()
        try:
            with plan_span({"planagent.workspace": session.settings.workspace.name}) as told:
                for name, step in STEPS:
                    session.tell(name)
                    step(session)
                told |= _outcome(session)
        finally:
            session.seconds = time.monotonic() - started
    return session


def _outcome(session: Session) -> dict[str, Any]:
    """What a trace tells of a plan that was made."""
    plan, run = _have(session.plan), _have(session.run)
    return {
        "planagent.writer": plan.writer, "planagent.tasks": len(plan.tasks), "planagent.findings": len(session.findings),
        "planagent.unchanged": session.unchanged, "planagent.calls": run.usage.calls, "planagent.repairs": run.repaired,
        "planagent.reused_parts": run.reused,
    }  # fmt: skip


def read(session: Session) -> None:
    settings = session.settings
    sources = read_sources(
        settings.workspace, settings.include, settings.exclude, without=settings.output_path
    )
    session.state = state_of(settings, sources)
    session.corpus = corpus_of(sources, settings.scope, settings.workspace, Cache.of_user())
    for warning in session.corpus.warnings:
        session.tell(f"warning: {warning}")
    if session.corpus.scope:
        session.tell(session.corpus.scope)
    require_backend(session.corpus)


def outline(session: Session) -> None:
    corpus = _have(session.corpus)
    session.previous = previous_plan(session.settings.output_path)
    session.outline = make_outline(
        corpus,
        profile=session.settings.profile,
        answers=session.settings.decisions,
        previous=session.previous,
    )


def draft(session: Session) -> None:
    """Decisions first, then every section at once; each draft is checked and repaired before it is accepted."""
    asyncio.run(_draft(session))


async def _draft(session: Session) -> None:
    from planagent.writing.rules import write_all

    ledger = session.ledger() if session.ledger else Ledger(session.settings.state, session.tell)
    writer: Writer
    if session.host:
        writer, repairs = HostWriter(fill=session.fill_from_rules), 0
    else:
        writer = make_writer(session.settings, ledger, session.tell, offline=session.offline)
        repairs = session.settings.repairs
    run = Run(_have(session.outline), writer, ledger, session.tell, repairs=repairs,
              fill_from_rules=session.fill_from_rules, keep_findings=session.allow_findings)  # fmt: skip
    run.stop, run.pace = session.stop, session.pace
    session.run = run
    try:
        if isinstance(writer, RulesWriter):
            session.base = session.drafts = write_all(run.outline)
        else:
            run.outline = session.outline = await decide(run)
            from planagent.writing.sections import write_sections

            session.base = write_all(run.outline)
            session.drafts = await write_sections(run, session.base)
    finally:
        await writer.close()
        ledger.close()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would ask for, and US dollars where a price is known: as expected, and at most."""

    rows: tuple[Row, ...]
    costs: tuple[float | None, ...]
    """By row."""
    cost: float | None
    most_cost: float | None


def forecast_plan(session: Session) -> Forecast:
    """Calls, tokens and price of a run, without a call."""
    from planagent.writing.forecast import forecast

    read(session)
    outline(session)
    ledger = Ledger(session.settings.state, session.tell)
    try:
        writer = make_writer(session.settings, ledger, session.tell, offline=session.offline, ask=False)
        if isinstance(writer, RulesWriter):
            return Forecast((), (), 0.0, 0.0)
        rows = forecast(Run(_have(session.outline), writer, ledger, session.tell))
        total, most = Usage(), Usage()
        for row in rows:
            total.add(row.usage)
            most.add(replace(row.usage, cached_tokens=0, output_tokens=row.most))
        costs = tuple(writer.cost(row.usage) for row in rows)
        return Forecast(tuple(rows), costs, writer.cost(total), writer.cost(most))
    finally:
        ledger.close()


def make_writer(
    settings: Settings, ledger: Ledger, tell: Told, *, offline: bool = False, ask: bool = True
) -> Writer:
    """The configured writer; the rules only when asked for or when no model is configured, and it says so.

    Args:
        ask: False for a writer that is never asked: a local model is not loaded.
    """
    if offline:
        return RulesWriter()
    if not settings.model:
        tell("No model is configured: every section is written by rule (set PLANAGENT_MODEL to use one).")
        return RulesWriter()
    if settings.model.startswith(LOCAL):
        from planagent.writing.local import serve

        path = Path(settings.model.removeprefix(LOCAL)).expanduser()
        if not ask:
            return OpenAIWriter(settings, ledger, base_url="local", local=True)
        tell("loading the local model")
        server = serve(path)
        return OpenAIWriter(
            settings,
            ledger,
            base_url=server.base_url,
            model=server.model,
            local=True,
            on_close=server.stop,
        )
    return OpenAIWriter(settings, ledger)


def assemble(session: Session) -> None:
    from planagent.publishing.link import Provenance, link
    from planagent.publishing.markdown_out import render

    run, known = _have(session.run), _have(session.outline)
    filled = len(run.filled)
    name = run.writer.name + (f"; {filled} {'part' if filled == 1 else 'parts'} by rule" if filled else "")
    made = Provenance(
        name,
        writer_of(run.writer.identity),
        session.state,
        {n: inputs(known, n, draft) for n, draft in session.base.items()},
        {}
        if isinstance(run.writer, RulesWriter)
        else section_prompts(known.profile, lean=run.writer.shape.lean),
    )
    try:
        session.plan = link(known, session.drafts, made, session.previous)
    except ValueError as error:
        raise FindingsError(
            f"The plan has a {error}.", "Tasks of the model's own cause it: run again, or use --offline."
        ) from error
    session.text = render(session.plan)


def check(session: Session) -> None:
    from planagent.checking.check import Checker
    from planagent.publishing.markdown_out import render

    run, known = session.run, _have(session.outline)
    checker = replace(run.checker(), outline=known) if run else Checker.of(known)
    session.findings = checker.text(session.text)
    if parse(session.text) != session.plan:
        raise FindingsError(
            "The rendered plan does not read back as the same plan.",
            "Please report this with the specs that cause it.",
        )
    if session.findings and not session.allow_findings:
        shown = "; ".join(f"{f.rule} {f.place}: {f.message}" for f in session.findings[:5])
        raise FindingsError(
            f"{len(session.findings)} findings: {shown}",
            "Nothing was written. Run again, or write it with them: --allow-findings.",
        )
    if session.findings:
        plan = _have(session.plan)
        session.plan = plan.model_copy(
            update={"findings": tuple(f"{f.rule} {f.place}: {f.message}" for f in session.findings)}
        )
        session.text = render(session.plan)


def publish(session: Session) -> None:
    """One rename, after a last look that no spec changed under our hands."""
    corpus = _have(session.corpus)
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
    verify_specs(corpus, session.settings.workspace)


def verify_specs(corpus: Corpus, workspace: Path) -> None:
    """Raises WorkspaceError when a document is not byte for byte what was read."""
    for document in corpus.documents:
        try:
            same = sha256(read_bytes(workspace / document.path)) == document.digest
        except CorpusError:
            same = False
        if not same:
            raise WorkspaceError(
                f"{document.path} changed while the plan was made.", "Run again; accepted answers are kept."
            )


def _inside_specs(path: Path, corpus: Corpus, workspace: Path) -> bool:
    return any((workspace / d.path).resolve() == path.resolve() for d in corpus.documents)


STEPS: tuple[tuple[str, Callable[[Session], None]], ...] = (
    ("reading", read),
    ("planning", outline),
    ("writing", draft),
    ("linking", assemble),
    ("checking", check),
    ("publishing", publish),
)


def previous_plan(path: Path) -> Plan | None:
    """The plan that stands there, whose ids and ticks are kept; None when there is none.

    Raises:
        UsageError: a file stands there that is no plan of ours: it is not overwritten.
    """
    if not path.is_file():
        return None
    text, _ = decode(read_bytes(path))
    if not text.strip():
        return None
    try:
        return parse(text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{path}: {damage(text, str(error))}", RESTORE) from error


def _have(value: T | None) -> T:
    assert value is not None, "the steps run in order"  # noqa: S101
    return value
