"""A real llama.cpp serving a real, tiny model: the protocol, not the prose. Skipped where neither is at hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planagent.briefs.brief import SMALL, Brief
from planagent.briefs.read import ReadStage
from planagent.corpus.read import read_corpus
from planagent.ledger import Ledger
from planagent.models.local import LocalServer, serve
from planagent.models.openai_model import OpenAIModel
from planagent.models.protocol import Answer
from planagent.settings import load_settings
from planagent.statements.statement import KINDS
from tests.conftest import ROOT

pytestmark = pytest.mark.local_model
TOOL = ROOT.parent / "shared" / "tools" / "get-model"
SPEC = "# Boats\n\n- **FR-001**: A guest MUST book a boat by `POST /boats/{id}/bookings`; answers 201.\n"
Project = Callable[[dict[str, str]], Path]


@pytest.fixture(scope="module")
def model() -> Path:
    pytest.importorskip("xllamacpp")
    cached = Path.home() / ".cache/planagent-models/smollm2-135m.gguf"
    if cached.is_file():
        return cached
    if not TOOL.is_file():
        pytest.skip("no tool that puts a model on this machine")
    made = subprocess.run([sys.executable, str(TOOL), "smollm2-135m"], capture_output=True, text=True, check=False, timeout=300)
    if made.returncode:
        pytest.skip(f"no model: {made.stderr[-200:]}")
    return Path(made.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def served(model: Path) -> Iterator[LocalServer]:
    server = serve(model, context=4096)
    yield server
    server.stop()


async def _ask(model: OpenAIModel, brief: Brief) -> Answer:
    try:
        await model.ready()
        return await model.answer(brief)
    finally:
        await model.close()


def test_llama_cpp_keeps_the_schema_and_the_bound(served: LocalServer, project: Project, tmp_path: Path) -> None:
    stage = ReadStage(read_corpus(project({"specs/001-boats/spec.md": SPEC})))
    # The tiny model's text is noise: a short bound shows that the bound is kept, and keeps the test short.
    brief = replace(stage.brief(stage.parts, {}, SMALL), max_tokens=160)
    settings = load_settings(tmp_path, {"model": "tiny", "retries": 0, "timeout": 240})
    tiny = OpenAIModel(settings, Ledger(tmp_path / ".planagent"), base_url=served.base_url, model=served.model, local=True)
    answer = asyncio.run(_ask(tiny, brief))
    assert tiny.usage.calls == 1
    assert 0 < tiny.usage.output_tokens <= brief.max_tokens
    assert set(answer.value) <= set(brief.schema["properties"])
    assert all(s.get("kind", "rule") in KINDS for s in answer.value.get("statements", []))
