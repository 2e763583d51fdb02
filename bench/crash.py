"""7. Plans killed at random moments until they are done: what was lost, asked twice or left locked."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import PLAN, TOGETHER, environment_of, is_whole
from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer
from planagent.ledger import Ledger

KILLS = 200
ENDPOINTS = 15


@dataclass(slots=True)
class Toll:
    """What a series of kills did."""

    kills: int = 0
    plans: int = 0
    asked_twice: int = 0
    damaged: int = 0
    locked: int = 0


def measure() -> Iterator[str]:
    ways = (False, True)
    with ThreadPoolExecutor(TOGETHER) as pool:
        tolls = list(pool.map(lambda batch: kill_at_random(KILLS // 2, seed=7, batch=batch), ways))
    for batch, toll in zip(ways, tolls, strict=True):
        yield (
            f"{toll.kills} kills in {toll.plans} plans{' by batches' if batch else ''}: {toll.asked_twice} accepted answers asked for twice, "
            f"{toll.damaged} damaged plan files, {toll.locked} stale locks"
        )


def kill_at_random(kills: int, seed: int, *, batch: bool = False) -> Toll:
    """Plans one workspace after the other, each killed again and again at a random moment until it is done."""
    chance, toll = random.Random(seed), Toll()  # noqa: S311  (no secret)
    while toll.kills < kills:
        with tempfile.TemporaryDirectory() as folder, SimulatedServer(first_token=0.1, jitter=0.3) as server:
            root = write_corpus(Path(folder) / "project", ENDPOINTS)
            server.batches.seconds = 0.5
            _until_done(root, server, chance, toll, kills, ("--batch", "--wait", "1") if batch else ())
            if batch:  # what was handed over once is not handed over again, whether it was answered or not
                toll.asked_twice += sum(n - 1 for n in Counter(r.prompt for r in server.requests).values())
        toll.plans += 1
    return toll


def _until_done(root: Path, server: SimulatedServer, chance: random.Random, toll: Toll, kills: int, how: tuple[str, ...]) -> None:
    old = b""
    before: set[str] = set()
    for change in range(3):  # the first plan, and two re-plans over it
        if change:
            path = root / "specs" / "backend" / "order.md"
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("newest first", f"newest first, {change}"), encoding="utf-8")
        kept: set[str] = set()
        while True:
            seen = len(server.requests)
            process = _start(root, server, how)
            limit = chance.uniform(0.5, 4.0) if toll.kills < kills else 60.0
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                code = None
            asked = Counter(k for r in server.requests[seen:] for k in r.tasks)
            toll.asked_twice += sum(n for k, n in asked.items() if k in kept)
            kept = _kept(root, before)
            toll.damaged += not _whole(root / PLAN, old)
            if code is None:
                toll.kills += 1
                continue
            toll.locked += code == 7
            if code == 0:
                break
            if code != 7:
                raise RuntimeError(f"exit {code}: {process.stderr.read().decode() if process.stderr else ''}")
        old = (root / PLAN).read_bytes()
        before = set(_records(root))


def _start(root: Path, server: SimulatedServer, how: tuple[str, ...]) -> subprocess.Popen[bytes]:
    environment = environment_of(
        OPENAI_BASE_URL=server.url, OPENAI_API_KEY="k", PLANAGENT_MODEL="m", XDG_CACHE_HOME=str(root.parent / "cache")
    )
    return subprocess.Popen(
        [sys.executable, "-m", "planagent", "plan", "-w", str(root), *how],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _records(root: Path) -> dict[str, dict[str, Any]]:
    path = root / ".planagent" / "ledger.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path, timeout=30)) as db:
        known = db.execute("SELECT name FROM sqlite_master WHERE name = 'answers'").fetchall()
        keys = [key for (key,) in db.execute("SELECT key FROM answers").fetchall()] if known else []
    ledger = Ledger(path.parent)
    try:
        return ledger.get(keys)
    finally:
        ledger.close()


def _kept(root: Path, before: set[str]) -> set[str]:
    """Keys of the tasks whose texts were kept since the specs changed last."""
    fresh = (value for key, value in _records(root).items() if key not in before)
    return {str(v.get("part")) for v in fresh if "steps" in v}


def _whole(path: Path, old: bytes) -> bool:
    """True for the plan that was there before, for none, and for a whole new one."""
    if not path.exists():
        return not old
    data = path.read_bytes()
    return data == old or is_whole(data.decode())
