"""1. Wall clock of a whole plan against the serial chain, against one call, and against the limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai

from bench.common import corpora, naive_prompts, run, says, sections, words_a_third, workspace
from bench.simulated_server import SimulatedServer

FIRST_TOKEN = 0.6
TOKENS_PER_SECOND = 80.0


def measure() -> Iterator[str]:
    yield f"server: {FIRST_TOKEN} s to the first token, {TOKENS_PER_SECOND:.0f} tokens/s per stream, any number of streams"
    for name in corpora("sample", "origin-sabahatabid"):
        with workspace(name) as root, _server() as server:
            server.edit = words_a_third
            ours = run(root, server, "plan").seconds
            spans = [(r.ended - r.at, "rulings" in r.drafts) for r in server.requests]
            deciding = sum(s for s, first in spans if first)
            limit = deciding + max(s for s, first in spans if not first)
            texts, prompts = sections(root), naive_prompts(root)
        # These only wait: side by side they take no longer than alone.
        with ThreadPoolExecutor() as pool:
            chain = pool.submit(_asked, prompts, texts)
            single = pool.submit(_asked, prompts[:1], ["".join(texts)])
        yield (
            f"{name}: {ours:.1f} s in {len(spans)} calls; limit {limit:.1f} s (deciding {deciding:.1f} s, then the longest section): "
            f"x{ours / limit:.2f}"
        )
        yield (
            f"{name}: the same text by ten calls in a row {chain.result():.1f} s: x{chain.result() / ours:.1f} of ours; "
            f"by one call {single.result():.1f} s: x{single.result() / ours:.1f}"
        )


def _server() -> SimulatedServer:
    return SimulatedServer(first_token=FIRST_TOKEN, tokens_per_second=TOKENS_PER_SECOND)


def _asked(prompts: list[Any], texts: list[str]) -> float:
    """Seconds for requests one after the other, each answered with its text."""
    with _server() as server:
        server.edit = says(texts)
        client = openai.OpenAI(base_url=server.url, api_key="k", timeout=3600)
        begun = time.perf_counter()
        for messages in prompts:
            client.chat.completions.create(model="m", messages=messages)
        return time.perf_counter() - begun
