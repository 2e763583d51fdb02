"""`planagent schema`."""

from __future__ import annotations

import json

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE
from planagent.commands.completion import completing, schema_names
from planagent.errors import UsageError


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=completing(schema_names))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def schema(name: str | None, as_json: bool) -> int:
    """Print the JSON Schema of what a command prints with --json, or of planagent.toml. Without NAME: list them."""
    from planagent.outputs import OUTPUTS
    from planagent.schemas import SETTINGS, schema_of

    names = [*OUTPUTS, SETTINGS]
    if name is None:
        click.echo(json.dumps({"schemas": names}) if as_json else "\n".join(names))
        return 0
    if name not in names:
        raise UsageError(f"There is no schema of {name!r}.", f"Known: {', '.join(names)}.")
    click.echo(json.dumps(schema_of(name), indent=None if as_json else 2, ensure_ascii=False))
    return 0
