"""2. The price of a plan and of one edited line, against one call that writes the same words; list prices of gpt-5 and gpt-5-mini."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import genai_prices

from bench.change import ONE_LINE
from bench.common import corpora, one_shot, run, workspace
from bench.simulated_server import CHARACTERS, Request, SimulatedServer
from planagent.models.budget import BATCH_PRICE

MODEL, READER = "gpt-5", "gpt-5-mini"


def measure() -> Iterator[str]:
    for name in corpora("sample", "origin-sabahatabid", "realworld-conduit"):
        with workspace(name) as root, SimulatedServer(first_token=0.2, tokens_per_second=2_000, remembers=True) as server:
            run(root, server, "plan")
            first = list(server.requests)
            messages, text = one_shot(root)
            server.requests.clear()
            edited = name in ONE_LINE
            if edited:
                ONE_LINE[name](root)
                run(root, server, "plan")
        single = _dollars(MODEL, sum(len(m["content"]) for m in messages) // CHARACTERS, 0, len(text) // CHARACTERS)
        whole, cheap = _total(first), _total(first, READER)
        line = f"; one edited line {_total(server.requests) / whole:.1%} of the first plan" if edited else ""
        yield (
            f"{name}: {whole:.3f} dollars against {single:.3f}: x{whole / single:.1f}; reading by {READER} x{cheap / single:.1f}; "
            f"by batch x{BATCH_PRICE * whole / single:.1f} and x{BATCH_PRICE * cheap / single:.1f}{line}"
        )


def _total(requests: Iterable[Request], reader: str = MODEL) -> float:
    return sum(_dollars(reader if r.kind == "read" else MODEL, len(r.prompt) // CHARACTERS, r.cached, r.written) for r in requests)


def _dollars(model: str, read: int, cached: int, written: int) -> float:
    spent = genai_prices.Usage(input_tokens=read, cache_read_tokens=cached, output_tokens=written)
    return float(genai_prices.calc_price(spent, model, provider_id="openai").total_price)
