"""The Model Context Protocol server, driven over stdio by the official client: each tool once, each error once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bench.diligent import answer_to

mcp = pytest.importorskip("mcp")

PLAN = "plan/backend_implementation_plan.md"
Work = Callable[[Any], Awaitable[None]]


def drive(workspace: Path, work: Work) -> None:
    """Runs the server as a coding agent would, and some calls against it."""
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "planagent", "mcp", "--workspace", str(workspace)], env=dict(os.environ)
    )

    async def run() -> None:
        async with mcp.stdio_client(command) as (read, write), mcp.ClientSession(read, write) as session:
            await session.initialize()
            await work(session)

    asyncio.run(asyncio.wait_for(run(), 120))


async def call(session: Any, tool: str, **arguments: Any) -> str:
    answer = await session.call_tool(tool, arguments)
    assert not answer.is_error, answer.content[0].text
    return str(answer.content[0].text)


async def refused(session: Any, tool: str, **arguments: Any) -> str:
    answer = await session.call_tool(tool, arguments)
    assert answer.is_error
    return str(answer.content[0].text)


def test_there_are_at_most_eight_tools_with_short_descriptions(workspace: Path) -> None:
    async def work(session: Any) -> None:
        tools = (await session.list_tools()).tools
        assert {t.name for t in tools} == {"status", "briefs", "submit", "merge", "check", "next_task", "complete_task", "facts"}
        assert all(len(t.description) < 140 for t in tools)
        assert len(json.dumps([t.model_dump(mode="json") for t in tools])) < 8_000

    drive(workspace, work)


def test_a_plan_is_written_checked_and_carried_out(workspace: Path) -> None:
    async def work(session: Any) -> None:
        assert json.loads(await call(session, "status"))["state"] == "absent"
        assert json.loads(await call(session, "facts", kind="operations"))["operations"]
        assert "conflicts" in json.loads(await call(session, "facts"))
        while (listed := json.loads(await call(session, "briefs")))["open"]:
            pages = [await call(session, "briefs", id=o["id"]) for o in listed["open"]]
            told = await asyncio.gather(
                *(call(session, "submit", id=o["id"], answer=answer_to(page)) for o, page in zip(listed["open"], pages, strict=True))
            )
            assert all(json.loads(t)["open"] == [] for t in told)
        assert json.loads(await call(session, "merge"))["findings"] == []
        assert json.loads(await call(session, "check"))["findings"] == []
        assert json.loads(await call(session, "status"))["state"] == "fresh"
        page = await call(session, "next_task")
        assert page.startswith("# T001 ")
        assert (await call(session, "next_task", id="T002")).startswith("# T002 ")
        assert json.loads(await call(session, "complete_task", ids=["T001"]))["done"] == ["T001"]

    drive(workspace, work)
    assert "- [x] T001 " in (workspace / PLAN).read_text()


def test_errors_reach_the_agent_with_their_remedy(workspace: Path) -> None:
    async def work(session: Any) -> None:
        assert "planagent plan" in await refused(session, "check")
        assert "planagent plan" in await refused(session, "next_task")
        assert "planagent plan" in await refused(session, "complete_task", ids=["T001"])
        assert "no brief 'x-9'" in await refused(session, "briefs", id="x-9")
        assert "no brief 'x-9'" in await refused(session, "submit", id="x-9", answer={})
        told = await refused(session, "merge")
        assert "open" in told
        assert "exit code 9" in told
        assert "kind" in await refused(session, "facts", kind="everything")
        one = json.loads(await call(session, "briefs"))["open"][0]
        receipt = json.loads(await call(session, "submit", id=one["id"], answer='{"statements": [{"kind": "rule", '))
        assert receipt["whole"] is False
        assert receipt["open"]
        (workspace / PLAN).parent.mkdir()
        (workspace / PLAN).write_text("mine\n")
        assert "no whole plan" in await refused(session, "status")

    drive(workspace, work)


def test_specs_that_cannot_be_read_are_said_at_the_call(tmp_path: Path) -> None:
    async def work(session: Any) -> None:
        assert "exit code 5" in await refused(session, "facts")
        assert "exit code 5" in await refused(session, "briefs")

    drive(tmp_path, work)
