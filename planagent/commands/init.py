"""`planagent init`: commands for coding agents, and a workflow for the forge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, root
from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.installing import File


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.option(
    "--agent",
    "names",
    multiple=True,
    metavar="NAME",
    help="An agent, or several with commas or by giving it again [default: those that the project shows signs of].",
)
@click.option("--list", "listed", is_flag=True, help="List the agents with place, what to type, and what is installed.")
@click.option(
    "--ci",
    type=click.Choice(["github"]),
    default=None,
    help="Install a workflow that plans again when specs change, and on a schedule, and opens a pull request.",
)
@click.option("--branch", default=None, metavar="NAME", help="The branch that the workflow plans for [the main one].")
@click.option("--uninstall", is_flag=True, help="Remove the commands that nobody has changed.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done; write nothing.")
@click.option("--prefix", default="sp", show_default=True, metavar="WORD", help="First word of the commands' names.")
@click.option("--workspace", "-w", type=click.Path(path_type=Path), default=None, metavar="DIR", help="The project's root.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def init(
    names: tuple[str, ...],
    listed: bool,
    ci: str | None,
    branch: str | None,
    uninstall: bool,
    dry_run: bool,
    prefix: str,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Install the commands /sp.plan, /sp.plan-check and /sp.next in coding agents of a project, or a workflow with --ci.

    Each goes into the agent's own place and format. Run again to bring them up to date. A file that is not as planagent
    wrote it is never touched.
    """
    from planagent import installing

    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", prefix):
        raise UsageError(f"--prefix {prefix!r}: small letters, digits and single hyphens only.", "Choose another.")
    if branch and not re.fullmatch(r"[\w./-]+", branch):
        raise UsageError(f"--branch {branch!r}: no name of a branch.", "Give one such as main.")
    folder = root(workspace)
    if listed:
        _list(folder, prefix, as_json=as_json)
        return 0
    keys = [k.strip() for name in names for k in name.split(",") if k.strip()]
    which = installing.chosen(folder, keys) if keys or not ci else []
    wanted = installing.commands(which, prefix)
    wanted += [_workflow(folder, ci, branch)] if ci else []
    work = installing.uninstall if uninstall else installing.install
    done = work(folder, wanted, dry_run=dry_run)
    if as_json:
        files = [{"for": d.owner, "path": d.path, "action": d.action} for d in done]
        click.echo(json.dumps({"workspace": str(folder), "dry_run": dry_run, "files": files}))
        return 0
    would = "would be " if dry_run else ""
    for d in done:
        click.echo(f"{d.path}: {would if d.action in ('written', 'updated', 'removed') else ''}{d.action}")
    kept = [d.path for d in done if d.action == "kept"]
    if kept:
        click.echo(f"Not as planagent writes them, so left alone: {', '.join(kept)}. Move them away, or use --prefix.", err=True)
    if ci and not uninstall:
        click.echo(
            "In the repository's settings: the secret OPENAI_API_KEY and the variable PLANAGENT_MODEL where a model is to "
            "write, and under Actions, General: allow GitHub Actions to create pull requests.",
            err=True,
        )
    if not uninstall:
        for agent in which:
            click.echo(f"{agent.name}: type {agent.typed.replace('sp', prefix, 1)}", err=True)
    return 0


def _workflow(folder: Path, forge: str, branch: str | None) -> File:
    from planagent.installing import workflow
    from planagent.settings import load_settings

    plan = load_settings(folder).output_path.resolve()
    if not plan.is_relative_to(folder.resolve()):
        raise UsageError(f"{plan}: lies outside the project.", "Set an output inside of it.")
    return workflow(forge, branch=branch or _branch(folder), plan=plan.relative_to(folder.resolve()).as_posix())


def _branch(folder: Path) -> str:
    """The remote's main branch, else the one that is checked out, else main."""
    for name in (".git/refs/remotes/origin/HEAD", ".git/HEAD"):
        try:
            head = (folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        found = re.match(r"ref: refs/(?:heads|remotes/origin)/([\w./-]+)", head)
        if found:
            return found[1]
    return "main"


def _list(folder: Path, prefix: str, *, as_json: bool) -> None:
    from planagent import installing

    rows = []
    for key, agent in installing.agents().items():
        own = {installing.state_of(folder, file) for file in installing.commands([agent], prefix)}
        state = "absent" if own == {"absent"} else "installed" if own == {"current"} else "partly or changed"
        path = agent.path("plan", prefix)
        rows.append({"agent": key, "name": agent.name, "path": path, "typed": agent.typed.replace("sp", prefix, 1), "state": state})
    if as_json:
        click.echo(json.dumps({"agents": rows}, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['agent']:<17}{row['name']:<30}{row['path']:<39}{row['typed']:<20}{row['state']}")
