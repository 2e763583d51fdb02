"""`planagent decide`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from planagent.commands.common import EXIT_CODES, run_options, settings_of


@click.command(epilog=EXIT_CODES)
@click.argument("ruling", metavar="ID")
@click.argument("answer", required=False, metavar="[ANSWER]")
@click.option("--clear", is_flag=True, help="Take the answer back: the default holds again.")
@run_options
def decide(
    ruling: str, answer: str | None, clear: bool, workspace: Path | None, as_json: bool, **where: str | None
) -> int:
    """Record a person's answer to a decision or gap of the plan (D3, G1), in planagent.toml.

    The answer is an input from then on: plan again to apply it. An answer that is one of the listed
    likely answers brings in the tasks that were planned for it.
    """
    from planagent.deciding import record

    settings = settings_of(workspace, **where)
    recorded = record(settings, ruling, None if clear else answer)
    if as_json:
        click.echo(json.dumps(recorded, ensure_ascii=False))
    else:
        click.echo(f"{recorded['id']} {recorded['title']}: {recorded['answer'] or 'the default holds again'}")
        click.echo("Run `planagent plan` to apply it.", err=True)
    return 0
