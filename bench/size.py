"""4. Growth: seconds, tokens, memory and our own processor time from 10 endpoints to 2,000; reading of large corpora."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.common import corpora, run, workspace
from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer

SIZES = (10, 50, 100, 500, 2000)


def measure() -> Iterator[str]:
    first = None
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = write_corpus(Path(folder) / "project", size)
            with SimulatedServer(first_token=0.6, tokens_per_second=80) as server:
                whole = run(root, server, "plan", PLANAGENT_MAX_CALLS="10000", PLANAGENT_MAX_TOKENS="100000000")
            used = whole.told["usage"]
        first = first or whole
        yield (
            f"{size} endpoints: {whole.seconds:.1f} s by the wall, {whole.processor:.1f} s of ours ({1000 * whole.processor / size:.0f} ms "
            f"an endpoint), {used['calls']} calls, {used['input_tokens']:,} tokens in, {used['output_tokens']:,} out, {whole.megabytes:.0f} MB"
        )
    for name in corpora("big-otel"):
        with workspace(name) as root:
            cold, warm = run(root, None, "facts"), run(root, None, "facts")
            yield f"{name}, reading: cold {cold.seconds:.2f} s, warm {warm.seconds:.2f} s"
    with tempfile.TemporaryDirectory() as folder:
        root = write_corpus(Path(folder) / "project", 5000)
        cold, warm = run(root, None, "facts"), run(root, None, "facts")
        yield f"5,000 endpoints in 1,000 files, reading: cold {cold.seconds:.2f} s, warm {warm.seconds:.2f} s"
