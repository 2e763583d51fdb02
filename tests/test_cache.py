"""What was worked out before is found again for the same bytes, and for no others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from planagent import plancheck
from planagent.cache import KEPT, Cache, digest
from planagent.cli import run
from planagent.corpus import read as corpus_module
from planagent.corpus.read import read_corpus
from planagent.covering import coverage_of
from planagent.proving import check_file
from planagent.settings import load_settings
from tests.conftest import ROOT

PLAN = ROOT / "plan" / "backend_implementation_plan.md"


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_corpus_comes_back_equal(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_corpus(ROOT, cache=store)
    monkeypatch.setattr(corpus_module, "_document", lambda *_: pytest.fail("read again"))
    assert read_corpus(ROOT, cache=store) == first


def test_a_changed_spec_or_scope_is_read_anew(store: Cache, workspace: Path) -> None:
    before = read_corpus(workspace, cache=store)
    assert read_corpus(workspace, cache=store, scope="the admin API").scope == "the admin API"
    api = workspace / "specs/backend/api.md"
    api.write_text(api.read_text(encoding="utf-8") + "\n### GET /api/version\n\nAnswers 200.\n", encoding="utf-8")
    after = read_corpus(workspace, cache=store)
    assert sum(len(d.units) for d in after.documents) == sum(len(d.units) for d in before.documents) + 2


def test_nobody_else_can_read_what_is_kept(store: Cache, tmp_path: Path) -> None:
    read_corpus(ROOT, cache=store)
    kept = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert kept
    assert all(p.stat().st_mode & 0o077 == 0 for p in kept)


def test_a_damaged_entry_is_as_good_as_none(store: Cache, tmp_path: Path) -> None:
    first = read_corpus(ROOT, cache=store)
    found = check_file(load_settings(ROOT, {}), PLAN, cache=store)
    for entry in (tmp_path / "cache").rglob("*"):
        if entry.is_file():
            entry.write_bytes(entry.read_bytes()[:-7])
    assert read_corpus(ROOT, cache=store) == first
    assert check_file(load_settings(ROOT, {}), PLAN, cache=store) == found


def test_the_same_check_is_not_run_twice(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(ROOT, {})
    first = check_file(settings, PLAN, cache=store)
    narrow = check_file(settings, PLAN, cache=store, select=("PA8",))
    monkeypatch.setattr(plancheck, "check", lambda *_: pytest.fail("checked again"))
    assert check_file(settings, PLAN, cache=store) == first
    assert check_file(settings, PLAN, cache=store, select=("PA8",)) == narrow


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = Cache(tmp_path / "file" / "below")
    assert read_corpus(ROOT, cache=blocked) == read_corpus(ROOT, cache=Cache(None))


def test_old_entries_go(store: Cache, tmp_path: Path) -> None:
    for number in range(KEPT + 5):
        store.put("kind", digest(number), b"x")
    assert len(list((tmp_path / "cache" / "kind").iterdir())) == KEPT
    assert store.get("kind", digest(KEPT + 4)) == b"x"


def test_a_warm_check_loads_nothing_heavy(tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(ROOT / "specs", root / "specs")
    shutil.copytree(ROOT / "plan", root / "plan")
    program = (
        "import sys; from planagent.cli import run; code = run(['check', '-w', sys.argv[1]]); "
        "print(code, sorted(m for m in ('openai', 'pydantic', 'markdown_it', 'tiktoken', 'sqlglot', 'yaml') if m in sys.modules))"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert outputs[1].strip() == "0 []"


def test_coverage_of_a_fresh_plan_is_worked_out_once(
    store: Cache, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["plan", "--offline", "-q", "-w", str(workspace)]) == 0
    given = load_settings(workspace)
    first = coverage_of(given, store, missing=False, dismissed=True)
    assert first == coverage_of(given, Cache(None), missing=False, dismissed=True)
    assert first.lines != coverage_of(given, store, missing=True, dismissed=False).lines, "what is asked for counts"
    for entry in (tmp_path / "cache" / "coverage").iterdir():
        entry.write_bytes(entry.read_bytes()[:-9])
    assert coverage_of(given, store, missing=False, dismissed=True) == first, "a damaged entry is as good as none"
    with monkeypatch.context() as patch:
        patch.setattr("planagent.known.known_of", lambda _: pytest.fail("worked out again"))
        assert coverage_of(given, store, missing=False, dismissed=True) == first
    api = workspace / "specs/backend/api.md"
    api.write_text(api.read_text(encoding="utf-8") + "\nThe backend MUST answer within 300 ms.\n", encoding="utf-8")
    after = coverage_of(given, store, missing=False, dismissed=True)
    assert after.data != first.data, "a spec that changed is read anew"
