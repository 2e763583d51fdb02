"""`planagent doctor` tells what a run would meet, and ends as that run would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import Fault, Request, SimulatedServer
from planagent.cli import run


def examined(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    code = run(["doctor", "-w", str(path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == code
    return code, {c["name"]: c for c in told["checks"]}


def test_without_a_model_all_that_is_there_is_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(p.name for p in workspace.rglob("*"))
    code, checks = examined(workspace, capsys)
    assert code == 0
    assert checks["specs"]["told"].startswith("8 documents")
    assert checks["plan"]["told"].endswith("absent")
    assert "none is configured" in checks["model"]["told"]
    assert sorted(p.name for p in workspace.rglob("*")) == before, "nothing is changed"


def test_a_model_is_asked_once_in_the_form_of_all_briefs(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANAGENT_REVIEW_MODEL", "strict")
    monkeypatch.setenv("PLANAGENT_BATCH", "true")  # nobody waits a day for a diagnosis
    monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("http://", "http://somebody:hunter2@"))
    before = sorted(p.name for p in workspace.rglob("*"))
    server.edit = lambda value, request: {"word": "ready"}
    code, checks = examined(workspace, capsys)
    assert code == 0
    assert {r.body["model"] for r in server.requests} == {"simulated", "strict"}
    assert len(server.requests) == 2
    assert "answers as it was asked" in checks["model of read, decide, write"]["told"]
    assert "api_key = set (environment)" in checks["settings"]["told"]
    assert "test-key" not in json.dumps(checks)
    assert "hunter2" not in json.dumps(checks)
    assert sorted(p.name for p in workspace.rglob("*")) == before, "nothing is changed"


@pytest.mark.parametrize(
    ("fault", "code", "word"), [(Fault("status", 401), 6, "key"), (Fault("status", 404), 6, "model"), (Fault("garbage"), 6, "JSON")]
)
def test_a_model_that_fails_is_told_with_its_remedy(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], fault: Fault, code: int, word: str
) -> None:
    server.script = [fault] * 20
    found, checks = examined(workspace, capsys)
    assert found == code
    broken = next(c for name, c in checks.items() if name.startswith("model"))
    assert word in broken["told"] + broken["remedy"]
    assert broken["remedy"]


def test_an_answer_of_another_form_is_shown(workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    def odd(value: Any, request: Request) -> Any:
        return {"word": "steady"}

    server.edit = odd
    _, checks = examined(workspace, capsys)
    assert "but not what was asked for: {'word': 'steady'}" in next(c for n, c in checks.items() if n.startswith("model"))["told"]


def test_a_project_without_specs_ends_as_its_run_would(
    project: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = project({})
    code, checks = examined(path, capsys)
    assert code == run(["plan", "--offline", "-w", str(path)]) == 5
    assert checks["specs"]["remedy"]
    capsys.readouterr()
    assert run(["doctor", "-w", str(path)]) == 5
    assert "fails specs: " in capsys.readouterr().out
