"""6. Our own time for one call, from brief to kept answer, over a thousand calls to a server that answers at once."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import openai
from planagent.planning.briefs import Shape, common_part, make_briefs
from planagent.planning.outline import make_outline
from planagent.planning.parts import section_parts
from planagent.writing.openai_writer import OpenAIWriter
from planagent.writing.rules import write_all

from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer
from planagent.corpus.read import read_corpus
from planagent.ledger import Ledger
from planagent.settings import load_settings

CALLS = 1000


def measure() -> Iterator[str]:
    """The processor time of the calling process; the server runs in another one."""
    import multiprocessing

    with tempfile.TemporaryDirectory() as folder:
        root = write_corpus(Path(folder) / "project", 1500)
        outline = make_outline(read_corpus(root))
        common = common_part(outline, Shape())
        every = (
            b
            for n, draft in write_all(outline).items()
            for b in make_briefs(outline, section_parts(outline, n, draft), common, Shape())
        )
        briefs = list(islice(cycle(every), CALLS))
        parent, child = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(child,), daemon=True)
        process.start()
        settings = load_settings(
            root, {"model": "simulated", "base_url": parent.recv(), "max_calls": 10_000, "max_tokens": 10**9}
        )
        ledger = Ledger(root / ".planagent")
        writer = OpenAIWriter(settings, ledger)

        async def bare() -> None:
            """The same requests by the SDK alone, 16 at once."""
            client = openai.AsyncOpenAI(api_key="k", base_url=settings.base_url, max_retries=0)
            gate = asyncio.Semaphore(16)

            async def one(number: int) -> None:
                async with gate:
                    body = {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": briefs[number].schema}}}  # fmt: skip
                    await client.chat.completions.create(
                        model="simulated",
                        messages=briefs[number].messages(),  # type: ignore[arg-type]
                        extra_body=body,
                    )

            await one(0)
            begun.append((time.process_time(), time.perf_counter()))
            await asyncio.gather(*(one(n) for n in range(1, len(briefs))))
            begun.append((time.process_time(), time.perf_counter()))
            await client.close()

        async def ask() -> None:
            async def one(number: int) -> None:
                async with writer.gate:
                    answer = await writer.answer(briefs[number])
                ledger.put({str(number): answer.value})

            await one(0)  # connects, and finds out what the server can do
            begun.append((time.process_time(), time.perf_counter()))
            await asyncio.gather(*(one(n) for n in range(1, len(briefs))))
            begun.append((time.process_time(), time.perf_counter()))
            await writer.close()

        begun: list[tuple[float, float]] = []
        asyncio.run(ask())
        asyncio.run(bare())
        process.terminate()
    count = len(briefs) - 1
    ours, alone = ((1000 * (b[0] - a[0]) / count, 1000 * (b[1] - a[1]) / count) for a, b in (begun[:2], begun[2:]))
    yield (
        f"{count} calls, 16 at once: {ours[0]:.2f} ms of processor time a call ({ours[1]:.2f} ms by the wall), of which the SDK "
        f"alone takes {alone[0]:.2f} ({alone[1]:.2f}): {ours[0] - alone[0]:.2f} ms are ours"
    )


def _serve(channel) -> None:  # type: ignore[no-untyped-def]
    with SimulatedServer() as server:
        channel.send(server.url)
        time.sleep(3600)
