"""`planagent mcp`: the same functions as the commands, as tools of a Model Context Protocol server over stdio."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from planagent import __version__
from planagent.commands.common import EXIT_CODES_ELSEWHERE, root, run_options, settings_of, talk
from planagent.errors import PlanagentError, UsageError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from planagent.settings import Settings

Kind = Literal[
    "conflicts",
    "documents",
    "operations",
    "records",
    "settings",
    "rules",
    "qualities",
    "technologies",
    "integrations",
    "layout",
    "questions",
]
_INSTRUCTIONS = (
    "planagent writes a backend implementation plan from specs, and proves it. To write it: `briefs` lists what is open, "
    "`briefs` with an id gives one request, answer each with `submit`, until none is open; then `merge`, then `check`. Never "
    "write the plan by yourself. To carry it out: `next_task`, do it, `complete_task`."
)


@click.command("mcp", epilog=EXIT_CODES_ELSEWHERE)
@run_options
def mcp_server(workspace: Path | None, as_json: bool, **where: str | None) -> int:
    """Serve planagent's functions to a coding agent over stdio, as a Model Context Protocol server.

    Needs the package's extra: pip install 'planagent[mcp]'. All tools work on one workspace.
    """
    folder = root(workspace).resolve()
    settings_of(folder, **where)  # a wrong configuration is said at the start
    try:
        server = make_server(lambda: settings_of(folder, **where))
    except ImportError as error:
        raise UsageError(
            f"The MCP server needs a package that is not installed ({error.name}).", "Install it: pip install 'planagent[mcp]'."
        ) from error
    server.run("stdio")
    return 0


def make_server(settings: Callable[[], Settings]) -> MCPServer:
    """The server with its tools; settings are read anew for each call.

    Raises:
        ImportError: the SDK is not installed.
    """
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("planagent", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING")
    _planning_tools(server, settings)
    _other_tools(server, settings)
    return server


@contextmanager
def _told() -> Iterator[None]:
    """What went wrong reaches the agent with its remedy."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        yield
    except PlanagentError as error:
        raise ToolError(f"{error.message} {error.remedy} (exit code {error.exit_code})") from error


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _planning_tools(server: MCPServer, settings: Callable[[], Settings]) -> None:
    from planagent.commands.host import brief_data, brief_page, briefs_data, receipt_data

    tell = talk()

    @server.tool(structured_output=False)
    def briefs(id: str = "") -> str:
        """List the open briefs of the plan; with an id, get that one as a whole request with its JSON schema."""
        from planagent.hosting import desk_of

        with _told(), desk_of(settings(), tell) as desk:
            return brief_page(brief_data(desk.take(id))) if id else _json(briefs_data(settings(), desk))

    @server.tool(structured_output=False)
    def submit(id: str, answer: dict[str, Any] | str) -> str:
        """Hand in the JSON object that answers a brief; tells what is accepted, and findings on the rest."""
        from planagent.hosting import desk_of

        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        with _told(), desk_of(settings(), tell) as desk:
            receipt = desk.submit(id, text)
        with _told(), desk_of(settings(), lambda _: None) as desk:
            return _json(receipt_data(receipt, [o.id for o in desk.open()]))

    @server.tool(structured_output=False)
    def merge(fill_from_rules: bool = False) -> str:
        """Publish the plan when no brief is open; fill_from_rules takes what is open from the rules."""
        from planagent.commands.plan import plan_report
        from planagent.hosting import merge as merged
        from planagent.pipeline import Session

        with _told():
            session = merged(Session(settings(), fill_from_rules=fill_from_rules, tell=tell))
            return _json(plan_report(session))


def _other_tools(server: MCPServer, settings: Callable[[], Settings]) -> None:
    from planagent.commands.execute import next_data, ticked_data

    tell = talk()

    @server.tool(structured_output=False)
    def status() -> str:
        """Tell whether the plan is fresh, stale, edited or absent, and why."""
        from planagent.commands.status import as_data
        from planagent.staleness import status_of

        with _told():
            return _json(as_data(status_of(settings())))

    @server.tool(structured_output=False)
    def check(path: str = "") -> str:
        """Prove the plan, or another plan file, against the specs; returns all findings."""
        from planagent.cache import Cache
        from planagent.findings_report import as_json
        from planagent.proving import check_file

        with _told():
            here = settings()
            plan = here.workspace / path if path else here.output_path
            return as_json([check_file(here, plan, cache=Cache.of_user())])

    @server.tool(structured_output=False)
    def next_task(id: str = "") -> str:
        """Get the next task that can be done, or one by its id, with all that is needed to do it."""
        from planagent.executing import Execution
        from planagent.plan.page import as_markdown

        with _told():
            told = next_data(Execution.of(settings()), id or None)
        if told["task"] is None:
            return f"All {told['total']} tasks are done."
        others = ", ".join(t["id"] for t in told["ready"] if t["id"] != told["task"]["id"])
        note = "" if told["current"] else "The specs or settings have changed since the plan was made: see `status`.\n\n"
        return note + "\n".join(as_markdown(told["task"])) + (f"\n\nReady as well: {others}" if others else "")

    @server.tool(structured_output=False)
    def complete_task(ids: list[str], force: str = "") -> str:
        """Tick tasks that are done; force is the reason to tick in spite of open needs or changed specs."""
        from planagent.executing import complete

        with _told():
            return _json(ticked_data(complete(settings(), tuple(ids), force=force, tell=tell)))

    @server.tool(structured_output=False)
    def facts(kind: Kind = "conflicts") -> str:
        """Get what was read from the specs, with file and line."""
        from planagent.known import known_of
        from planagent.reporting import facts_as_json

        with _told():
            return _json({kind: facts_as_json(known_of(settings()))[kind]})
