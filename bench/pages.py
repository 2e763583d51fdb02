"""The pages of the documentation that are made from the code: `python -m bench.pages` writes them, a test says when they are old."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import click

from bench.common import ROOT
from planagent.cli import main
from planagent.rulebook import rules

_WIDTH = 84


def commands_pages() -> Iterator[tuple[str, str]]:
    """A page for each command, its help as a user sees it; and the list of them."""
    listed = ["# Commands", "", "[guide.md](guide.md#commands) has the exit codes, which all commands share.", "", "| | |", "|---|---|"]
    for path, command in _commands(main, ()):
        name = " ".join(path)
        listed.append(f"| [planagent {name}](commands/{'-'.join(path)}.md) | {_first_sentence(command)} |")
        yield f"commands/{'-'.join(path)}.md", f"# planagent {name}\n\n```text\n{_help(command, path)}\n```\n"
    yield "commands.md", "\n".join(listed) + "\n"


def _first_sentence(command: click.Command) -> str:
    told = " ".join((command.help or "").split("\n\n")[0].split())
    return told.replace("|", "\\|")


def _help(found: click.Command, path: tuple[str, ...]) -> str:
    command = copy.copy(found)
    command.epilog = None  # the exit codes, which all have
    command._help_option = None  # as a run by other names may have left it
    context = click.Context(
        command,
        info_name=" ".join(("planagent", *path)),
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def rules_pages() -> Iterator[tuple[str, str]]:
    """A page for each rule of `planagent check`, and the list of them."""
    listed = [
        "# Rules",
        "",
        "`planagent rule CODE` prints one of these. [check.md](check.md) tells how they are selected and suppressed.",
        "",
    ]
    family = ""
    for code, rule in rules().items():
        if rule.family != family:
            family = rule.family
            listed += [*([""] if listed[-1] else []), f"## {family.capitalize()}", "", "| | |", "|---|---|"]
        listed.append(f"| [{code} {rule.name}](rules/{code}.md) | {rule.what.replace('|', chr(92) + '|')} |")
        plans = "every plan" if rule.plans == "all" else "plans of planagent"
        yield f"rules/{code}.md", "\n".join([
            f"# {code} {rule.name}", "", f"{rule.what} ({rule.severity}; {plans})", "", rule.why, "",
            f"- Not: {rule.bad}", f"- But: {rule.good}", f"- Do: {rule.fix}", "",
        ])  # fmt: skip
    yield "rules.md", "\n".join(listed) + "\n"


def pages() -> dict[str, str]:
    """Every page that is made from the code, by its path below `docs`."""
    return dict([*commands_pages(), *rules_pages()])


FOLDERS = ("commands", "rules")
"""Hold nothing else."""


if __name__ == "__main__":
    made = pages()
    for old in (p for f in FOLDERS for p in (ROOT / "docs" / f).glob("*.md") if p.relative_to(ROOT / "docs").as_posix() not in made):
        old.unlink()
    for name, text in made.items():
        path = ROOT / "docs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
