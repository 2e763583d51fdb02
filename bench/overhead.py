"""6. What a call costs beside the SDK's own work: processor time of one process, the two taken in turn."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from bench.simulated_server import SimulatedServer
from planagent.answers import arr, obj, txt
from planagent.briefs.brief import Brief
from planagent.ledger import Ledger
from planagent.models.dialect import Dialect
from planagent.models.openai_model import OpenAIModel
from planagent.settings import load_settings

CALLS = 60
_ANSWER = {"told": ["a sentence of some words that stands for many others"] * 60}
_BRIEF = Brief("one", "review", (), "You answer. " * 200, "", "Say something. " * 600, obj(told=arr(txt())), 4_000)


def measure() -> Iterator[str]:
    with SimulatedServer(edit=lambda value, request: _ANSWER) as server, tempfile.TemporaryDirectory() as folder:
        ours, theirs = asyncio.run(_both(server, Path(folder)))
    yield f"{1000 * (ours - theirs):.1f} ms a call beside {1000 * theirs:.1f} ms of the SDK's own; {len(_BRIEF.request) // 4:,} tokens in, about 800 out"


async def _both(server: SimulatedServer, folder: Path) -> tuple[float, float]:
    """Median seconds of processor time of a call by us and by the SDK alone. The server's own are in both."""
    settings = load_settings(folder, {"model": "m", "api_key": "k", "base_url": server.url})
    model = OpenAIModel(settings, Ledger(folder / ".planagent"))
    client: Any = model._connect()
    body = {n: v for n, v in model._body(_BRIEF, Dialect()).items() if n not in ("model", "messages")}

    async def ours() -> None:
        await model.answer(_BRIEF)

    async def theirs() -> None:
        stream = await client.chat.completions.create(model="m", messages=_BRIEF.messages(), stream=True, extra_body=body)
        async for _ in stream:
            pass

    await ours()
    await theirs()
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(CALLS):
        times["ours"].append(await _timed(ours))
        times["theirs"].append(await _timed(theirs))
    await model.close()
    return statistics.median(times["ours"]), statistics.median(times["theirs"])


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    begun = time.process_time()
    await call()
    return time.process_time() - begun
