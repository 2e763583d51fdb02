"""Real corpora and small cases beside the checkout, planned without a model; skipped where there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.model import normalize_path
from tests.conftest import CASES, CORPORA

LARGE = {"big-otel"}
NO_BACKEND = {"static-agendamento-pt"}
CASE_NAMES = sorted(p.name for p in CASES.iterdir() if p.is_dir()) if CASES.is_dir() else []
CORPUS_NAMES = sorted(p.name for p in CORPORA.iterdir() if p.is_dir() and p.name not in LARGE) if CORPORA.is_dir() else []
pytestmark = pytest.mark.corpora


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return value


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("plan", ".planagent"))
    return target


@pytest.mark.parametrize("name", [*CASE_NAMES, *CORPUS_NAMES] or [pytest.param("", marks=pytest.mark.skip)])
def test_every_unit_is_accounted_for_and_the_plan_checks_clean(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = CASES / name / "in" if name in CASE_NAMES else CORPORA / name
    root = copied(source, tmp_path / "w")
    code = run(["plan", "-w", str(root), "--offline", "--json"])
    capsys.readouterr()
    right = json.loads((CASES / name / "right.json").read_text(encoding="utf-8")) if name in CASE_NAMES else {}
    assert code == right.get("exit", 4 if name in NO_BACKEND else 0)
    if code:
        assert not (root / "plan").exists()
        return
    assert run(["check", "-w", str(root), "--json"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert run(["coverage", "-w", str(root), "--json"]) == 0
    assert {f["missing"] for f in told(capsys)["files"]} == {""}


TRUTH = CORPORA.parent / "truth"


@pytest.mark.parametrize("name", ["moinuddin", "origin-sabahatabid", "raohamza"])
def test_operations_and_settings_are_those_that_people_counted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By rule: no operation is missed or made up, and no setting is made up."""
    if not (TRUTH / f"{name}.json").is_file():
        pytest.skip("no truth beside the checkout")
    truth = json.loads((TRUTH / f"{name}.json").read_text(encoding="utf-8"))
    assert run(["facts", "--json", "-w", str(CORPORA / name)]) == 0
    facts = told(capsys)

    def route(name: str) -> str:
        verb, _, path = name.partition(" ")
        return f"{verb} {normalize_path(path)}"

    assert {route(s["name"]) for s in facts["operations"]} == {route(n) for n in truth["endpoints"]}
    assert {s["name"] for s in facts["settings"]} <= set(truth["env_vars"])


ANSWERABLE = ["go-todo-api", "khateeb", "moinuddin", "origin-sabahatabid", "realworld-conduit", "soap"]
"""Corpora that the diligent answerer, which knows no frontend, can go through."""


@pytest.mark.parametrize("name", [*CASE_NAMES, *(n for n in ANSWERABLE if n in CORPUS_NAMES)] or [pytest.param("", marks=pytest.mark.skip)])
def test_a_model_that_says_all_it_is_shown_is_taken_at_its_word(name: str, tmp_path: Path, server: SimulatedServer) -> None:
    """What is sent is enough to answer: no key, value or line that is asked for is masked or left out on the way."""
    root = copied(CASES / name / "in" if name in CASE_NAMES else CORPORA / name, tmp_path / "w")
    code = run(["plan", "-w", str(root), "--json"])
    assert server.requests
    assert code == 0
    assert run(["check", "-w", str(root), "--json"]) == 0
