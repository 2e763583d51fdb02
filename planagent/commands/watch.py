"""`planagent watch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, run_options, settings_of, talk
from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.watching import Seen


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
@click.option("--offline", is_flag=True, help="Write by rule, whatever is configured.")
@click.option("--no-plan", is_flag=True, help="Tell what becomes stale; plan nothing.")
@click.option(
    "--debounce", type=click.FloatRange(0.05, 60), default=1.0, show_default=True, metavar="SECONDS",
    help="How long nothing must change before a change is looked at.",
)  # fmt: skip
def watch(workspace: Path | None, as_json: bool, offline: bool, no_plan: bool, debounce: float, **where: str | None) -> int:
    """Plan again while the specs are edited: tells what each change makes stale. Stop it with Ctrl-C.

    With --json one object a line. Needs the package's extra: pip install 'planagent[watch]'.
    """
    try:
        import watchfiles  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "Watching needs a package that is not installed (watchfiles).", "Install it: pip install 'planagent[watch]'."
        ) from error
    from planagent.watching import watch as watched

    tell = talk()
    click.echo(f"Watching {settings_of(workspace, **where).workspace}", err=True)
    for seen in watched(lambda: settings_of(workspace, **where), offline=offline, plan=not no_plan, debounce=debounce, tell=tell):
        if as_json:
            click.echo(json.dumps(_data(seen), ensure_ascii=False))
        else:
            _show(seen)
    return 0


def _data(seen: Seen) -> dict[str, Any]:
    from planagent.commands.plan import plan_report
    from planagent.commands.status import as_data

    told: dict[str, Any] = {"files": list(seen.files)}
    if seen.status:
        told["status"] = as_data(seen.status)
    if seen.session:
        told["planned"] = plan_report(seen.session)
    if seen.error:
        told["error"] = {"message": seen.error.message, "remedy": seen.error.remedy, "exit_code": seen.error.exit_code}
    return told


def _show(seen: Seen) -> None:
    from planagent.commands.plan import plan_report
    from planagent.commands.status import as_text

    if seen.status:
        if seen.files:
            more = f" and {len(seen.files) - 5} more" if len(seen.files) > 5 else ""
            click.echo(f"Changed: {', '.join(seen.files[:5])}{more}")
        for line in as_text(seen.status)[1:] or [f"  {seen.status.state}"]:
            if not line.startswith(("Plan again", "Write one")):
                click.echo(line)
    if seen.session:
        made = plan_report(seen.session)
        click.echo(f"  planned: {made['tasks']} tasks, {made['usage']['calls']} calls, {made['seconds']:.1f} s")
    if seen.error:
        click.echo(f"  not planned: {seen.error.message} {seen.error.remedy}")
