"""What a run would cost, without a call: exact for the stage that is next, estimated for those that follow from its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planagent import tokens
from planagent.briefs.brief import Part, Stage, pack
from planagent.choosing import open_runs
from planagent.models.budget import BATCH_PRICE
from planagent.models.protocol import Usage
from planagent.plan.sections import budget
from planagent.reviewing import stages
from planagent.running import Run
from planagent.stages import read_stage

if TYPE_CHECKING:
    from planagent.pipeline import Session

_READ_SHARE = 0.6
"""Tokens of a reading's answer for each token that is read."""
_WORD = 1.4
"""Tokens of a word."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stage. `exact` is false where it depends on answers that nobody has given yet."""

    stage: str
    parts: int
    usage: Usage
    cost: float | None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would ask for, and US dollars where a price is known."""

    rows: tuple[Row, ...]

    @property
    def cost(self) -> float | None:
        costs = [r.cost for r in self.rows]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)


def forecast_plan(session: Session) -> Forecast:
    """The calls of a run by stage; repairs come on top."""
    from planagent.pipeline import find

    find(session)
    open_runs(session, ask=False)
    try:
        if session.runs["read"].by_rule and session.runs["write"].by_rule:
            return Forecast(())
        return Forecast(tuple(_rows(session)))
    finally:
        session.runs["read"].ledger.close()


def _rows(session: Session) -> Iterator[Row]:
    known_stages: set[str] = set()
    for run, stage in stages(session):
        known = run.recall(stage)
        wanted = [p for p in stage.parts if p.key not in known or not stage.whole(p, known[p.key])]
        known_stages.add(stage.kind)
        if wanted:
            yield _exact(session, run, stage, wanted)
            break
    else:
        return
    yield from _guessed(session, known_stages)


def _exact(session: Session, run: Run, stage: Stage, wanted: list[Part]) -> Row:
    usage = Usage()
    for index, batch in enumerate(pack(wanted, run.model.shape.room(stage.kind))):
        brief = stage.brief(batch, {}, run.model.shape)
        head = tokens.count(brief.system) + tokens.count(brief.common)
        read = tokens.count(brief.request)
        out = (
            round(_READ_SHARE * read)
            if stage.kind == "read"
            else sum(p.payload.words for p in batch) * 2
            if stage.kind == "write"
            else brief.max_tokens // 3
        )
        usage.add(Usage(1, head + read, head if index else 0, min(out, brief.max_tokens)))
    return Row(stage.kind, len(wanted), usage, _cost(session, run, usage))


def _cost(session: Session, run: Run, usage: Usage) -> float | None:
    """US dollars; a batch costs half."""
    cost = run.model.cost(usage)
    return cost * BATCH_PRICE if cost is not None and session.settings.batch else cost


def _guessed(session: Session, known: set[str]) -> Iterator[Row]:
    """The later stages, from the size of the specs alone."""
    stage = read_stage(session)
    size = sum(p.size for p in stage.parts)
    statements = max(1, size // 60)
    operations = sum(s.kind == "operation" for s in stage.candidates) or max(1, size // 900)

    @dataclass(frozen=True)
    class _Counted:
        kind: str

    words = budget([_Counted("operation")] * operations + [_Counted("rule")] * max(0, statements - operations))
    text = round(_WORD * words)
    guesses = {
        "decide": Usage(1, round(_READ_SHARE * size) + 2_500, 0, text // 2),
        "write": Usage(max(1, text // 3_000), size + text, text // 2, text),
        "review": Usage(max(1, text // 9_000), size + 2 * text, text // 3, text // 6),
    }
    for kind, usage in guesses.items():
        if kind in known or (kind == "review" and session.settings.review == "off"):
            continue
        run = session.runs[kind]
        if not run.by_rule:
            yield Row(kind, usage.calls, replace(usage), _cost(session, run, usage), exact=False)
