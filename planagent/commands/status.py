"""`planagent status` and `planagent diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, STALE, run_options, say, settings_of
from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.plan.plan import Plan
    from planagent.settings import Settings
    from planagent.staleness import Status


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
@click.option("--offline", is_flag=True, help="The plan is meant to be written by rule, whatever is configured.")
def status(workspace: Path | None, as_json: bool, offline: bool, **where: str | None) -> int:
    """Tell whether the plan is still that of its specs, and which sections are stale and why.

    From what stands in the plan itself: no model, no network, no state folder. Exit code 0 when it is fresh, 3 when
    planning again would change it.
    """
    from planagent.staleness import status_of

    found = status_of(settings_of(workspace, **where), offline=offline)
    if as_json:
        click.echo(json.dumps(as_data(found), ensure_ascii=False))
    else:
        for line in as_text(found):
            say(line)
    return 0 if found.state == "fresh" else STALE


def as_data(found: Status) -> dict[str, object]:
    return {
        "plan": str(found.path),
        "state": found.state,
        "reasons": list(found.reasons),
        "sections": [{"number": s.number, "title": s.title, "reasons": list(s.reasons)} for s in found.sections],
    }


def as_text(found: Status) -> list[str]:
    said = {
        "fresh": "fresh: nothing that it was made from has changed",
        "moved": "moved: the specs say the same in other lines or order; planning again costs no call",
        "edited": "edited",
        "stale": "stale",
        "absent": "absent",
    }
    lines = [f"{found.path}: {said[found.state]}"]
    if found.state != "moved":
        lines += [f"  {reason}" for reason in found.reasons]
    for section in found.sections:
        lines.append(f"  {section.number or '-'} {section.title}")
        shown = section.reasons[:8]
        lines += [f"      {reason}" for reason in shown]
        if len(section.reasons) > len(shown):
            lines.append(f"      and {len(section.reasons) - len(shown)} more")
    if found.state == "absent":
        lines.append("Write one with `planagent plan`; `planagent plan --dry-run` tells what it would cost.")
    elif found.state == "stale":
        cost = "" if found.command.endswith("--offline") else f"; `{found.command} --dry-run` tells what it would cost"
        lines.append(f"Plan again with `{found.command}`{cost}.")
    return lines


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("old", required=False, type=click.Path(path_type=Path), metavar="[OLD]")
@click.argument("new", required=False, type=click.Path(path_type=Path), metavar="[NEW]")
@run_options
@click.option("--rev", default=None, metavar="REV", help="Compare with the plan of a git revision, such as HEAD.")
@click.option("--exit-code", is_flag=True, help="Exit 1 when tasks or rulings differ.")
def diff(
    old: Path | None, new: Path | None, workspace: Path | None, as_json: bool, rev: str | None, exit_code: bool, **where: str | None
) -> int:
    """Show what a re-plan changed: tasks and rulings, not lines.

    Compares the plan with the one before it, with OLD, or with that of a git revision; or OLD with NEW. The output is
    Markdown, fit for a pull request.
    """
    from planagent.plan.difference import as_json as data
    from planagent.plan.difference import as_markdown, compare

    settings = settings_of(workspace, **where)
    if rev and old:
        raise UsageError("OLD and --rev name two plans to compare with.", "Give one of them.")
    before = _at_revision(settings, rev) if rev else _plan(old or _previous(settings))
    found = compare(before, _plan(new or settings.output_path))
    if as_json:
        click.echo(json.dumps(data(found), ensure_ascii=False))
    else:
        for line in as_markdown(found):
            click.echo(line)
    return 1 if exit_code and not found.empty else 0


def _previous(settings: Settings) -> Path:
    from planagent.workspace import previous_path

    path = previous_path(settings)
    if not path.is_file():
        raise UsageError(
            "No plan before this one is known here.",
            "Name one (`planagent diff OLD`), or compare with a revision: `planagent diff --rev HEAD`.",
        )
    return path


def _plan(path: Path) -> Plan:
    from planagent.pipeline import previous_plan

    found = previous_plan(path)
    if found is None:
        raise UsageError(f"{path}: there is no plan.", "Write one with `planagent plan`, or give its path.")
    return found


def _at_revision(settings: Settings, rev: str) -> Plan:
    import shutil
    import subprocess

    from planagent.plan.markdown_in import NotAPlan, parse

    git = shutil.which("git")
    if git is None:
        raise UsageError("--rev needs git, and git is not installed.", "Give the old plan as a file.")
    path = settings.output_path.resolve()
    command = [git, "-C", str(path.parent), "show", f"{rev}:./{path.name}"]
    shown = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    if shown.returncode:
        told = (shown.stderr.strip().splitlines() or ["git failed"])[-1]
        raise UsageError(f"{path.name} at {rev}: {told}", "Give a revision that holds the plan, or the old plan as a file.")
    try:
        return parse(shown.stdout)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{path.name} at {rev}: is no plan of this program ({error}).", "Give another revision.") from error
