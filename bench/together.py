"""10. Many processes in one workspace, at random: lost ticks, torn files, deadlocks, errors inside.

python -m bench together                # 60 s
TOGETHER_SECONDS=600 python -m bench together
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import PLAN, call, is_whole, run, workspace
from planagent.plan.markdown_in import parse

SECONDS = float(os.environ.get("TOGETHER_SECONDS", "60"))
WORKERS = 5
LONGEST = 60.0
"""Seconds after which a command counts as hung."""
EXPECTED = frozenset({0, 1, 2, 3, 7, 9, 10})
"""Documented: findings, wrong usage, stale, busy, open needs, changed."""
_OPEN = "\n[NEEDS CLARIFICATION: how long are lists kept?]\n"
"""A question of the specs, so that the plan has a gap to decide."""
_READERS = (
    ("status",), ("check",), ("coverage",), ("next",), ("progress",), ("facts",), ("diff",), ("brief",), ("report", "--to", "report.html"),
)  # fmt: skip
_WRITERS = (("plan", "--offline"), ("plan", "--offline", "--if-stale"), ("decide", "G1", "yes"), ("decide", "G1", "--clear"))


@dataclass(slots=True)
class Toll:
    """What came of it. `wrong` has exit codes that are not documented, or none at all, by command."""

    calls: int = 0
    busy: int = 0
    ticks: int = 0
    decided: int = 0
    lost: int = 0
    torn: int = 0
    hung: int = 0
    wrong: Counter[str] = field(default_factory=Counter)


def measure() -> Iterator[str]:
    toll = work_together(SECONDS, WORKERS, seed=11)
    yield (
        f"{toll.calls} commands of {WORKERS} processes in {SECONDS:.0f} s, {toll.busy} told to wait: {toll.ticks} ticks, {toll.lost} lost, "
        f"{toll.decided} answers of a person; {toll.torn} torn plans; {toll.hung} hung; errors: {dict(toll.wrong) or 'none'}"
    )


def work_together(seconds: float, workers: int, seed: int) -> Toll:
    """Each worker ticks and unticks a task of its own and calls everything else in between; specs are edited meanwhile."""
    toll, lock = Toll(), threading.Lock()
    with workspace("sample") as root:
        spec = root / "specs" / "backend" / "database.md"
        spec.write_text(spec.read_text(encoding="utf-8") + _OPEN, encoding="utf-8")
        run(root, None, "plan", "--offline")
        free = [t.id for t in parse((root / PLAN).read_text(encoding="utf-8")).tasks if not t.needs]
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_worker, args=(root, free[n % len(free)] if n < len(free) else "", until, random.Random(seed + n), toll, lock))  # noqa: S311
            for n in range(workers)
        ]  # fmt: skip
        threads.append(threading.Thread(target=_editor, args=(root, until)))
        for thread in threads:
            thread.start()
        while any(t.is_alive() for t in threads):
            toll.torn += not is_whole((root / PLAN).read_text(encoding="utf-8"))
            time.sleep(0.05)
    return toll


def _worker(root: Path, mine: str, until: float, chance: random.Random, toll: Toll, lock: threading.Lock) -> None:
    ticked: bool | None = None
    while time.monotonic() < until:
        if mine and chance.random() < 0.4:
            wanted = not ticked
            code = _call(root, ("done", mine, "--force", "a trial") if wanted else ("done", mine, "--undo"), toll, lock)
            if code == 0:
                ticked = wanted
                stands = next((t.done for t in parse((root / PLAN).read_text(encoding="utf-8")).tasks if t.id == mine), None)
                with lock:
                    toll.ticks += 1
                    toll.lost += stands is not wanted
        else:
            _call(root, chance.choice(_READERS if chance.random() < 0.6 else _WRITERS), toll, lock)


def _call(root: Path, arguments: tuple[str, ...], toll: Toll, lock: threading.Lock) -> int | None:
    code: int | None = None
    with suppress(subprocess.TimeoutExpired):
        code = call(root, *arguments, timeout=LONGEST).returncode
    with lock:
        toll.calls += 1
        toll.busy += code == 7
        toll.hung += code is None
        toll.decided += arguments[0] == "decide" and code == 0
        if code is not None and code not in EXPECTED:
            toll.wrong[f"{' '.join(arguments[:2])}: exit {code}"] += 1
    return code


def _editor(root: Path, until: float) -> None:
    """Somebody rewords a line of a spec now and then."""
    path = root / "specs" / "backend" / "api.md"
    text = path.read_text(encoding="utf-8")
    number = 0
    while time.monotonic() < until:
        number += 1
        new = path.with_suffix(".new")
        new.write_text(f"{text}\nThe backend MUST keep trial {number} in mind.\n", encoding="utf-8")
        new.replace(path)
        time.sleep(2)
