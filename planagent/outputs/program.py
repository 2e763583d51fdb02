"""The shapes of what commands about planagent itself print."""

from __future__ import annotations

from pydantic import Field

from planagent.outputs.shape import Shape


class Fault(Shape):
    kind: str
    message: str
    remedy: str
    exit_code: int


class Failed(Shape):
    """What any command prints when it cannot do what it was asked for."""

    error: Fault


class Looked(Shape):
    name: str
    told: str
    remedy: str
    code: int


class Doctor(Shape):
    """`planagent doctor`."""

    checks: list[Looked]
    exit_code: int


class Reported(Shape):
    """`planagent report`."""

    report: str
    bytes: int


class InstalledFile(Shape):
    for_: str = Field(alias="for")
    path: str
    action: str


class Installed(Shape):
    """`planagent init`."""

    workspace: str
    dry_run: bool
    files: list[InstalledFile]


class AgentRow(Shape):
    agent: str
    name: str
    path: str
    typed: str
    state: str


class Agents(Shape):
    """`planagent init --list`."""

    agents: list[AgentRow]


class FleetRow(Shape):
    name: str
    state: str
    outcome: str | None
    error: str | None
    stale: list[int]
    cron: str | None
    due_at: str | None
    started_at: str | None
    finished_at: str | None
    worker: str | None
    attempts: int
    runs: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float = Field(description="US dollars.")


class Fleet(Shape):
    """`planagent fleet status`."""

    workspaces: list[FleetRow]


class FleetChange(Shape):
    """`planagent fleet retry` and `planagent fleet pause`."""

    workspaces: list[str]
    state: str


class Schemas(Shape):
    """`planagent schema`."""

    schemas: list[str]
