"""What all measurements share: workspaces, the command line as a user calls it, the naive chain."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.simulated_server import SimulatedServer
from planagent.corpus.read import read_corpus
from planagent.plan.markdown_in import NotAPlan, parse

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
TOGETHER = 2
"""Runs at the same time, where nothing is timed."""
PLAN = "plan/backend_implementation_plan.md"
_SYSTEM = "You write a backend implementation plan. No code, no repetition of the specs, backend only."


@dataclass(frozen=True, slots=True)
class Ran:
    """One call of the command line: seconds by the wall and of our own processor time, most memory, its JSON."""

    seconds: float
    processor: float
    megabytes: float
    told: dict[str, Any]
    code: int


@contextmanager
def workspace(corpus: str) -> Iterator[Path]:
    """A copy of the sample or of a corpus beside the checkout, with a cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        if corpus == "sample":
            shutil.copytree(ROOT / "specs", root / "specs")
        else:
            shutil.copytree(CORPORA / corpus, root)
        yield root


def corpora(*names: str) -> list[str]:
    """Those that are at hand."""
    return [n for n in names if n == "sample" or (CORPORA / n).is_dir()]


def environment_of(**more: str) -> dict[str, str]:
    """The environment without settings of whoever runs this, and with these."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "PLANAGENT_"))} | more


def run(root: Path, server: SimulatedServer | None, *arguments: str, **settings: str) -> Ran:
    """`planagent` in a process of its own."""
    environment = environment_of(XDG_CACHE_HOME=str(root.parent / "cache")) | settings
    if server:
        environment |= {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k", "PLANAGENT_MODEL": "simulated"}
        environment.setdefault("PLANAGENT_CONCURRENCY", "1000")
    command = [sys.executable, "-m", "planagent", *arguments, "-w", str(root), "--json"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.stdout, process.stderr
    assert out is not None
    assert err is not None
    data, said = out.read(), err.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(arguments)}: exit {process.returncode}: {said.decode()[-500:]}")
    told = json.loads(data.splitlines()[-1]) if data.strip() else {}
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told, process.returncode)


def call(root: Path, *arguments: str, timeout: float = 300, **settings: str) -> subprocess.CompletedProcess[str]:
    """`planagent` in a process of its own, whatever its exit code.

    Raises:
        TimeoutExpired: it did not end.
    """
    return subprocess.run(
        [sys.executable, "-m", "planagent", arguments[0], "-w", str(root), *arguments[1:]],
        env=environment_of(XDG_CACHE_HOME=str(root.parent / "cache")) | settings, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip


def is_whole(text: str) -> bool:
    """True for a plan that reads back, to its very end."""
    try:
        return len(parse(text).tasks) > 3 and text.rstrip().endswith("-->")
    except (NotAPlan, ValueError):
        return False


def one_shot(root: Path) -> tuple[list[dict[str, str]], str]:
    """The request that everyone writes first, with the whole corpus in it, and the plan's text as its answer."""
    specs = "\n\n".join(f"# {d.path}\n\n{d.text}" for d in read_corpus(root).read)
    text = re.sub(r"(?s)<!--.*?-->", "", (root / PLAN).read_text(encoding="utf-8"))
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": f"{specs}\n\nWrite the plan."}], text
