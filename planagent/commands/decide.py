"""`planagent decide`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, run_options, settings_of
from planagent.commands.completion import completing, rulings


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("ruling", metavar="ID", shell_complete=completing(rulings))
@click.argument("answer", required=False, metavar="[ANSWER]")
@click.option("--clear", is_flag=True, help="Take the answer back: the default holds again.")
@click.option("--dry-run", is_flag=True, help="Tell what the answer would change; keep nothing.")
@run_options
def decide(ruling: str, answer: str | None, clear: bool, dry_run: bool, workspace: Path | None, as_json: bool, **where: str | None) -> int:
    """Record a person's answer to a decision or gap of the plan (D3, G1), in planagent.toml.

    The answer is an input from then on: plan again to apply it. An answer that is one of the listed
    likely answers brings in the tasks that were planned for it.
    """
    from planagent.deciding import record

    settings = settings_of(workspace, **where)
    recorded = record(settings, ruling, None if clear else answer, dry=dry_run)
    if as_json:
        click.echo(json.dumps(recorded, ensure_ascii=False))
    else:
        click.echo(f"{recorded['id']} {recorded['title']}: {recorded['answer'] or 'the default holds again'}")
        click.echo(f"  default: {recorded['default']}")
        if recorded["answer"] and recorded["options"] and not recorded["likely"]:
            click.echo(f"  none of the likely answers ({' | '.join(recorded['options'])}): it counts as a ruling of its own")
        click.echo(f"  rests on it: {', '.join(recorded['rests_on_it']) or 'no task'}")
        if recorded["brings_in"]:
            click.echo(f"  brings in: {', '.join(recorded['brings_in'])}")
        click.echo("Nothing was kept." if dry_run else f"Run `{recorded['command']}` to apply it.", err=True)
    return 0
