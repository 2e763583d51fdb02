"""A real llama.cpp serving a real, tiny model: the protocol, not the prose. Skipped where neither is at hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from planagent.planning.briefs import SMALL, common_part, section_brief
from planagent.planning.outline import Outline
from planagent.planning.parts import section_parts
from planagent.writing.openai_writer import OpenAIWriter
from planagent.writing.rules import write_all

from planagent.ledger import Ledger
from planagent.settings import load_settings
from tests.conftest import ROOT

pytestmark = pytest.mark.local_model
TOOL = ROOT.parent / "shared" / "tools" / "get-model"


@pytest.fixture(scope="module")
def model() -> Path:
    pytest.importorskip("xllamacpp")
    cached = Path.home() / ".cache/planagent-models/smollm2-135m.gguf"
    if cached.is_file():
        return cached
    if not TOOL.is_file():
        pytest.skip("no tool that puts a model on this machine")
    made = subprocess.run(
        [sys.executable, str(TOOL), "smollm2-135m"], capture_output=True, text=True, check=False, timeout=300
    )
    if made.returncode:
        pytest.skip(f"no model: {made.stderr[-200:]}")
    return Path(made.stdout.strip().splitlines()[-1])


def test_llama_cpp_keeps_the_schema_and_the_bound(model: Path, sample_outline: Outline, tmp_path: Path) -> None:
    from planagent.writing.local import serve

    server = serve(model, context=4096)
    try:
        draft = write_all(sample_outline)[8]
        parts = [p for p in section_parts(sample_outline, 8, draft) if p.key == "topic:error.schema"]
        brief = section_brief(sample_outline, parts, common_part(sample_outline, SMALL), SMALL, "8.1")
        # The tiny model's text is noise: a short bound shows that the bound is kept, and keeps the test short.
        brief = replace(brief, max_tokens=120)
        settings = load_settings(tmp_path, {"model": "tiny", "retries": 0, "timeout": 240})
        writer = OpenAIWriter(
            settings,
            Ledger(tmp_path / ".planagent"),
            base_url=server.base_url,
            model=server.model,
            local=True,
        )
        answer = asyncio.run(_ask(writer, brief))
        assert answer.usage.calls == 1
        assert 0 < answer.usage.output_tokens <= brief.max_tokens
        if answer.whole:
            assert [i["key"] for i in answer.value["items"]] == ["topic:error.schema"]
            assert all(len(s) <= 360 for s in answer.value["items"][0]["steps"])
    finally:
        server.stop()


async def _ask(writer: OpenAIWriter, brief: object):  # type: ignore[no-untyped-def]
    try:
        return await writer.answer(brief)  # type: ignore[arg-type]
    finally:
        await writer.close()
