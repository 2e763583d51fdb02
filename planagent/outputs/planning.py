"""The shapes of what commands that make a plan print."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planagent.outputs.shape import Shape


class Spent(Shape):
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    retries: int
    cost: float | None = Field(description="US dollars; null where no price is known.")


class Waiting(Shape):
    id: str
    title: str
    waits: bool
    default: str


class PlanFinding(Shape):
    rule: str
    place: str
    message: str
    remedy: str


class Planned(Shape):
    """`planagent plan` and `planagent merge`."""

    plan: str
    unchanged: bool
    writer: str
    read: str
    tasks: int
    statements: int
    orders: list[str] = Field(description="Where the specs give orders to whoever reads them: nobody followed them.")
    decisions: list[Waiting] = Field(description="Defaults that wait for a person.")
    findings: list[PlanFinding]
    usage: Spent
    briefs: int
    repairs: int
    reused: int
    review_points: int
    filled_from_rules: list[str]
    seconds: float


class Fresh(Shape):
    """`planagent plan --if-stale` where nothing is to be done."""

    plan: str
    fresh: Literal[True]


class StageAhead(Shape):
    stage: str
    parts: int
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    exact: bool
    cost: float | None


class Ahead(Shape):
    """`planagent plan --dry-run`."""

    dry_run: Literal[True]
    parts: int
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    stages: list[StageAhead]


class StaleSection(Shape):
    number: int
    title: str
    reasons: list[str]


class Status(Shape):
    """`planagent status`."""

    plan: str
    state: Literal["fresh", "moved", "edited", "stale", "absent"]
    reasons: list[str]
    sections: list[StaleSection]


class Decided(Shape):
    """`planagent decide`."""

    id: str
    topic: str
    title: str
    answer: str
    default: str
    options: list[str]
    likely: bool
    rests_on_it: list[str]
    brings_in: list[str]
    dry: bool
    command: str
    file: str


class OpenBrief(Shape):
    id: str
    kind: str
    parts: int
    tokens: int
    findings: int


class Briefs(Shape):
    """`planagent brief`."""

    stage: str
    open: list[OpenBrief]
    answered: list[dict[str, Any]]
    model: str
    next: str


class BriefPage(Shape):
    """`planagent brief ID`."""

    id: str
    kind: Literal["read", "decide", "write", "review"]
    parts: int
    answered: bool
    request: str
    schema_: dict[str, Any] = Field(alias="schema")
    submit: str


class Receipt(Shape):
    """`planagent submit`."""

    id: str
    accepted: list[str]
    open: list[str]
    findings: list[PlanFinding]
    left_out: list[PlanFinding]
    whole: bool
    open_briefs: list[str]
    next: str


class Seen(Shape):
    """A line of `planagent watch`."""

    files: list[str]
    status: Status | None = None
    planned: Planned | None = None
    error: dict[str, Any] | None = None
