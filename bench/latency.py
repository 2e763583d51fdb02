"""1. Wall clock and tokens of a whole plan, review included, against one call that writes the same words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.common import corpora, one_shot, run, workspace
from bench.simulated_server import CHARACTERS, SimulatedServer

FIRST_TOKEN = 0.6
TOKENS_PER_SECOND = 80.0


def measure() -> Iterator[str]:
    yield f"server: {FIRST_TOKEN} s to the first token, {TOKENS_PER_SECOND:.0f} tokens/s per stream, any number of streams"
    for name in corpora("sample", "origin-sabahatabid", "realworld-conduit"):
        with workspace(name) as root, _server() as server:
            ran = run(root, server, "plan")
            longest: dict[str, float] = defaultdict(float)
            for request in server.requests:
                longest[request.kind] = max(longest[request.kind], request.ended - request.at)
            _, text = one_shot(root)
        single = one_answer(text)
        limit = sum(longest.values())
        used = ran.told["usage"]
        yield (
            f"{name}: {ran.seconds:.1f} s in {used['calls']} calls; critical path {limit:.1f} s: x{ran.seconds / limit:.2f}; "
            f"one call {single:.1f} s: x{ran.seconds / single:.2f}; {used['input_tokens']:,} tokens in ({used['cached_tokens']:,} cached), "
            f"{used['output_tokens']:,} out"
        )


def _server() -> SimulatedServer:
    return SimulatedServer(first_token=FIRST_TOKEN, tokens_per_second=TOKENS_PER_SECOND, remembers=True)


def one_answer(text: str) -> float:
    """Seconds that the server takes for one answer with this text; it need not be waited for."""
    return FIRST_TOKEN + len(text) / CHARACTERS / TOKENS_PER_SECOND
