"""What a shell completes beside commands, options and files: names that stand in the plan, rules, schemas. A fault completes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from planagent.errors import PlanagentError

if TYPE_CHECKING:
    from planagent.plan.plan import Plan

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completing(names: Callable[[click.Context], Iterator[tuple[str, str]]]) -> Complete:
    """A function for `shell_complete` of names that are told with what they are."""

    def complete(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        with contextlib.suppress(PlanagentError, OSError, ValueError):
            return [CompletionItem(name, help=told) for name, told in names(context) if name.upper().startswith(begun.upper())]
        return []

    return complete


def tasks(context: click.Context) -> Iterator[tuple[str, str]]:
    """Ids of tasks that are open."""
    plan = _plan(context)
    yield from ((t.id, t.title) for t in (plan.tasks if plan else ()) if not t.done)


def rulings(context: click.Context) -> Iterator[tuple[str, str]]:
    """Ids of rulings, those that wait for a person first."""
    plan = _plan(context)
    yield from ((r.id, r.title) for r in sorted(plan.rulings if plan else (), key=lambda r: not r.waits))


def rule_codes(_: click.Context) -> Iterator[tuple[str, str]]:
    from planagent.rulebook import rules

    yield from ((code, rule.name) for code, rule in rules().items())


def schema_names(_: click.Context) -> Iterator[tuple[str, str]]:
    from planagent.outputs import OUTPUTS
    from planagent.schemas import SETTINGS

    yield from ((name, "") for name in (*OUTPUTS, SETTINGS))


def _plan(context: click.Context) -> Plan | None:
    from planagent.commands.common import settings_of
    from planagent.pipeline import previous_plan

    given = {name: context.params.get(name) for name in ("feature", "output")}
    return previous_plan(settings_of(context.params.get("workspace"), **given).output_path)
