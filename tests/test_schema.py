"""What `--json` prints has the shape that `planagent schema` tells; so has planagent.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from planagent.cli import run
from planagent.commands.watch import _data
from planagent.errors import UsageError
from planagent.outputs import OUTPUTS
from planagent.pipeline import Session, make_plan
from planagent.schemas import SETTINGS, schema_of
from planagent.settings import load_settings
from planagent.staleness import status_of
from planagent.watching import Seen
from tests.conftest import ROOT

SPEC = (
    "# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`; 200.\n- It MUST keep boats: `name` text.\n\n"
    "[NEEDS CLARIFICATION: who may list them?]\n"
)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], project: Callable[[dict[str, str]], Path]) -> Callable[..., Any]:
    path = project({"specs/a.md": SPEC})
    for spec in (SPEC, SPEC.replace("200.", "204.")):  # planned twice, so that there is something to compare
        (path / "specs" / "a.md").write_text(spec)
        assert run(["plan", "--offline", "-q", "-w", str(path)]) == 0

    def call(*arguments: str) -> Any:
        capsys.readouterr()
        run([*arguments, "--json", *(() if arguments[0] == "rule" else ("-w", str(path)))])
        return json.loads(capsys.readouterr().out)

    return call


COMMANDS = {
    "plan": ["plan", "--offline"], "plan-fresh": ["plan", "--offline", "--if-stale"], "plan-dry-run": ["plan", "--offline", "--dry-run"],
    "status": ["status"], "check": ["check", "--strict"], "coverage": ["coverage"], "next": ["next"], "done": ["done", "T001", "--force", "a trial"],
    "decide": ["decide", "G1", "guests", "--dry-run"], "brief": ["brief"], "doctor": ["doctor"], "progress": ["progress"], "diff": ["diff"], "report": ["report"], "error": ["next", "T999"],
    "rule": ["rule"], "facts": ["facts"], "facts-conflicts": ["facts", "--conflicts"], "init": ["init", "--dry-run", "--agent", "claude"],
    "init-list": ["init", "--list"],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_prints_has_the_shape_of_its_schema(told: Callable[..., Any], name: str) -> None:
    value = told(*COMMANDS[name])
    OUTPUTS[name].model_validate(value, strict=True)  # nothing beside it, either
    jsonschema.validate(value, schema_of(name), cls=jsonschema.Draft202012Validator)


def test_every_shape_is_tried() -> None:
    assert OUTPUTS.keys() == COMMANDS.keys() | {"submit", "brief-id", "watch", "schema", "fleet-status", "fleet-change"}, (
        "here or beside the fleet"
    )


def test_a_brief_is_told_in_its_shape(told: Callable[..., Any]) -> None:
    [brief, *_] = told("brief")["open"]
    OUTPUTS["brief-id"].model_validate(told("brief", brief["id"]), strict=True)


def test_what_is_watched_is_told_in_its_shape(project: Callable[[dict[str, str]], Path]) -> None:
    path = project({"specs/a.md": SPEC})
    session = make_plan(Session(load_settings(path), offline=True))
    seen = Seen(("specs/a.md",), status_of(load_settings(path)), session, UsageError("What.", "Do."))
    OUTPUTS["watch"].model_validate(_data(seen), strict=True)


def test_an_answer_that_is_handed_in_is_told_in_its_shape(told: Callable[..., Any], tmp_path: Path) -> None:
    [brief, *_] = told("brief")["open"]
    (tmp_path / "answer.json").write_text('{"statements": [{"at": 1, "kind": "rule", "says": "What?"}]}')
    value = told("submit", brief["id"], str(tmp_path / "answer.json"))
    OUTPUTS["submit"].model_validate(value, strict=True)


def test_a_tick_that_is_taken_back_is_told_in_its_shape(told: Callable[..., Any]) -> None:
    told("done", "T001", "--force", "a trial")
    OUTPUTS["done"].model_validate(told("done", "T001", "--undo"), strict=True)


def test_the_settings_of_the_guide_are_of_the_schema() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    [block] = re.findall(r"(?ms)^```toml\n(.*?)^```", text)
    validator = jsonschema.Draft202012Validator(schema_of(SETTINGS))
    validator.validate(tomllib.loads(block))
    mistakes: tuple[dict[str, Any], ...] = (
        {"outptu": "x"},
        {"concurrency": "many"},
        {"batch": "yes"},
        {"check": {"only": []}},
        {"api_key": "k"},
    )
    for wrong in mistakes:
        assert not validator.is_valid(wrong), wrong


def test_schemas_are_listed_and_an_unknown_one_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--json"]) == 0
    OUTPUTS["schema"].model_validate_json(capsys.readouterr().out, strict=True)
    assert run(["schema"]) == 0
    assert capsys.readouterr().out.split() == [*OUTPUTS, SETTINGS]
    for name in (*OUTPUTS, SETTINGS):
        assert run(["schema", name]) == 0
        jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))
    assert run(["schema", "nothing"]) == 2
    assert "Known: error, plan" in capsys.readouterr().err
