"""Prompts are data: each whole request for the sample as it is sent, and what a change of one asks anew.

After a wanted change: `PROMPTS=write .venv/bin/pytest tests/test_prompts.py`, and read the difference.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bench.simulated_server import SimulatedServer
from planagent.briefs import prompts
from planagent.cli import run
from planagent.pipeline import previous_plan
from tests.conftest import ROOT

KINDS = ("read", "decide", "write", "review")
FILES = sorted(str(p.relative_to(ROOT / "prompts")) for p in (ROOT / "prompts").glob("**/*.md") if "agents" not in p.parts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_request_is_as_it_was(workspace: Path, server: SimulatedServer, kind: str) -> None:
    server.streams = False  # nothing is asked before its turn
    assert run(["plan", "--workspace", str(workspace)]) == 0
    told = min(r.prompt for r in server.requests if r.kind == kind)
    path = Path(__file__).parent / "prompts" / f"{kind}.txt"
    if os.environ.get("PROMPTS") == "write":
        path.write_text(f"{told}\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == f"{told}\n"


@pytest.mark.parametrize("name", FILES)
def test_a_changed_prompt_asks_only_for_what_rests_on_it(
    workspace: Path, server: SimulatedServer, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert run(["plan", "--workspace", str(workspace)]) == 0
    server.requests.clear()
    folder = tmp_path_factory.mktemp("data") / "prompts"
    shutil.copytree(ROOT / "prompts", folder)
    (folder / name).write_text((folder / name).read_text() + "\nBe brief.\n")
    monkeypatch.setattr(prompts, "prompts_folder", lambda: folder)
    prompts.prompt.cache_clear()
    try:
        assert run(["plan", "--workspace", str(workspace)]) == 0
    finally:
        prompts.prompt.cache_clear()
    asked = {r.kind for r in server.requests}
    if not name.startswith("sections/"):
        assert name.removesuffix(".md") in asked
        return
    plan = previous_plan(workspace / "plan/backend_implementation_plan.md")
    assert plan is not None
    mine = {t.key for t in plan.tasks if t.section == int(name.removeprefix("sections/")[:2])}
    assert set[str]().union(*(r.tasks for r in server.requests)) == mine
    assert asked == ({"write"} if mine else set())
