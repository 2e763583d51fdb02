"""`planagent plan`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import CHANGED, EXIT_CODES_ELSEWHERE, run_options, say, settings_of, talk
from planagent.commands.live import watched
from planagent.errors import FindingsError, PlanagentError, UsageError, WaitingError

if TYPE_CHECKING:
    from planagent.forecast import Forecast
    from planagent.model import Finding
    from planagent.pipeline import Session
    from planagent.plan.difference import Difference
    from planagent.settings import Settings


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
@click.option("--offline", is_flag=True, help="Read and write by rule: no model, no network, no key.")
@click.option("--model", default=None, metavar="NAME", help="A model's name, or gguf:PATH for a local file [PLANAGENT_MODEL].")
@click.option(
    "--allow-findings", is_flag=True, help="Write the plan even when something cannot be mended: the rules stand in, and the plan lists it."
)
@click.option(
    "--fill-from-rules", is_flag=True, help="Take parts that the model cannot get right from the rules; the header says how many."
)
@click.option(
    "--batch",
    is_flag=True,
    default=None,
    help="Hand each wave of calls to the provider's Batch API, at half the price, and end with 9; run again to go on [PLANAGENT_BATCH].",
)
@click.option(
    "--wait", type=click.IntRange(1), default=None, metavar="SECONDS", help="With --batch: look every so often until the plan is there."
)
@click.option("--if-stale", is_flag=True, help="Do nothing when the plan is fresh, as `planagent status` tells.")
@click.option("--dry-run", is_flag=True, help="Tell calls, tokens and price by stage; ask nobody, write nothing.")
@click.option("--max-cost", type=float, default=None, metavar="DOLLARS", help="Stop before the run could cost more.")
@click.option("--quiet", "-q", is_flag=True, help="No word on stderr but errors.")
@click.option("--exit-code", is_flag=True, help="Exit 10 when the plan was changed, 0 when it is as it was.")
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Add one line of JSON on the run, however it ends [PLANAGENT_LOG].",
)
def plan(
    workspace: Path | None,
    as_json: bool,
    offline: bool,
    model: str | None,
    allow_findings: bool,
    fill_from_rules: bool,
    batch: bool | None,
    wait: int | None,
    if_stale: bool,
    dry_run: bool,
    max_cost: float | None,
    quiet: bool,
    exit_code: bool,
    log: Path | None,
    **where: str | None,
) -> int:
    """Write the plan: read the specs, decide, write and review ten sections, merge them into one file.

    Task ids and ticks of an existing plan are kept. On an error nothing is written.
    """
    from planagent.forecast import forecast_plan
    from planagent.pipeline import Session

    try:
        path = str(log.absolute()) if log else None
        settings = settings_of(workspace, model=model, batch=batch, max_cost=max_cost, log=path, **where)
    except PlanagentError as error:
        if log:  # a job that nobody watches says so too when it cannot begin
            from planagent.journal import append

            append(log, {"outcome": "failed", "exit_code": error.exit_code, "error": error.message})
        raise

    if wait and not settings.batch:
        raise UsageError("--wait is for batches.", "Add --batch, or leave it out: without it the plan is there when the command ends.")

    def session_of() -> Session:
        return Session(settings, offline=offline, allow_findings=allow_findings, fill_from_rules=fill_from_rules)

    session = session_of()
    if dry_run:
        session.tell = talk()
        _show_forecast(forecast_plan(session), as_json=as_json)
        return 0
    while True:
        try:
            with watched(session, quiet=quiet):
                changed = logged(session, if_stale=if_stale)
            break
        except WaitingError as error:
            if not wait:
                raise
            if not quiet:
                click.echo(f"· {error.message}", err=True)
            time.sleep(wait)
            session = session_of()
    if changed is None:
        _show_fresh(settings, as_json=as_json)
        return 0
    code = show_plan(session, as_json=as_json, quiet=quiet)
    return CHANGED if exit_code and changed and not code else code


def logged(session: Session, *, if_stale: bool) -> bool | None:
    """Makes the plan and writes the line on it into the log, however it ends.

    Returns:
        Whether the file changed; None for one that is fresh, and that was not to be planned again.
    """
    from planagent.pipeline import make_plan

    settings = session.settings
    outcome: dict[str, Any] = {"outcome": "failed", "exit_code": 70}
    try:
        if if_stale and _is_fresh(settings, offline=session.offline):
            outcome = {"outcome": "fresh", "exit_code": 0}
            return None
        make_plan(session)
        kind = "findings" if session.findings else "unchanged" if session.unchanged else "planned"
        outcome = {"outcome": kind, "exit_code": FindingsError.exit_code if session.findings else 0}
        return not session.unchanged
    except PlanagentError as error:
        kind = "findings" if isinstance(error, FindingsError) else "waiting" if isinstance(error, WaitingError) else "failed"
        outcome = {"outcome": kind, "exit_code": error.exit_code, "error": error.message}
        raise
    except KeyboardInterrupt:
        outcome = {"outcome": "interrupted", "exit_code": 130}
        raise
    except Exception as error:
        outcome["error"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        if settings.log:
            _log(session, outcome)


def _log(session: Session, outcome: dict[str, Any]) -> None:
    from planagent.journal import append

    settings = session.settings
    path = Path(settings.log)
    record = {"workspace": str(settings.workspace), "plan": str(settings.output_path), **outcome}
    if session.plan is not None:
        record["tasks"] = len(session.plan.tasks)
    if session.runs:
        used = session.usage
        record |= {
            "calls": used.calls, "input_tokens": used.input_tokens, "cached_tokens": used.cached_tokens,
            "output_tokens": used.output_tokens, "cost": session.cost, "repairs": sum(r.repaired for r in session.each_run),
        }  # fmt: skip
    record["seconds"] = round(session.seconds, 2)
    append(path if path.is_absolute() else settings.workspace / path, record)


def show_plan(session: Session, *, as_json: bool, quiet: bool = False) -> int:
    """Tells of a plan that was made; the exit code of the command that made it."""
    if as_json:
        click.echo(json.dumps(plan_report(session), ensure_ascii=False))
    elif quiet:
        click.echo(str(session.settings.output_path))
    else:
        _plan_summary(session)
    return FindingsError.exit_code if session.findings else 0


def _is_fresh(settings: Settings, *, offline: bool) -> bool:
    from planagent.staleness import status_of

    return status_of(settings, offline=offline).state == "fresh"


def _show_fresh(settings: Settings, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"plan": str(settings.output_path), "fresh": True}))
    else:
        click.echo(str(settings.output_path))
        click.echo("Fresh: nothing to do.", err=True)


def _show_forecast(ahead: Forecast, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "stage": row.stage, "parts": row.parts, "calls": row.usage.calls, "input_tokens": row.usage.input_tokens,
            "cached_tokens": row.usage.cached_tokens, "output_tokens": row.usage.output_tokens, "exact": row.exact, "cost": row.cost,
        }
        for row in ahead.rows
    ]  # fmt: skip
    names = ("parts", "calls", "input_tokens", "cached_tokens", "output_tokens")
    total: dict[str, Any] = {n: sum(r[n] for r in rows) for n in names} | {"cost": ahead.cost}
    if as_json:
        click.echo(json.dumps({"dry_run": True, **total, "stages": rows}))
        return
    click.echo(
        f"{'stage':<12}{'parts':>7}{'calls':>7}{'tokens in':>12}{'shared':>10}{'out':>9}"
        + (f"{'dollars':>10}" if ahead.cost is not None else "")
    )
    for row in [*rows, total | {"stage": "all", "exact": True}]:
        about = "" if row["exact"] else "  estimated"
        price = f"{row['cost']:>10.4f}" if row["cost"] is not None else ""
        click.echo(
            f"{row['stage']:<12}{row['parts']:>7}{row['calls']:>7}{row['input_tokens']:>12,}{row['cached_tokens']:>10,}{row['output_tokens']:>9,}{price}{about}"
        )
    if not total["calls"]:
        click.echo("Nobody is asked, and nothing is spent.", err=True)
    elif ahead.cost is None:
        click.echo("No price is known for this model (price_input and price_output set one).", err=True)
    else:
        click.echo(f"About {ahead.cost:.4f} US dollars without repairs.", err=True)


def plan_report(session: Session) -> dict[str, Any]:
    """A plan that was made, as data."""
    from planagent.assembling import orders_in
    from planagent.model import have

    made, usage = session.plan, session.usage
    assert made is not None  # noqa: S101  (make_plan returned)
    return {
        "plan": str(session.settings.output_path),
        "unchanged": session.unchanged,
        "writer": made.writer,
        "read": made.read_share,
        "tasks": len(made.tasks),
        "statements": len(made.statements),
        "decisions": [
            {"id": r.id, "title": r.title, "waits": r.waits, "default": r.default} for r in made.rulings if r.waits and not r.answer
        ],
        "orders": list(orders_in(have(session.corpus), have(session.reading))),
        "findings": [_finding(f) for f in session.findings],
        "usage": {
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "retries": usage.retries,
            "cost": session.cost,
        },
        "briefs": sum(r.briefs for r in session.each_run),
        "repairs": sum(r.repaired for r in session.each_run),
        "reused": sum(r.reused for r in session.each_run),
        "review_points": session.points,
        "filled_from_rules": session.filled,
        "seconds": round(session.seconds, 2),
    }


def _plan_summary(session: Session) -> None:
    report = plan_report(session)
    usage = report["usage"]
    click.echo(report["plan"])
    spent = (
        f", {usage['calls']} calls, {usage['input_tokens']:,} tokens in ({usage['cached_tokens']:,} cached), {usage['output_tokens']:,} out, "
        f"{report['repairs']} repairs{_priced(usage['cost'])}"
        if usage["calls"]
        else ""
    )
    say(
        f"{'Unchanged: ' if report['unchanged'] else ''}{report['tasks']} tasks for {report['statements']} statements, by {report['writer']}, "
        f"in {report['seconds']:.1f} s{spent}. Specs: {report['read']}.",
        err=True,
    )
    if session.difference is not None and not report["unchanged"]:
        _change_summary(session.difference)
    if report["orders"]:
        say(
            f"Orders to whoever reads the specs stand in {', '.join(report['orders'])}. Nobody followed them; see who wrote them.", err=True
        )
    if report["filled_from_rules"]:
        say(f"{len(report['filled_from_rules'])} parts were taken from the rules.", err=True)
    if report["decisions"]:
        say('These defaults wait for a person (planagent decide ID "…"):', err=True)
        for decision in report["decisions"]:
            say(f"  {decision['id']:<4} {decision['title']}: {decision['default']}", err=True)
    for finding in session.findings:
        say(f"  {finding.rule} {finding.place}: {finding.message}", err=True)


def _change_summary(found: Difference) -> None:
    """What a re-plan changed, in one line."""
    told = [
        f"{len(tasks)} {what}" for tasks, what in ((found.added, "added"), (found.removed, "removed"), (found.changed, "changed")) if tasks
    ]
    say(f"Tasks: {', '.join(told) or 'none changed'}, {found.same} as before. `planagent diff` tells more.", err=True)


def _priced(cost: float | None) -> str:
    return f", {cost:.4f} US dollars" if cost else ""


def _finding(finding: Finding) -> dict[str, Any]:
    return {"rule": finding.rule, "place": finding.place, "line": finding.line, "message": finding.message, "remedy": finding.remedy}
