"""The shapes of what `--json` prints: `planagent schema` tells them as JSON Schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Shape):
    kind: str
    message: str
    remedy: str
    exit_code: int


class Failed(_Shape):
    """What any command prints when it cannot do what it was asked for."""

    error: Fault


class Spent(_Shape):
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    retries: int
    cost: float | None = Field(description="US dollars; null where no price is known.")


class Waiting(_Shape):
    id: str
    title: str
    waits: bool
    default: str


class PlanFinding(_Shape):
    rule: str
    place: str
    message: str
    remedy: str


class Planned(_Shape):
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


class Fresh(_Shape):
    """`planagent plan --if-stale` where nothing is to be done."""

    plan: str
    fresh: Literal[True]


class StageAhead(_Shape):
    stage: str
    parts: int
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    exact: bool
    cost: float | None


class Ahead(_Shape):
    """`planagent plan --dry-run`."""

    dry_run: Literal[True]
    parts: int
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    stages: list[StageAhead]


class StaleSection(_Shape):
    number: int
    title: str
    reasons: list[str]


class Status(_Shape):
    """`planagent status`."""

    plan: str
    state: Literal["fresh", "moved", "edited", "stale", "absent"]
    reasons: list[str]
    sections: list[StaleSection]


class CheckFinding(_Shape):
    rule: str
    name: str
    severity: Literal["error", "warning"]
    file: str
    line: int
    column: int
    place: str
    message: str
    excerpt: str
    remedy: str


class CheckedPlan(_Shape):
    plan: str
    format: str
    tasks: int
    findings: int
    suppressed: int
    notes: list[str]


class Checked(_Shape):
    """`planagent check`."""

    findings: list[CheckFinding]
    plans: list[CheckedPlan]


class _Counted(_Shape):
    units: int
    claimed: int
    dismissed: int
    handed_on: int
    planned: int
    done: int
    percent: float


class CoveredFile(_Counted):
    file: str
    missing: str
    unplanned: str
    reasons: dict[str, str]


class CoveredTotal(_Counted):
    missing: int
    unplanned: int


class Coverage(_Shape):
    """`planagent coverage`."""

    read_by: str
    plan: bool
    files: list[CoveredFile]
    total: CoveredTotal


class ReadyTask(_Shape):
    id: str
    title: str
    file: str
    parallel: bool


class Need(_Shape):
    id: str
    title: str
    file: str
    done: bool
    gives: list[str]


class Row(_Shape):
    label: str
    lines: list[str]


class Item(_Shape):
    number: str
    title: str
    section: str
    rows: list[Row]


class SectionRules(_Shape):
    section: int
    title: str
    lines: list[str]


class PageRuling(_Shape):
    id: str
    title: str
    found: str
    rule: str
    by: Literal["a person", "default"]
    waits: bool


class Passage(_Shape):
    source: str
    text: str


class TaskPage(_Shape):
    id: str
    title: str
    file: str
    phase: str
    done: bool
    condition: str
    needs: list[Need]
    open_needs: list[str]
    covers: list[str]
    conventions: list[str]
    gives: list[str]
    steps: list[str]
    done_when: str
    items: list[Item]
    rules: list[SectionRules]
    place: list[Item]
    rulings: list[PageRuling]
    passages: list[Passage]
    changed: list[str]


class Next(_Shape):
    """`planagent next`."""

    plan: str
    current: bool
    done: int
    total: int
    ready: list[ReadyTask]
    task: TaskPage | None


class PhaseProgress(_Shape):
    phase: str
    done: int
    total: int


class Progress(_Shape):
    """`planagent progress`."""

    plan: str
    done: int
    total: int
    phases: list[PhaseProgress]
    ready: list[ReadyTask]
    waiting: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    forced: list[dict[str, Any]]
    confirm: list[dict[str, Any]]


class Named(_Shape):
    id: str
    title: str


class OldNew(_Shape):
    old: list[str]
    new: list[str]


class Change(_Shape):
    id: str
    title: str
    done: bool
    fields: dict[str, OldNew]
    tasks: list[str]


class RulingChanges(_Shape):
    added: list[Named]
    removed: list[Named]
    changed: list[Change]


class Diff(_Shape):
    """`planagent diff`."""

    added: list[Named]
    removed: list[Named]
    changed: list[Change]
    moved: list[str]
    same: int
    rulings: RulingChanges
    items: list[Change]
    redo: list[str]


class Ticked(_Shape):
    """`planagent done`."""

    plan: str
    done: list[str] = []
    reopened: list[str] = []
    already: list[str]
    warnings: list[str]
    ready: list[str]


class Decided(_Shape):
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
    file: str


class OpenBrief(_Shape):
    id: str
    kind: str
    parts: int
    tokens: int
    findings: int


class Briefs(_Shape):
    """`planagent brief`."""

    stage: str
    open: list[OpenBrief]
    answered: list[dict[str, Any]]
    model: str
    next: str


class Receipt(_Shape):
    """`planagent submit`."""

    id: str
    accepted: list[str]
    open: list[str]
    findings: list[PlanFinding]
    left_out: list[PlanFinding]
    whole: bool
    open_briefs: list[str]
    next: str


class Looked(_Shape):
    name: str
    told: str
    remedy: str
    code: int


class Doctor(_Shape):
    """`planagent doctor`."""

    checks: list[Looked]
    exit_code: int


class Reported(_Shape):
    """`planagent report`."""

    report: str
    bytes: int


OUTPUTS: dict[str, type[_Shape]] = {
    "error": Failed, "plan": Planned, "plan-fresh": Fresh, "plan-dry-run": Ahead, "status": Status, "check": Checked, "coverage": Coverage,
    "next": Next, "done": Ticked, "decide": Decided, "brief": Briefs, "submit": Receipt, "progress": Progress, "diff": Diff, "doctor": Doctor, "report": Reported,
}  # fmt: skip
