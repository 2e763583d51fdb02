"""The shapes of what commands that read specs and prove plans print."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planagent.outputs.shape import Shape


class CheckFinding(Shape):
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


class CheckedPlan(Shape):
    plan: str
    format: str
    tasks: int
    findings: int
    suppressed: int
    notes: list[str]


class Checked(Shape):
    """`planagent check`."""

    findings: list[CheckFinding]
    plans: list[CheckedPlan]


class Counted(Shape):
    units: int
    claimed: int
    dismissed: int
    handed_on: int
    planned: int
    done: int
    percent: float


class CoveredFile(Counted):
    file: str
    missing: str
    unplanned: str
    reasons: dict[str, str]


class CoveredTotal(Counted):
    missing: int
    unplanned: int


class Coverage(Shape):
    """`planagent coverage`."""

    read_by: str
    plan: bool
    files: list[CoveredFile]
    total: CoveredTotal


class RuleShape(Shape):
    code: str
    name: str
    severity: Literal["error", "warning"]
    plans: Literal["all", "own"]
    what: str
    why: str
    bad: str
    good: str
    fix: str
    family: str


class Rules(Shape):
    """`planagent rule`."""

    rules: list[RuleShape]


class Place(Shape):
    file: str
    line: int
    end: int


class Pair(Shape):
    name: str
    value: str


class StatementShape(Shape):
    key: str
    name: str
    says: str
    modality: str
    component: str
    feature: str
    labels: list[str]
    facts: list[Pair]
    left_out: list[str]
    by: str = Field(description="Who said it: formal, joined, model, rules or person.")
    evidence: list[Place]


class DocumentShape(Shape):
    path: str
    role: str
    why: str
    form: str
    feature: str
    component: str
    left_out: str
    units: int


class Conflict(Shape):
    message: str
    statements: list[str]


class KnownRuling(Shape):
    id: str
    key: str
    title: str
    found: str
    default: str
    answer: str
    waits: bool


class Conflicts(Shape):
    """`planagent facts --conflicts`."""

    conflicts: list[Conflict]
    rulings: list[KnownRuling] = Field(default_factory=list, description="Of the plan, where it is fresh.")


class Facts(Conflicts):
    """`planagent facts`."""

    workspace: str
    scope: str
    read_by: str
    roots: list[str]
    documents: list[DocumentShape]
    operations: list[StatementShape]
    records: list[StatementShape]
    settings: list[StatementShape]
    rules: list[StatementShape]
    qualities: list[StatementShape]
    technologies: list[StatementShape]
    integrations: list[StatementShape]
    layout: list[StatementShape]
    questions: list[StatementShape]
    passages: list[StatementShape]
    rejected: list[dict[str, str]]
    dismissed_doubtful: list[dict[str, str]]
    warnings: list[str]
    secrets: list[dict[str, Any]]
