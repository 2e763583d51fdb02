"""The answers behind a plan, under version control: the same plan without a call, and nothing else in its stead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import Request, SimulatedServer
from planagent.cli import run
from planagent.models.identity import identity
from planagent.recording import read_recording
from planagent.settings import load_settings

PLAN = "plan/backend_implementation_plan.md"
RECORD = "plan/answers.jsonl"


@pytest.fixture
def recorded(workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace that was planned with a model, as a clone has it: specs, plan, settings and recording, and no model."""
    (workspace / "planagent.toml").write_text(f'record = "{RECORD}"\n')
    assert plan(workspace) == 0
    assert server.requests
    server.requests.clear()
    for name in ("PLANAGENT_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name)
    shutil.rmtree(workspace / ".planagent")
    return workspace


def plan(workspace: Path, *more: str) -> int:
    return run(["plan", "--workspace", str(workspace), *more])


@pytest.mark.parametrize("standing", [True, False])
def test_a_clone_gets_the_same_plan_without_a_model(recorded: Path, server: SimulatedServer, *, standing: bool) -> None:
    before = (recorded / PLAN).read_bytes(), (recorded / RECORD).read_bytes()
    if not standing:
        (recorded / PLAN).unlink()
    assert plan(recorded) == 0
    assert ((recorded / PLAN).read_bytes(), (recorded / RECORD).read_bytes()) == before
    assert not server.requests


def test_what_changed_since_is_open_and_nothing_steps_in(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (recorded / PLAN).read_bytes(), (recorded / RECORD).read_bytes()
    spec = recorded / "specs/backend/api.md"
    spec.write_text(spec.read_text() + "\n## Archive\n\nThe backend MUST archive tasks after 90 days.\n")
    assert plan(recorded) == 9
    told = capsys.readouterr().err
    assert RECORD in told
    assert "(read)" in told
    assert "--fill-from-rules" in told
    assert ((recorded / PLAN).read_bytes(), (recorded / RECORD).read_bytes()) == before
    assert plan(recorded, "--fill-from-rules") == 0
    assert "by rule" in (recorded / PLAN).read_text().split("\n## ")[0]


def test_offline_asks_the_rules_and_leaves_the_recording_alone(recorded: Path) -> None:
    before = (recorded / RECORD).read_bytes()
    assert plan(recorded, "--offline") == 0
    assert "built-in rules" in (recorded / PLAN).read_text()[:2_000]
    assert (recorded / RECORD).read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace("must", "must-not", 1) if "must" in line else line[:-30],
        lambda line: line[: len(line) // 2],
        lambda _: "<<<<<<< HEAD",
        lambda line: "[" * 100_000 + line,
    ],
    ids=["edited", "cut", "merge", "nested"],
)
def test_a_damaged_line_counts_as_not_answered(recorded: Path, damage: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded / RECORD
    lines = path.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if '"statements"' in line and line.startswith('{"key"'))
    lines[at] = damage(lines[at])
    path.write_text("\n".join(lines))
    assert plan(recorded) == 9
    assert "1 line is not as written; what was held there counts as not answered. Restore" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]\n", '{"format": "another"}\n', "\x00\xff", '{"format": "planagent answers, format 1", "by": 3}'])
def test_what_is_no_recording_is_told(recorded: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (recorded / RECORD).write_text(text)
    assert plan(recorded) == 2
    assert "its first line is not that of a recording" in capsys.readouterr().err


def test_a_recording_is_sorted_and_names_its_authors(recorded: Path) -> None:
    recording = read_recording(recorded / RECORD, print)
    assert recording is not None
    assert set(recording.authors) == {"read", "decide", "write", "review"}
    lines = [json.loads(line) for line in (recorded / RECORD).read_text().splitlines()[1:]]
    keys = [e["key"] for e in lines if "key" in e]
    assert keys == sorted(keys)
    assert set(keys) == set(recording.answers)


def test_an_account_in_an_address_is_no_part_of_who_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:hunter2@models.example/v1")
    told = identity(load_settings(tmp_path), "some-model")
    assert told["place"] == "https://models.example/v1"


def test_answers_of_a_model_are_not_a_coding_agents(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["brief", "--workspace", str(recorded), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["stage"] == "reading"
    assert told["open"]


def test_what_a_review_had_mended_is_recorded_as_it_is(workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ruling and a text are mended; the clone goes straight to the outcome, and asks for no review."""
    (workspace / "planagent.toml").write_text(f'record = "{RECORD}"\n')

    def criticize(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.kind == "review":
            points = request.body["response_format"]["json_schema"]["schema"]["properties"]["points"]
            first = points["items"]["properties"]["about"]["enum"][0]
            point = {"kind": "question", "plan": "", "spec": "", "problem": "Which?", "mend": "Name it."}
            quotes = {"ruling day": "local day", first: "A test of"}
            return {"points": [point | {"about": a, "plan": q} for a, q in quotes.items()]}
        if request.kind == "decide":
            told = "in UTC" if "Which?" in request.prompt else "local day"
            ruling = {"key": "day", "kind": "gap", "title": "What a day is", "found": "Open.", "default": f"A day is a {told}.", "why": ""}
            rest = value if told == "local day" else {}
            return rest | {"rulings": [{**ruling, "options": [], "waits": False, "about": []}]}
        return value

    server.edit = criticize
    assert plan(workspace) == 0
    before = (workspace / PLAN).read_bytes(), (workspace / RECORD).read_bytes()
    assert b"in UTC" in before[0]
    for name in ("PLANAGENT_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name)
    shutil.rmtree(workspace / ".planagent")
    (workspace / PLAN).unlink()
    server.requests.clear()
    assert plan(workspace) == 0
    assert ((workspace / PLAN).read_bytes(), (workspace / RECORD).read_bytes()) == before
    assert not server.requests
