"""The Batch API: each wave is handed over, state survives the process, and what a batch leaves open is asked one by one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.errors import ModelError
from planagent.ledger import Ledger
from planagent.models.batch import BatchModel

PLAN = "plan/backend_implementation_plan.md"
WAITING = 9


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedServer]:
    with SimulatedServer() as found:
        values = {
            "OPENAI_BASE_URL": found.url, "OPENAI_API_KEY": "k", "PLANAGENT_MODEL": "m", "PLANAGENT_PRICE_INPUT": "1", "PLANAGENT_PRICE_OUTPUT": "1",
        }  # fmt: skip
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "project", 12)


def batch(path: Path, *more: str) -> int:
    return run(["plan", "--batch", "-w", str(path), *more])


def until_done(path: Path) -> list[int]:
    """Exit codes of one run after the other."""
    codes = [batch(path)]
    while codes[-1] == WAITING and len(codes) < 12:
        codes.append(batch(path))
    return codes


def asked(server: SimulatedServer) -> Counter[str]:
    """How often each request was sent, batches and single calls together."""
    return Counter(r.prompt for r in server.requests)


def test_a_plan_of_four_batches(path: Path, server: SimulatedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert until_done(path) == [WAITING] * 4 + [0]
    assert len(server.batches.made) == 4
    assert all(r.batched for r in server.requests)
    assert set(asked(server).values()) == {1}
    other = write_corpus(tmp_path / "other" / "project", 12)
    server.streams = False
    assert run(["plan", "-w", str(other)]) == 0
    plans = [(p / PLAN).read_text().partition("\n")[2] for p in (path, other)]
    assert plans[0] == plans[1]
    assert run(["check", "-w", str(path)]) == 0
    capsys.readouterr()
    assert batch(path) == 0
    assert len(server.batches.made) == 4, "nothing changed, nothing is handed over"
    assert not Ledger(path / ".planagent").notes("batch ")


def test_who_waits_is_told_what_is_waited_for(path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.batches.seconds = 600
    assert batch(path) == WAITING
    told = capsys.readouterr().err
    assert "reading" in told
    assert "24 hours" in told
    assert "run the same command again" in told.lower()
    assert batch(path, "--json") == WAITING
    assert len(server.batches.made) == 1, "what is under way is not handed over again"
    assert not server.requests


def test_a_person_may_wait(path: Path, server: SimulatedServer) -> None:
    assert batch(path, "--wait", "1") == 0
    assert all(r.batched for r in server.requests)


def test_batches_cost_half(path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(4):
        assert batch(path) == WAITING
    capsys.readouterr()
    assert batch(path, "--json") == 0
    told = json.loads(capsys.readouterr().out)["usage"]
    assert told["cost"] == pytest.approx((told["input_tokens"] + told["output_tokens"]) / 2_000_000)


@pytest.mark.parametrize("fault", ["expired", "failed", "errors", "torn"])
def test_what_a_batch_leaves_open_is_asked_one_by_one(
    path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    server.batches.fault = fault
    assert until_done(path)[-1] == 0
    assert "one by one" in capsys.readouterr().err
    assert any(not r.batched for r in server.requests)
    assert run(["check", "-w", str(path)]) == 0
    answered = Counter(r.prompt for r in server.requests if not (fault == "torn" and r.batched))
    assert set(answered.values()) == {1}


def test_what_is_to_be_mended_is_asked_at_once(path: Path, server: SimulatedServer) -> None:
    server.edit = lambda value, request: {"statements": []} if request.kind == "read" and request.batched else value
    assert until_done(path)[-1] == 0
    assert any(r.kind == "read" and not r.batched for r in server.requests)


def test_a_spec_that_changes_meanwhile_is_handed_over_anew(path: Path, server: SimulatedServer) -> None:
    server.batches.seconds = 600
    assert batch(path) == WAITING
    spec = path / "specs" / "backend" / "order.md"
    spec.write_text(spec.read_text().replace("newest first", "oldest first"))
    assert batch(path) == WAITING
    assert len(server.batches.made) == 2
    handed = [len(server.batches.files[b["input_file_id"]].splitlines()) for b in server.batches.made.values()]
    assert handed[1] < handed[0], "only what has changed"
    server.batches.seconds = 0
    assert until_done(path)[-1] == 0
    assert "oldest first" in (path / PLAN).read_text()


def test_a_run_that_dies_while_it_hands_over_leaves_what_the_next_one_finds(
    path: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Ledger.note

    def dying(self: Ledger, name: str, value: dict[str, Any]) -> None:
        if name.startswith("batch ") and value["id"]:
            raise KeyboardInterrupt
        note(self, name, value)

    monkeypatch.setattr(Ledger, "note", dying)
    assert batch(path) == 130
    monkeypatch.setattr(Ledger, "note", note)
    assert len(server.batches.made) == 1
    assert until_done(path) == [WAITING] * 3 + [0]
    assert len(server.batches.made) == 4
    assert set(asked(server).values()) == {1}


def test_a_run_that_dies_before_it_hands_over_forgets_it(path: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dying(self: BatchModel, call: Any) -> Any:
        call.close()
        raise ModelError("The network is gone.", "Try again.")

    told = BatchModel._told
    monkeypatch.setattr(BatchModel, "_told", dying)
    assert batch(path) == 6
    monkeypatch.setattr(BatchModel, "_told", told)
    assert not server.batches.made
    assert until_done(path)[-1] == 0
    assert set(asked(server).values()) == {1}


def test_a_server_without_one_is_said(path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.batches.fault = "none"
    assert batch(path) == 6
    assert "--batch" in capsys.readouterr().err


def test_a_local_model_has_none(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(path, "--model", "gguf:a.gguf") == 2
    assert "--batch" in capsys.readouterr().err


def test_rules_do_not_stand_in_for_what_is_waited_for(path: Path, server: SimulatedServer) -> None:
    assert batch(path, "--fill-from-rules") == WAITING
    assert not (path / PLAN).exists()


def test_a_ceiling_holds_for_batches(path: Path, server: SimulatedServer) -> None:
    assert batch(path, "--max-cost", "0.000001") == 8
    assert not server.batches.made


def test_the_log_says_that_it_waits(path: Path, server: SimulatedServer, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert batch(path, "--log", str(log)) == WAITING
    [line] = log.read_text().splitlines()
    assert (json.loads(line)["outcome"], json.loads(line)["exit_code"]) == ("waiting", WAITING)


def test_waiting_is_for_batches(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--offline", "--wait", "5", "-w", str(path)]) == 2
    assert "--batch" in capsys.readouterr().err


def test_what_a_batch_would_cost_is_half(path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    costs = []
    for more in ((), ("--batch",)):
        assert run(["plan", "--dry-run", "--json", "-w", str(path), *more]) == 0
        costs.append(json.loads(capsys.readouterr().out)["cost"])
    assert costs[1] == pytest.approx(costs[0] / 2)
    assert not server.requests
