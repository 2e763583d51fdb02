"""4. A plan of ten times as many operations: our own processor time and memory, with a model that answers at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.common import run
from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer


def measure() -> Iterator[str]:
    before = 0.0
    for endpoints in (50, 500):
        with tempfile.TemporaryDirectory() as folder, SimulatedServer() as server:
            root = write_corpus(Path(folder) / "project", endpoints)
            ran = run(root, server, "plan")
            offline = run(root, None, "plan", "--offline", "-o", "plan/offline.md")
        ratio = f", x{ran.processor / before:.1f}" if before else ""
        before = ran.processor
        yield (
            f"{endpoints} operations: {ran.told['usage']['calls']} calls, {ran.processor:.1f} s of processor time{ratio}, {ran.megabytes:.0f} MB; "
            f"offline {offline.processor:.1f} s, {offline.megabytes:.0f} MB"
        )
