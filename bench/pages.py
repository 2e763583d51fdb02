"""The pages of the documentation that are made from the code: `python -m bench.pages` writes them, a test says when they are old."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import click

from bench.common import ROOT
from planagent.cli import main
from planagent.rulebook import rules

_WIDTH = 100


def commands_page() -> str:
    """The help of every command, as a user sees it; what all share, once."""
    lines = ["# Commands", "", "Each takes what stands below; [guide.md](guide.md#commands) has the exit codes.", ""]
    for path, found in _commands(main, ()):
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
        lines += [f"## planagent {' '.join(path)}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def rules_page() -> str:
    """Every rule of `planagent check`."""
    lines = [
        "# Rules",
        "",
        "`planagent rule CODE` prints one of these. [check.md](check.md) tells how they are selected and suppressed.",
        "",
    ]
    family = ""
    for code, rule in rules().items():
        if rule.family != family:
            family = rule.family
            lines += [f"## {family.capitalize()}", ""]
        plans = "every plan" if rule.plans == "all" else "plans of planagent"
        lines += [
            f"### {code} {rule.name}", "", f"{rule.what} ({rule.severity}; {plans})", "", rule.why, "",
            f"- Not: {rule.bad}", f"- But: {rule.good}", f"- Do: {rule.fix}", "",
        ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


PAGES = {"commands.md": commands_page, "rules.md": rules_page}


if __name__ == "__main__":
    for name, make in PAGES.items():
        (ROOT / "docs" / name).write_text(make(), encoding="utf-8")
