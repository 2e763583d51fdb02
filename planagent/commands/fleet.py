"""`planagent fleet` and `planagent worker`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE

if TYPE_CHECKING:
    from planagent.fleet.database import Database
    from planagent.fleet.worker import Pulse


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    state = click.option(
        "--state", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
        help="Where the embedded database lies [the user's state folder]; PLANAGENT_DATABASE_URL names another one.",
    )  # fmt: skip
    as_json = click.option("--json", "as_json", is_flag=True, help="JSON: logs a line each, or one object.")
    return state(as_json(command))


def _work_options(command: Callable[..., Any]) -> Callable[..., Any]:
    concurrency = click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Workspaces at once.")
    dead = click.option(
        "--dead-after", type=click.FloatRange(1), default=30.0, show_default=True, metavar="SECONDS",
        help="When a worker that gives no sign of life counts as dead, and others take over.",
    )  # fmt: skip
    return _options(concurrency(dead(command)))


@contextmanager
def _database(state: Path | None) -> Iterator[Database]:
    import platformdirs

    from planagent.fleet.database import VARIABLE, database

    folder = state or Path(platformdirs.user_state_dir("planagent")) / "fleet"
    with database(os.environ.get(VARIABLE, ""), folder.absolute()) as found:
        yield found


def _pulse(dead_after: float) -> Pulse:
    from planagent.fleet.worker import Pulse

    return Pulse(beat=min(5.0, dead_after / 4), dead=dead_after, tick=max(1, min(5, int(dead_after / 3))))


@click.group(epilog=EXIT_CODES_ELSEWHERE)
def fleet() -> None:
    """Keep the plans of many workspaces fresh, on schedules, with any number of workers.

    \b
    Two commands on one machine:
      planagent fleet run             work by fleet.toml; nothing else is needed
      planagent fleet status          what became of each workspace

    With PLANAGENT_DATABASE_URL, `planagent worker` on other machines shares the work.
    """


@fleet.command("run", epilog=EXIT_CODES_ELSEWHERE)
@click.option(
    "--file", "-f", "file", type=click.Path(path_type=Path, dir_okay=False), default=Path("fleet.toml"), show_default=True,
    help="The workspaces; a change of it is taken over while this runs.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="End when nothing is due or under way any more.")
@_work_options
def fleet_run(file: Path, once: bool, state: Path | None, as_json: bool, concurrency: int, dead_after: float) -> int:
    """Schedule the workspaces of fleet.toml and work on them. Ends with SIGTERM or Ctrl-C, handing back what is unfinished."""
    from planagent.fleet.config import load_fleet
    from planagent.fleet.logs import log_to_stderr
    from planagent.fleet.roster import Roster
    from planagent.fleet.worker import Worker, beside

    log_to_stderr(as_json=as_json)
    listed = load_fleet(file)
    with _database(state) as found:
        roster = Roster(found)
        roster.enroll(listed)
        worker = Worker(found, concurrency=concurrency, pulse=_pulse(dead_after))
        worker.run_alone(lambda: beside(file, listed.name, roster, once=once))
        parked = [r["name"] for r in roster.rows() if r["state"] == "parked"]
    return 1 if once and parked else 0


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@_work_options
def worker(state: Path | None, as_json: bool, concurrency: int, dead_after: float) -> int:
    """Add a worker to the fleet whose database PLANAGENT_DATABASE_URL names, or to that of this machine."""
    from planagent.fleet.logs import log_to_stderr
    from planagent.fleet.worker import Worker

    log_to_stderr(as_json=as_json)
    with _database(state) as found:
        Worker(found, concurrency=concurrency, pulse=_pulse(dead_after)).run_alone()
    return 0


@fleet.command("status", epilog=EXIT_CODES_ELSEWHERE)
@_options
def fleet_status(state: Path | None, as_json: bool) -> int:
    """Show each workspace: state, last and next run, what was stale, calls, tokens, cost, last error."""
    from planagent.fleet.roster import Roster

    with _database(state) as found:
        rows = Roster(found).rows()
    shown = [_row(r) for r in rows]
    if as_json:
        click.echo(json.dumps({"workspaces": shown}, ensure_ascii=False))
        return 0
    click.echo(f"{'state':<9}{'last':<10}{'at':<18}{'next':<18}{'runs':>5}{'calls':>7}{'tokens':>11}{'dollars':>9}  {'stale':<14}workspace")
    for row in shown:
        click.echo(
            f"{row['state']:<9}{row['outcome'] or '-':<10}{_short(row['finished_at']):<18}{_short(row['due_at']):<18}"
            f"{row['runs']:>5}{row['calls']:>7}{row['input_tokens'] + row['output_tokens']:>11,}{row['cost']:>9.4f}"
            f"  {','.join(map(str, row['stale'])) or '-':<14}{row['name']}"
        )
        if row["error"]:
            click.echo(f"         {row['error']}")
    return 0


def _row(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "name", "state", "outcome", "error", "stale", "cron", "due_at", "started_at", "finished_at", "worker", "attempts", "runs",
        "calls", "input_tokens", "output_tokens", "cost",
    )  # fmt: skip
    return {n: row[n].isoformat(timespec="seconds") if isinstance(row[n], datetime) else row[n] for n in names}


def _short(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else "-"


@fleet.command("retry", epilog=EXIT_CODES_ELSEWHERE)
@click.argument("names", nargs=-1, required=True, metavar="WORKSPACE...")
@_options
def fleet_retry(names: tuple[str, ...], state: Path | None, as_json: bool) -> int:
    """Make workspaces due at once, parked and paused ones too; their failures are forgotten."""
    return _set(names, "waiting", state, as_json=as_json, due=True)


@fleet.command("pause", epilog=EXIT_CODES_ELSEWHERE)
@click.argument("names", nargs=-1, required=True, metavar="WORKSPACE...")
@_options
def fleet_pause(names: tuple[str, ...], state: Path | None, as_json: bool) -> int:
    """Leave workspaces out until `planagent fleet retry`; a run that is under way stops between two calls."""
    return _set(names, "paused", state, as_json=as_json)


def _set(names: tuple[str, ...], wanted: str, state: Path | None, *, as_json: bool, due: bool = False) -> int:
    from planagent.fleet.roster import Roster

    with _database(state) as found:
        changed = Roster(found).set_state(names, wanted, due=due)
    if as_json:
        click.echo(json.dumps({"workspaces": changed, "state": wanted}))
    else:
        for name in changed:
            click.echo(f"{name}: {wanted}")
    return 0
