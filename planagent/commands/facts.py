"""`planagent facts`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planagent.commands.common import EXIT_CODES, common_options, settings_of, talk
from planagent.errors import UsageError

if TYPE_CHECKING:
    from planagent.model import Corpus
    from planagent.settings import Settings


@click.command(epilog=EXIT_CODES)
@common_options
@click.option("--conflicts", is_flag=True, help="Show only the conflicts, gaps and traps, what blocks first.")
@click.option(
    "--deep",
    is_flag=True,
    help="Let the configured model look for more; each claim must quote lines that exist.",
)
@click.option("--model", default=None, metavar="NAME", help="The model for --deep [PLANAGENT_MODEL].")
def facts(
    workspace: Path | None,
    as_json: bool,
    conflicts: bool,
    deep: bool,
    model: str | None,
    **where: str | None,
) -> int:
    """Show what was read and where: documents, endpoints, entities, variables, requirements, conflicts."""
    from planagent.reporting import facts_as_json, facts_as_text

    settings = settings_of(workspace, model=model, **where)
    corpus = corpus_for(settings)
    tell = talk(as_json)
    for warning in (*corpus.warnings, corpus.scope):
        tell(warning)
    if deep:
        corpus = _deepened(settings, corpus, tell)
    if as_json:
        shown = facts_as_json(corpus)
        click.echo(json.dumps({"conflicts": shown["conflicts"]} if conflicts else shown, ensure_ascii=False))
    else:
        for line in facts_as_text(corpus, conflicts_only=conflicts):
            click.echo(line)
    return 0


def corpus_for(settings: Settings) -> Corpus:
    """What is read by these settings."""
    from planagent.cache import Cache
    from planagent.reading.corpus import read_corpus

    return read_corpus(
        settings.workspace,
        scope=settings.scope,
        include=settings.include,
        exclude=settings.exclude,
        cache=Cache.of_user(),
    )


def _deepened(settings: Settings, corpus: Corpus, tell: Callable[[str], None]) -> Corpus:
    """The corpus with a model's confirmed claims behind the conflicts that code found."""
    import asyncio
    from dataclasses import replace

    from planagent.deep import Deep, find_deep
    from planagent.pipeline import make_writer
    from planagent.planning.ledger import Ledger

    if not settings.model:
        raise UsageError(
            "--deep needs a model and none is configured.", "Set PLANAGENT_MODEL, or give --model."
        )

    async def ask() -> Deep:
        ledger = Ledger(settings.state)
        writer = make_writer(settings, ledger, tell)
        try:
            return await find_deep(corpus, writer, ledger, tell)
        finally:
            await writer.close()
            ledger.close()

    found = asyncio.run(ask())
    click.echo(
        f"{len(found.conflicts)} more by {settings.model}, {found.dropped} claims dropped "
        f"({found.usage.calls} calls, {found.usage.input_tokens:,} tokens in, {found.usage.output_tokens:,} out).",
        err=True,
    )
    return replace(corpus, conflicts=(*corpus.conflicts, *found.conflicts))
