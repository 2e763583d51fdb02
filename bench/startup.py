"""5. Start-up against an empty click program and `git status`: the median of several runs, taken in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.common import ROOT, run, workspace

ROUNDS = 9
_EMPTY = "import click\n\n@click.group()\ndef main() -> None:\n    pass\n\nmain()\n"


def measure() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, workspace("sample") as root:
        empty = Path(folder) / "empty.py"
        empty.write_text(_EMPTY)
        run(root, None, "plan", "--offline")
        run(root, None, "check")  # fills the cache
        run(root, None, "coverage")
        ours = [sys.executable, "-m", "planagent"]
        commands = {
            "an empty click program, --help": [sys.executable, str(empty), "--help"],
            "planagent --help": [*ours, "--help"],
            "planagent status, nothing changed": [*ours, "status", "-w", str(root)],
            "planagent coverage, nothing changed": [*ours, "coverage", "-w", str(root)],
            "planagent check, nothing changed": [*ours, "check", "-w", str(root)],
            "git status": ["git", "-C", str(ROOT), "status"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                begun = time.perf_counter()
                subprocess.run(
                    command, capture_output=True, check=False, env={"XDG_CACHE_HOME": str(root.parent / "cache"), "PATH": "/usr/bin:/bin"}
                )
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(found) for name, found in times.items()}
    base = medians["an empty click program, --help"]
    for name, median in medians.items():
        yield f"{name}: {1000 * median:.0f} ms, x{median / base:.1f} of the empty program"
