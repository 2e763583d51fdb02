"""2. Input tokens and their price against the naive chain; the share that llama.cpp serves from its prefix cache."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from planagent.planning.briefs import SMALL, Shape, common_part, make_briefs
from planagent.planning.outline import make_outline
from planagent.planning.parts import section_parts
from planagent.writing.deciding import decide
from planagent.writing.openai_writer import OpenAIWriter
from planagent.writing.protocol import Usage
from planagent.writing.rules import write_all
from planagent.writing.run import Run
from planagent.writing.sections import write_sections

from bench.common import corpora, naive_prompts, words_a_third, workspace
from bench.simulated_server import SimulatedServer
from planagent import tokens
from planagent.corpus.read import read_corpus
from planagent.ledger import Ledger
from planagent.settings import load_settings

CACHED = 0.1
"""Price of a cached token, as a part of a fresh one's."""
MODEL = Path.home() / ".cache" / "planagent-models" / "smollm2-135m.gguf"


class _Shaped(OpenAIWriter):
    """Asks in a chosen shape, whatever the size of the corpus."""

    wanted = Shape()

    @property
    def shape(self) -> Shape:
        return self.wanted


def measure() -> Iterator[str]:
    yield f"input tokens as our tokenizer counts them in the messages; a cached token at {CACHED} of a fresh one's price"
    for name in corpora("sample", "origin-sabahatabid", "raohamza", "yumnanasir", "php-crm-zh"):
        with workspace(name) as root:
            naive = sum(tokens.count(m["content"]) for prompt in naive_prompts(root) for m in prompt)
            for label, shape in (("focused", Shape(whole=False)), ("whole", Shape())):
                read, cached, whole = _ours(root, shape)
                if label == "whole" and not whole:
                    continue  # too large to go before every request
                price = read - (1 - CACHED) * cached
                yield (
                    f"{name}, {label}: {read:,} against {naive:,}: {read / naive:.0%}; "
                    f"{cached:,} cached: {price / naive:.0%} of its price"
                )
    yield from _llama()


def _ours(root: Path, shape: Shape) -> tuple[int, int, bool]:
    """Tokens read and of these from the cache, and whether the corpus was whole."""
    with (
        SimulatedServer(remembers=True, first_token=0.02, edit=words_a_third) as server,
        tempfile.TemporaryDirectory() as state,
    ):
        outline = make_outline(read_corpus(root))
        settings = load_settings(root, {"model": "simulated", "base_url": server.url})
        writer = _Shaped(settings, Ledger(Path(state)))
        writer.wanted = shape
        run = Run(outline, writer, Ledger(Path(state)), lambda _: None)
        asyncio.run(_plan(run))
        read = sum(tokens.count(r.prompt) for r in server.requests)
        share = sum(r.cached for r in server.requests) / (sum(len(r.prompt) for r in server.requests) / 4)
        return read, int(read * share), common_part(outline, shape).whole


async def _plan(run: Run) -> None:
    run.outline = await decide(run)
    await write_sections(run, write_all(run.outline))
    await run.writer.close()


def _llama() -> Iterator[str]:
    """The sample's briefs on a real llama.cpp, each answer cut after a few tokens: only the reading is of interest."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        yield "llama.cpp: not measured (the extra `local` is not installed)"
        return
    if not MODEL.is_file():
        yield f"llama.cpp: not measured (no model at {MODEL.name} in the cache)"
        return
    from planagent.writing.local import serve

    with workspace("sample") as root, tempfile.TemporaryDirectory() as state:
        outline = make_outline(read_corpus(root))
        common = common_part(outline, SMALL)
        briefs = [
            b
            for n, draft in write_all(outline).items()
            for b in make_briefs(outline, section_parts(outline, n, draft), common, SMALL)
        ]
        server = serve(MODEL)
        settings = load_settings(root, {"model": "small", "timeout": 600})
        writer = OpenAIWriter(settings, Ledger(Path(state)), base_url=server.base_url, model=server.model, local=True, on_close=server.stop)  # fmt: skip
        usage = Usage()

        async def ask() -> None:
            for brief in briefs:
                answer = await writer.answer(replace(brief, max_tokens=4))
                usage.add(answer.usage)
            await writer.close()

        asyncio.run(ask())
    yield (
        f"llama.cpp, sample, {len(briefs)} small briefs: {usage.input_tokens:,} tokens read, "
        f"{usage.cached_tokens / usage.input_tokens:.0%} from the prefix cache"
    )
