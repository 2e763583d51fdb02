"""What all commands share: exit codes, options, the workspace, talk on stderr."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.settings import Settings

EXIT_CODES = """
\b
Exit codes:
  0  done, no finding
  1  findings: the plan, or what a writer made, breaks a rule
  2  wrong usage or configuration
  3  out of date: planning again would change the plan, or there is none;
     specs behind a brief or a task have changed
  4  the specs describe no backend
  5  no specs, or specs that cannot be read
  6  the writer failed (model, server, key)
  7  the workspace: a file cannot be written, another run is at work, or specs
     changed meanwhile
  8  a ceiling on calls, tokens or cost is met; accepted answers are kept
  9  something else comes first: briefs are open, or tasks that a task needs
  10  the plan was changed (plan --exit-code)
  70  an error inside planagent; nothing was written
  130  interrupted; accepted answers are kept
"""
EXIT_CODES_ELSEWHERE = "Exit codes: planagent --help"
"""Of each command: they are the same for all."""


STALE = 3
CHANGED = 10


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    workspace = click.option(
        "--workspace",
        "-w",
        type=click.Path(path_type=Path),
        default=None,
        metavar="DIR",
        help="The project's root [default: the project around the current directory].",
    )
    scope = click.option(
        "--scope",
        default=None,
        metavar="WHAT",
        help="What is planned, in words ('phase 2', 'the admin API'): the rest of the specs is other scope.",
    )
    feature = click.option(
        "--feature", default=None, metavar="NAME", help="One feature folder: its name, number or path, or `current` as Spec Kit has it."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
    return workspace(scope(feature(as_json(command))))


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Of commands that make a plan, or a step of one."""
    output = click.option(
        "--output",
        "-o",
        default=None,
        metavar="FILE",
        help="Where the plan goes [plan/backend_implementation_plan.md]; {feature} is the feature's folder.",
    )
    return common_options(output(command))


def repeated(workspace: Path | None, flags: dict[str, Any]) -> str:
    """The flags of a command as text, for the commands that follow it."""
    given = {"workspace": workspace, **flags}
    words = [f"--{name} {quoted(str(value))}" for name, value in given.items() if value is not None]
    return "".join(f" {word}" for word in words)


def quoted(word: str) -> str:
    """In the quotes that every shell knows."""
    return word if all(c.isalnum() or c in "-_./\\:" for c in word) else f'"{word}"'


def root(workspace: Path | None) -> Path:
    if workspace is not None:
        if not workspace.is_dir():
            raise UsageError(f"{workspace}: not a directory.", "Give the project's root with --workspace.")
        return workspace
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return here


ROOT_MARKS = ("planagent.toml", "specs", ".specify", ".kiro", "openspec", ".git")


def settings_of(workspace: Path | None, **flags: Any) -> Settings:
    from planagent.settings import load_settings

    return load_settings(root(workspace), flags)


def talk(show: Callable[[str], None] | None = None, *, steps: bool = True) -> Callable[[str], None]:
    """Talk on stderr: steps on a terminal, warnings and notices everywhere.

    Args:
        show: prints a line, where something else is on the screen already.
        steps: tell of steps, too.
    """
    loud = steps and sys.stderr.isatty()

    def tell(text: str) -> None:
        if text and (loud or not text.startswith(("step ", "brief ", "section ", "loading"))):
            text = text.removeprefix("step ")
            if show:
                show(f"· {text}")
            else:
                click.echo(click.style("· ", dim=True) + text, err=True)

    return tell


def columns_of(stream: TextIO) -> int:
    """Of the terminal that shows a stream; 0 where none does."""
    return shutil.get_terminal_size().columns if stream.isatty() else 0


def say(line: str, *, err: bool = False) -> None:
    """A line as it is; on a terminal that is too narrow for it, broken between words, with what follows under its beginning."""
    columns = columns_of(sys.stderr if err else sys.stdout)
    if columns and len(line) > columns:
        indent = line[: len(line) - len(line.lstrip())]
        line = textwrap.fill(line, columns, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False)
    click.echo(line, err=err)


def root_of(path: Path) -> Path:
    """The project that a plan lies in, else the one around the current directory."""
    for folder in path.resolve().parents:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return root(None)
