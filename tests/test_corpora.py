"""Real corpora and small cases beside the checkout, planned without a model; skipped where there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from planagent.cli import run
from tests.conftest import CASES, CORPORA

LARGE = {"big-otel"}
CASE_NAMES = sorted(p.name for p in CASES.iterdir() if p.is_dir()) if CASES.is_dir() else []
CORPUS_NAMES = (
    sorted(p.name for p in CORPORA.iterdir() if p.is_dir() and p.name not in LARGE) if CORPORA.is_dir() else []
)
pytestmark = pytest.mark.corpora


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return value


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("plan", ".planagent"))
    return target


@pytest.mark.parametrize("name", [*CASE_NAMES, *CORPUS_NAMES] or [pytest.param("", marks=pytest.mark.skip)])
def test_every_unit_is_accounted_for_and_the_plan_checks_clean(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = CASES / name / "in" if name in CASE_NAMES else CORPORA / name
    root = copied(source, tmp_path / "w")
    code = run(["plan", "-w", str(root), "--offline", "--json"])
    capsys.readouterr()
    right = json.loads((CASES / name / "right.json").read_text(encoding="utf-8")) if name in CASE_NAMES else {}
    assert code == right.get("exit", 0)
    if code:
        assert not (root / "plan").exists()
        return
    assert run(["check", "-w", str(root), "--json"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert run(["coverage", "-w", str(root), "--json"]) == 0
    assert {f["missing"] for f in told(capsys)["files"]} == {""}
