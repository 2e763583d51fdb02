"""`planagent facts` and `planagent coverage`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, columns_of, common_options, settings_of, talk
from planagent.errors import FindingsError


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@common_options
@click.option("--conflicts", is_flag=True, help="Show only what disagrees or was decided.")
def facts(workspace: Path | None, as_json: bool, conflicts: bool, **where: str | None) -> int:
    """Show what the specs say, by kind, with file and line.

    From a fresh plan, else from kept answers, else from the rules, which take plain shapes alone. No model is asked.
    """
    from planagent.known import known_of
    from planagent.reporting import facts_as_json, facts_as_text

    known = known_of(settings_of(workspace, **where))
    tell = talk()
    for warning in (*known.corpus.warnings, *known.reading.notes):
        tell(f"warning: {warning}")
    if as_json:
        shown = facts_as_json(known)
        some = {n: shown.get(n, []) for n in ("conflicts", "rulings")}
        click.echo(json.dumps(some if conflicts else shown, ensure_ascii=False))
    else:
        for line in facts_as_text(known, conflicts_only=conflicts, columns=columns_of(sys.stdout)):
            click.echo(line)
    return 0


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@common_options
@click.option("--missing", is_flag=True, help="Show the lines without an account, and those that no task does.")
@click.option("--dismissed", is_flag=True, help="Show the lines that demand nothing, by reason.")
@click.option("--fail-under", type=click.FloatRange(0, 100), default=None, metavar="PERCENT", help="Exit 1 when less is covered.")
def coverage(workspace: Path | None, as_json: bool, missing: bool, dismissed: bool, fail_under: float | None, **where: str | None) -> int:
    """Show which part of the specs is accounted for, planned and done, as coverage.py does for code.

    Counted are units: sentences, list items, rows of tables, lines of fences. From the plan alone where it is fresh.
    """
    from planagent.cache import Cache
    from planagent.covering import coverage_of

    found = coverage_of(
        settings_of(workspace, **where), Cache.of_user(), missing=missing, dismissed=dismissed, columns=columns_of(sys.stdout)
    )
    if as_json:
        click.echo(json.dumps(found.data, ensure_ascii=False))
    else:
        for line in found.lines:
            click.echo(line)
        click.echo(f"Read by {found.by}", err=True)
        unread, units = found.data["total"]["handed_on"], found.data["total"]["units"]
        if unread:
            click.echo(f"{unread:,} of {units:,} units are covered unread: tasks say to work by them as they stand.", err=True)
    short = fail_under is not None and found.share < fail_under
    if short:
        click.echo(f"Coverage {found.share:.1f} % is under {fail_under:g} %: see --missing.", err=True)
    return FindingsError.exit_code if short else 0
