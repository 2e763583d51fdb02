"""`planagent report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, common_options, settings_of, talk

if TYPE_CHECKING:
    from planagent.known import Known
    from planagent.plan.difference import Difference
    from planagent.settings import Settings


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@common_options
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Where the page goes [.planagent/report.html].",
)
def report(workspace: Path | None, as_json: bool, to: Path | None, **where: str | None) -> int:
    """Write one HTML page: decisions, specs line by line, plan, order of tasks, last change.

    The page holds all that it shows and loads nothing; open it in a browser. No model is asked.
    """
    from planagent.files import write_atomically
    from planagent.known import known_of
    from planagent.report.page import render_report
    from planagent.workspace import prepare_state

    settings = settings_of(workspace, **where)
    known = known_of(settings)
    tell = talk()
    for warning in (*known.corpus.warnings, *known.reading.notes):
        tell(f"warning: {warning}")
    if to is None:
        prepare_state(settings)
    path = to or settings.state / "report.html"
    page = render_report(known, _difference(settings, known))
    write_atomically(path, page)
    click.echo(json.dumps({"report": str(path), "bytes": len(page.encode())}) if as_json else str(path))
    return 0


def _difference(settings: Settings, known: Known) -> Difference | None:
    """What the last re-plan changed; None where no earlier plan is kept, or none that can be read."""
    from planagent.files import decode, read_plan
    from planagent.plan.difference import compare
    from planagent.plan.markdown_in import parse
    from planagent.workspace import previous_path

    earlier = previous_path(settings)
    if known.plan is None or not earlier.is_file():
        return None
    try:
        return compare(parse(decode(read_plan(earlier))[0]), known.plan)
    except ValueError:
        return None
