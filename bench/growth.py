"""4. Plans of ten and forty times as many operations, and of much prose in many files: waiting, our own processor time, memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.common import Ran, run
from bench.corpora import write_corpus, write_prose
from bench.latency import FIRST_TOKEN, TOKENS_PER_SECOND
from bench.simulated_server import SimulatedServer

_FILES = 1_000
_MEGABYTES = 2.4
_ROOMY = {"PLANAGENT_MAX_TOKENS": "50000000", "PLANAGENT_MAX_CALLS": "10000", "PLANAGENT_CONCURRENCY": "16"}
"""Ceilings that do not end it, and as many calls at once as a user has who sets nothing."""


def measure() -> Iterator[str]:
    waited = 0.0
    for endpoints in (50, 500):
        with (
            SimulatedServer(first_token=FIRST_TOKEN, tokens_per_second=TOKENS_PER_SECOND) as server,
            tempfile.TemporaryDirectory() as folder,
        ):
            ran = run(write_corpus(Path(folder) / "project", endpoints), server, "plan")
        ratio = f", x{ran.seconds / waited:.2f}" if waited else ""
        waited = ran.seconds
        yield f"{endpoints} operations, {TOKENS_PER_SECOND:.0f} tokens/s a stream: {ran.seconds:.1f} s{ratio}; {_own(ran)}"
    with SimulatedServer() as server, tempfile.TemporaryDirectory() as folder:
        root = write_corpus(Path(folder) / "project", 2_000)
        ran = run(root, server, "plan", **_ROOMY)
        offline = run(root, None, "plan", "--offline", "-o", "plan/offline.md")
        yield f"2,000 operations, a model that answers at once: {_own(ran)}; offline {offline.processor:.1f} s, {offline.megabytes:.0f} MB"
    with SimulatedServer() as server, tempfile.TemporaryDirectory() as folder:
        root = write_prose(Path(folder) / "project", _FILES, _MEGABYTES)
        ran = run(root, server, "plan", **_ROOMY)
        yield f"{_FILES:,} files with {_MEGABYTES} MB of prose: {ran.processor / _MEGABYTES:.1f} s of processor time a megabyte; {_own(ran)}"


def _own(ran: Ran) -> str:
    calls = ran.told["usage"]["calls"]
    return f"{calls} calls, {1000 * ran.processor / calls:.0f} ms of processor time a call, {ran.megabytes:.0f} MB"
