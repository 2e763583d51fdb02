"""What a person sees while a plan is made: the stages with their parts on a terminal, a line for each where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from planagent.commands.common import talk

if TYPE_CHECKING:
    from planagent.pipeline import Session


@contextmanager
def watched(session: Session, *, quiet: bool = False, to: TextIO | None = None) -> Iterator[None]:
    """Shows a session's progress on stderr while it runs.

    Args:
        quiet: show nothing.
        to: another stream, for tests.
    """
    stream = to or sys.stderr
    if quiet:
        yield
    elif stream.isatty() and _asks(session):
        with _terminal(session, stream):
            yield
    else:
        session.tell, session.progress = talk(steps=_asks(session)), _lines(session)
        yield


def _asks(session: Session) -> bool:
    """True where somebody takes time to answer; the rules are done before a bar is drawn."""
    from planagent.briefs.brief import STAGES

    return not session.offline and any(map(session.settings.model_of, STAGES))


def _lines(session: Session) -> Callable[[str, int, int], None]:
    """One line for each stage, when it is done."""
    from planagent.briefs.brief import STAGES

    told: set[tuple[str, int]] = set()

    def progress(kind: str, done: int, parts: int) -> None:
        if _asks(session) and done == parts and parts and (kind, parts) not in told:
            told.add((kind, parts))
            click.echo(f"· {STAGES[kind]} {done}/{parts}, {_spent(session)}", err=True)

    return progress


@contextmanager
def _terminal(session: Session, stream: TextIO) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from planagent.briefs.brief import STAGES

    columns = (
        SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[spent]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=stream, highlight=False), transient=True) as view:
        rows: dict[str, TaskID] = {}

        def progress(kind: str, done: int, parts: int) -> None:
            if kind not in rows:
                rows[kind] = view.add_task(STAGES[kind], total=None, spent="")
            view.update(rows[kind], completed=done, total=parts or None, spent=_spent(session))

        session.tell, session.progress = (
            talk(lambda text: view.console.print(text, style="dim", markup=False, soft_wrap=True), steps=False),
            progress,
        )
        yield


def _spent(session: Session) -> str:
    """Calls, tokens and, where it is known, the price so far."""
    usage, cost = session.usage, session.cost
    price = f", ${cost:.4f}" if cost else ""
    return f"{usage.calls} calls, {usage.input_tokens + usage.output_tokens:,} tokens{price}"
