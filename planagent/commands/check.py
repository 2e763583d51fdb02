"""`planagent check` and `planagent rule`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, common_options, root_of, settings_of, talk
from planagent.commands.completion import completing, rule_codes
from planagent.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from planagent.settings import Settings


def _codes(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """`--select PA1,PA203 --select PA5` as one list."""
    return tuple(code for part in value for code in part.split(",") if code.strip())


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PLAN]...")
@common_options
@click.option(
    "--output",
    "output",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="How findings are printed.",
)
@click.option(
    "--select", multiple=True, callback=_codes, metavar="CODES", help="Only these rules: PA203, PA2 or a name; lists with commas."
)
@click.option("--ignore", multiple=True, callback=_codes, metavar="CODES", help="All but these rules.")
@click.option("--strict", is_flag=True, help="What nobody has read, and is to be applied as it stands, is a finding too.")
@click.option("--stats", is_flag=True, help="Print words, tasks and places of the plan instead of findings.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 in spite of findings.")
def check(
    paths: tuple[Path, ...],
    workspace: Path | None,
    as_json: bool,
    output: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    exit_zero: bool,
    strict: bool,
    stats: bool,
    **where: str | None,
) -> int:
    """Prove plans against their specs: all findings at once, each with its line and what to do.

    Reads plans of this program, Spec Kit's tasks.md and plan.md, Task Master's tasks.json and plain Markdown.
    Without PLAN: the workspace's own plan. No model, no network.
    """
    from planagent import findings_report
    from planagent.cache import Cache
    from planagent.proving import check_file

    tell = talk()
    if stats:
        return _stats(settings_of(workspace, **where), paths, as_json=as_json)
    checked = []
    for path in paths or (None,):
        settings = settings_of(workspace or (root_of(path) if path else None), **where)
        one = check_file(settings, path or settings.output_path, select=select, ignore=ignore, strict=strict, cache=Cache.of_user())
        for note in one.outcome.notes:
            tell(note)
        checked.append(one)
    if as_json or output == "json":
        click.echo(findings_report.as_json(checked))
    elif output == "sarif":
        click.echo(findings_report.as_sarif(checked))
    elif output == "github":
        for line in findings_report.as_github(checked):
            click.echo(line)
    else:
        for line in findings_report.as_text(checked, click.style):
            click.echo(line)
    count, tasks = sum(len(c.outcome.findings) for c in checked), sum(c.outcome.tasks for c in checked)
    suppressed = sum(len(c.outcome.suppressed) for c in checked)
    said = f"{count} findings" if count > 1 else "1 finding" if count else "No finding"
    click.echo(f"{said} in {tasks} {'task' if tasks == 1 else 'tasks'}" + (f", {suppressed} suppressed." if suppressed else "."), err=True)
    return FindingsError.exit_code if count and not exit_zero else 0


def _stats(settings: Settings, paths: tuple[Path, ...], *, as_json: bool) -> int:
    """Figures of plans of this program."""
    from planagent.checking.repetition import check_repeated
    from planagent.checking.structure import stats as stats_of
    from planagent.checking.units import units_of_plan
    from planagent.files import decode, read_plan
    from planagent.pipeline import previous_plan

    found = {}
    for path in paths or (settings.output_path,):
        plan = previous_plan(path)
        if plan is None:
            raise UsageError(f"{path}: there is no plan.", "Write one with `planagent plan`.")
        text = decode(read_plan(path))[0]
        units = (u for u in units_of_plan(plan, {}, text) if u.key not in ("approach", "intro"))
        found[str(path)] = stats_of(plan, text) | {"repeated": sum(1 for _ in check_repeated(units))}
    if as_json:
        click.echo(json.dumps(found))
        return 0
    for name, figures in found.items():
        click.echo(name)
        for label, value in figures.items():
            click.echo(f"  {label.replace('_', ' '):<14}{value:>9,}")
    return 0


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("code", required=False, metavar="[CODE]", shell_complete=completing(rule_codes))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def rule(code: str | None, as_json: bool) -> int:
    """Explain a rule of `check`: what, why, an example, how to fix it. Without CODE: list all."""
    from dataclasses import asdict

    from planagent.rulebook import matching, rules

    codes = sorted(matching([code])) if code else list(rules())
    chosen = [rules()[c] for c in codes]
    if as_json:
        click.echo(json.dumps({"rules": [asdict(r) for r in chosen]}, ensure_ascii=False))
    elif code and len(chosen) == 1:
        one = chosen[0]
        click.echo(click.style(f"{one.code} {one.name}", bold=True) + f" ({one.family}, {one.severity})\n")
        for label, text in (("What", one.what), ("Why", one.why), ("Bad", one.bad), ("Good", one.good), ("Fix", one.fix)):
            click.echo(click.wrap_text(f"{label + ':':<6}{text}", 100, subsequent_indent="      "))
        plans = "plans of this program" if one.plans == "own" else "all plans"
        click.echo(f"\nApplies to {plans}. Suppress at a place, with a reason: <!-- planagent: ignore {one.code} why -->")
    else:
        for one in chosen:
            click.echo(f"{one.code}  {one.severity:<8} {one.name:<26} {one.what.split('. ')[0].rstrip('.')}.")
    return 0
