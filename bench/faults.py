"""11. A misbehaving server, each fault once and lasting: what the run says, what it keeps, and that the next one goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import PLAN, TOGETHER, call
from bench.corpora import write_corpus
from bench.simulated_server import Fault, SimulatedServer

FAULTS = (
    Fault("status", 400), Fault("status", 401), Fault("status", 404), Fault("status", 429), Fault("status", 429, "0.1"), Fault("status", 500),
    Fault("status", 503), Fault("reset"), Fault("garbage"), Fault("empty"), Fault("half"), Fault("length"), Fault("refusal"), Fault("filter"),
    Fault("think"), Fault("fence"), Fault("no-choices"), Fault("html"), Fault("no-message"), Fault("odd-usage"), Fault("list-content"),
    Fault("hang", seconds=3.0), Fault("trickle", seconds=30.0), Fault("stall", seconds=3.0), Fault("cut"), Fault("error"), Fault("comments", seconds=3.0),
)  # fmt: skip
_NONE = Fault("none")
LASTING = 400
"""Requests in a row."""
EXPECTED = frozenset({1, 6, 8})
"""How a run may end that cannot be finished: parts stay open, the model failed, a ceiling is met."""


def measure() -> Iterator[str]:
    told: Counter[str] = Counter()
    wrong: list[str] = []
    runs = [
        (fault, name, script)
        for fault in FAULTS
        for name, script in (("once", [fault]), ("in the middle", [_NONE, _NONE, fault]), ("lasting", [fault] * LASTING))
    ]
    with ThreadPoolExecutor(TOGETHER) as pool:
        for (fault, name, _), (outcome, why) in zip(runs, pool.map(lambda r: _suffer(r[2]), runs), strict=True):
            told[outcome] += 1
            if why:
                wrong.append(f"{fault.kind} {fault.status if fault.kind == 'status' else ''} {name}: {why}")
    yield f"{sum(told.values())} runs with {len(FAULTS)} faults: {', '.join(f'{n} {what}' for what, n in sorted(told.items()))}; wrong: {len(wrong)}"
    yield from wrong


def _suffer(script: list[Fault]) -> tuple[str, str]:
    """How a run ended, and what of it was wrong: no plan on an error, a remedy told, a plan that checks, a next run that goes on."""
    with TemporaryDirectory() as folder, SimulatedServer() as server:
        root = write_corpus(Path(folder) / "project", 3)
        server.script = list(script)
        code, said = _planagent(root, server, "plan")
        if code == 0:
            return "survived", "" if _planagent(root, server, "check")[0] == 0 else "exit 0, and the plan does not check"
        if code not in EXPECTED:
            return "broken", f"exit {code}: {said[-200:]}"
        if (root / PLAN).exists() or "hint:" not in said:
            return "broken", "a plan was written on an error" if (root / PLAN).exists() else f"no remedy: {said[-200:]}"
        server.script = []
        again, said = _planagent(root, server, "plan")
        return "ended with a remedy, and the next run went on", "" if again == 0 else f"the next run: exit {again}: {said[-200:]}"


def _planagent(root: Path, server: SimulatedServer, command: str) -> tuple[int, str]:
    done = call(
        root, command, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="k", PLANAGENT_MODEL="m", PLANAGENT_RETRIES="2", PLANAGENT_PATIENCE="2",
        PLANAGENT_TIMEOUT="2", PLANAGENT_IDLE_TIMEOUT="1",
    )  # fmt: skip
    return done.returncode, done.stderr
