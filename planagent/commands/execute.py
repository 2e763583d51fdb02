"""`planagent next`, `planagent done`, `planagent progress`: the plan's executor, task by task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, run_options, say, settings_of, talk
from planagent.commands.completion import completing, tasks
from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.executing import Execution, Progress, Ticked
    from planagent.plan.plan import Task


@click.command("next", epilog=EXIT_CODES_ELSEWHERE)
@click.argument("task_id", required=False, metavar="[ID]", shell_complete=completing(tasks))
@run_options
def next_task(task_id: str | None, workspace: Path | None, as_json: bool, **where: str | None) -> int:
    """Print the next task that can be done, on one page with all that it refers to; with ID, that task.

    The rulings and items are printed in full, the sources as the specs have them now. Tasks that wait for a decision
    are left out until somebody decides so and plans again.
    """
    from planagent.executing import Execution
    from planagent.plan.page import as_markdown

    here = Execution.of(settings_of(workspace, **where))
    told = next_data(here, task_id)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return 0
    if not told["current"]:
        click.echo("The specs or settings have changed since the plan was made: `planagent status` tells what.", err=True)
    if told["task"] is None:
        click.echo(f"All {told['total']} tasks are done.")
    else:
        for line in as_markdown(told["task"]):
            click.echo(line)
    others = [f"{t['id']} {t['title']}" for t in told["ready"] if not told["task"] or t["id"] != told["task"]["id"]]
    if others:
        more = f" and {len(others) - 8} more" if len(others) > 8 else ""
        say(f"{told['done']} of {told['total']} done. Ready as well: {'; '.join(others[:8])}{more}", err=True)
    return 0


def next_data(here: Execution, task_id: str | None = None) -> dict[str, Any]:
    """The page of one task, and what else could be done now."""
    from planagent.plan.ready import due, ready

    able = ready(here.plan)
    task = here.task(task_id) if task_id else next(iter(able), None)
    tasks = due(here.plan)
    return {
        "plan": str(here.path),
        "current": here.same_state,
        "done": sum(t.done for t in tasks),
        "total": len(tasks),
        "ready": [_short(t) for t in able],
        "task": here.page(task) if task else None,
    }


def _short(task: Task) -> dict[str, Any]:
    return {"id": task.id, "title": task.title, "file": task.file, "parallel": task.parallel}


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=completing(tasks))
@run_options
@click.option("--force", default=None, metavar="REASON", help="Tick in spite of open needs or changed sources; the plan keeps why.")
@click.option("--undo", is_flag=True, help="Take the ticks back.")
def done(ids: tuple[str, ...], workspace: Path | None, as_json: bool, force: str | None, undo: bool, **where: str | None) -> int:
    """Tick tasks that are done: all of them, or none.

    Refused with exit code 9 while a task that is needed is open, and with 3 when the specs behind a task have changed
    since the plan was made.
    """
    from planagent.executing import complete, reopen

    if force is not None and (undo or not force.strip()):
        raise UsageError("--force takes a reason, and ticks only.", 'Give one: --force "done by hand before".')
    settings, tell = settings_of(workspace, **where), talk()
    ticked = reopen(settings, ids, tell) if undo else complete(settings, ids, force=force or "", tell=tell)
    told = ticked_data(ticked, undo=undo)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return 0
    what = "open again" if undo else "done"
    for task_id in ticked.changed:
        click.echo(f"{task_id} is {what}")
    for task_id in ticked.already:
        click.echo(f"{task_id} was {'open' if undo else 'done'} already")
    for warning in ticked.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"Ready now: {', '.join(ticked.ready) or 'nothing, all tasks are done'}", err=True)
    return 0


def ticked_data(ticked: Ticked, *, undo: bool = False) -> dict[str, Any]:
    return {
        "plan": str(ticked.path),
        "reopened" if undo else "done": list(ticked.changed),
        "already": list(ticked.already),
        "warnings": list(ticked.warnings),
        "ready": list(ticked.ready),
    }


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
def progress(workspace: Path | None, as_json: bool, **where: str | None) -> int:
    """Tell how far the plan is carried out: by phase, what is ready, and what should be looked at again."""
    from planagent.executing import Execution
    from planagent.executing import progress as progress_of

    here = Execution.of(settings_of(workspace, **where))
    found = progress_of(here)
    if as_json:
        click.echo(json.dumps(progress_data(here, found), ensure_ascii=False))
    else:
        for line in _progress_text(found):
            say(line)
    return 0


def progress_data(here: Execution, found: Progress) -> dict[str, Any]:
    return {
        "plan": str(here.path),
        "done": found.done,
        "total": found.total,
        "phases": [{"phase": n, "done": d, "total": t} for n, d, t in found.phases],
        "ready": [_short(t) for t in found.ready],
        "waiting": [{"id": t.id, "title": t.title, "condition": t.condition} for t in found.waiting],
        "changed": [{"id": t.id, "done": t.done, "reasons": here.changes(t)} for t in found.changed],
        "forced": [{"id": t.id, "reason": t.forced} for t in found.forced],
        "again": [{"id": t.id, "reason": t.again} for t in found.again],
        "confirm": [{"id": r.id, "title": r.title, "default": r.default} for r in found.confirm],
    }


def _progress_text(found: Progress) -> list[str]:
    share = round(100 * found.done / found.total) if found.total else 100
    lines = [f"{found.done} of {found.total} tasks done ({share} %)"]
    lines += [f"  {name:<34}{d:>4} of {t:>3}" for name, d, t in found.phases]
    if found.ready:
        lines.append("Ready:")
        lines += [f"  {t.id} {t.title}" + (f" in {t.file}" if t.file else "") for t in found.ready[:12]]
        lines += [f"  and {len(found.ready) - 12} more"] if len(found.ready) > 12 else []
    if found.changed:
        lines.append("Rest on specs that have changed since the plan was made; plan again, then look at them:")
        lines += [f"  {t.id} {t.title}" + (" (done)" if t.done else "") for t in found.changed]
    if found.again:
        lines.append("Done before a re-plan changed them; look at them, then `planagent done` them again:")
        lines += [f"  {t.id} {t.title}: {t.again}" for t in found.again]
    if found.forced:
        lines.append("Ticked in spite of something:")
        lines += [f"  {t.id} {t.title}: {t.forced}" for t in found.forced]
    if found.confirm:
        lines.append("Done tasks rest on these defaults, which a person should confirm:")
        lines += [f"  {r.id} {r.title}: {r.default}" for r in found.confirm]
    if found.waiting:
        lines.append("Only if a person decides so:")
        lines += [f"  {t.id} {t.title} ({t.condition})" for t in found.waiting]
    return lines
