"""What is known of a corpus without asking anybody: from a fresh plan, from kept answers, else from the rules."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from planagent.choosing import make_rules, open_runs
from planagent.model import Corpus, have
from planagent.pipeline import Session, find
from planagent.plan.plan import Plan
from planagent.settings import Settings
from planagent.stages import read_stage, reading_of
from planagent.statements.merge import assemble
from planagent.statements.override import overridden
from planagent.statements.statement import Dismissal, Reading

_ROUNDS = 2
"""What looks binding and is dismissed is asked for twice, whoever answers."""


@dataclass(frozen=True)
class Known:
    """`by` says who read: the plan's writer, kept answers, or the rules."""

    corpus: Corpus
    reading: Reading
    by: str
    plan: Plan | None = field(default=None)
    fresh: bool = False
    """The plan is that of these specs."""


def known_of(settings: Settings) -> Known:
    """
    Raises:
        CorpusError: the specs cannot be read.
        UsageError: what stands in the place of the plan is none.
    """
    session = Session(settings)
    find(session)
    corpus, plan = have(session.corpus), session.previous
    if plan is not None and plan.state == session.state:
        from planagent.checking.account import reading_of as carried

        reading, _ = carried(plan, corpus)
        return Known(corpus, reading, plan.writer, plan, fresh=True)
    for host in (False, True):
        session = Session(settings, host=host)
        find(session)
        open_runs(session, ask=False)
        stage, run = read_stage(session), session.runs["read"]
        records = run.recall(stage)
        run.ledger.close()
        if not run.by_rule and stage.parts and all(p.key in records and stage.whole(p, records[p.key]) for p in stage.parts):
            return Known(corpus, reading_of(session, stage, records), f"{run.model.name}, kept answers", plan)
    by = make_rules().name
    if plan is not None and plan.units and plan.writer != by:
        return Known(corpus, carried_over(plan, corpus), f"{plan.writer}; what is new since has no reader yet", plan)
    return Known(corpus, overridden(corpus, read_by_rule(corpus), settings.overrides), by, plan)


def carried_over(plan: Plan, corpus: Corpus) -> Reading:
    """What a plan's reading says of specs that have changed since: of lines with other words it says nothing."""
    from planagent.checking.account import bare
    from planagent.plan.changes import Changes

    changes = Changes.of(plan, corpus)
    statements = (replace(bare(t), units=changes.now(t.units)) for t in plan.statements)
    dismissed = (Dismissal(why, changes.now([f"{a.path} {runs}"]), of) for a in plan.accounts for runs, why, of in a.dismissed)
    return Reading(tuple(s for s in statements if s.units), tuple(d for d in dismissed if d.units))


def read_by_rule(corpus: Corpus) -> Reading:
    """What the rules make of a corpus; nothing is kept of it."""
    from planagent.briefs.brief import Record, pack
    from planagent.briefs.read import ReadStage

    stage, rules = ReadStage(corpus), make_rules()
    records: dict[str, Record] = {}
    for _ in range(_ROUNDS):
        wanted = [p for p in stage.parts if p.key not in records or not stage.whole(p, records[p.key])]
        for batch in pack(wanted, rules.shape.room(stage.kind)):
            answer = asyncio.run(rules.answer(stage.brief(batch, records, rules.shape)))
            records |= stage.accept(batch, answer.value, records, by_rule=True).records
    return assemble(corpus, *stage.statements(records))
