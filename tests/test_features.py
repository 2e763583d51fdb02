"""One feature folder of a Spec Kit project, planned where its convention puts plans."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.cli import run
from planagent.errors import UsageError
from planagent.features import features, find_feature
from planagent.plan.markdown_in import parse
from planagent.settings import load_settings

Project = Callable[[dict[str, str]], Path]

SPEC = """# Feature Specification: {title}

## Requirements

- **FR-001**: The API MUST answer `GET /api/{name}` with 200 and the caller's {name}.
- **FR-002**: `POST /api/{name}` MUST store one and answer 201; 422 for a name over 80 characters.

## Key Entities

- **{entity}**: id, name, owner
"""


@pytest.fixture
def kit(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SPECIFY_FEATURE", "SPECIFY_FEATURE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return project(
        {
            ".specify/memory/constitution.md": "# Constitution\n\n- The backend MUST use FastAPI and PostgreSQL.\n",
            "specs/001-boats/spec.md": SPEC.format(title="Boats", name="boats", entity="Boat"),
            "specs/002-trips/spec.md": SPEC.format(title="Trips", name="trips", entity="Trip"),
            "specs/002-trips/plan.md": "# Implementation Plan\n\nPython\n",
            "specs/010-trips-report/spec.md": SPEC.format(title="Reports", name="reports", entity="Report"),
        }
    )


@pytest.mark.parametrize("wanted", ["002", "002-trips", "002-TRIPS", "specs/002-trips", "./specs/002-trips/", "specs\\002-trips"])
def test_a_feature_is_found_by_number_name_or_path(kit: Path, wanted: str) -> None:
    assert find_feature(kit, wanted).path == "specs/002-trips"


def test_all_feature_folders_are_known(kit: Path) -> None:
    assert [f.name for f in features(kit)] == ["001-boats", "002-trips", "010-trips-report"]


@pytest.mark.parametrize("wanted", ["0", "9", "", "../..", "trips"])
def test_none_or_several_are_an_error_that_names_them(kit: Path, wanted: str) -> None:
    with pytest.raises(UsageError) as error:
        find_feature(kit, wanted)
    assert "001-boats" in error.value.remedy


def test_the_current_feature_is_spec_kit_s(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No feature is current"):
        find_feature(kit, "current")
    (kit / ".git").mkdir()
    (kit / ".git" / "HEAD").write_text("ref: refs/heads/feat/002-whatever\n")
    assert find_feature(kit, "current").name == "002-trips", "by the branch's number, as older projects do"
    monkeypatch.setenv("SPECIFY_FEATURE", "001-boats")
    assert find_feature(kit, "current").name == "001-boats"
    (kit / ".specify" / "feature.json").write_text(json.dumps({"feature_directory": "specs/010-trips-report"}))
    assert find_feature(kit, "current").name == "010-trips-report"
    monkeypatch.setenv("SPECIFY_FEATURE_DIRECTORY", str(kit / "specs" / "002-trips"))
    assert find_feature(kit, "current").name == "002-trips"
    monkeypatch.setenv("SPECIFY_FEATURE_DIRECTORY", "specs/404-none")
    with pytest.raises(UsageError, match="404-none"):
        find_feature(kit, "current")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"feature_directory": 7}', '{"x": 1}'])
def test_a_damaged_state_file_is_as_good_as_none(kit: Path, text: str) -> None:
    (kit / ".specify" / "feature.json").write_text(text)
    with pytest.raises(UsageError):
        find_feature(kit, "current")


def test_one_feature_is_planned_and_goes_on_from_there(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--feature", "002", "-o", "{feature}/tasks.md", "-w", str(kit)]
    assert run(["plan", "--offline", *flags]) == 0
    path = kit / "specs" / "002-trips" / "tasks.md"
    plan = parse(path.read_text())
    covered = {c for t in plan.tasks for c in t.covers}
    assert "get-api-trips" in covered
    assert not any("boats" in c for c in covered)
    assert ".specify/memory/constitution.md" in plan.documents
    assert "specs/001-boats/spec.md" not in plan.documents
    assert run(["status", *flags]) == 0
    assert run(["next", *flags]) == 0
    assert run(["done", "T001", *flags]) == 0
    assert run(["check", str(path), "--feature", "002", "-w", str(kit)]) == 0
    assert run(["plan", "--offline", *flags]) == 0
    assert run(["plan", "--offline", "--feature", "001", "-w", str(kit)]) == 0, "a plan beside the specs is none of them"
    assert "specs/002-trips/tasks.md" not in parse((kit / "plan/backend_implementation_plan.md").read_text()).documents


def test_a_file_of_spec_kit_s_own_is_not_overwritten(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kit / "specs" / "002-trips" / "tasks.md"
    path.write_text("- [ ] T001 [US1] Build GET /api/trips\n")
    before = path.read_bytes()
    assert run(["plan", "--offline", "--feature", "002", "-o", "{feature}/tasks.md", "-w", str(kit)]) == 2
    assert path.read_bytes() == before


def test_the_feature_may_stand_in_the_settings(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kit / "planagent.toml").write_text('feature = "002"\noutput = "{feature}/backend_implementation_plan.md"\n')
    settings = load_settings(kit)
    assert (settings.feature, settings.scope) == ("002-trips", "")
    assert settings.output_path == kit / "specs/002-trips/backend_implementation_plan.md"
    monkeypatch.setenv("PLANAGENT_FEATURE", "001")
    assert load_settings(kit).feature == "001-boats"


def test_an_output_with_a_feature_needs_one(kit: Path) -> None:
    with pytest.raises(UsageError, match="needs a feature"):
        load_settings(kit, {"output": "{feature}/plan.md"})


def test_commands_that_follow_repeat_the_flags(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["brief", "--feature", "002", "--json", "-w", str(kit)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["next"].endswith("--feature 002")
    assert run(["brief", listed["open"][0]["id"], "--feature", "002", "--json", "-w", str(kit)]) == 0
    assert json.loads(capsys.readouterr().out)["submit"].endswith("--feature 002")
