"""The stages of a session, each made from what the one before gave: what is asked, and what becomes of the answers.

Each is a generator that asks for the records of a brief's stage and is sent them, whoever gets them: a run that asks a model, or a desk that
looks at what was handed in.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from planagent.briefs.brief import Record, Stage, fingerprint
from planagent.briefs.decide import DecideStage, Group, groups_of, material_of
from planagent.briefs.decision import Decision, Folder, Planned, Ruled, merged
from planagent.briefs.read import ReadStage
from planagent.briefs.write import WriteStage
from planagent.errors import NoBackendError, UsageError
from planagent.model import have
from planagent.plan.plan import OWN, TITLE, Plan, Traced
from planagent.running import Run
from planagent.statements.merge import assemble
from planagent.statements.orders import Orders
from planagent.statements.override import overridden
from planagent.statements.proof import open_units
from planagent.statements.statement import Reading, slug

Steps = Generator[tuple[Run, Stage, bool], dict[str, Record], None]
"""Asks for all parts of a stage, and whether each has to be answered."""

if TYPE_CHECKING:
    from planagent.pipeline import Session

_NUMBER = re.compile(r"\((T\d{3,}|[DGRP]\d+)\)")
FORMER = "reading"
"""The ledger's note on what was read last, by passage: keys of edited passages are kept."""
DECIDED = "decided"
"""The ledger's note on who decided last, asked with which words."""
_DECISION = "decision"
"""The ledger's note on what was decided last: where statements change before there is a plan, it is the decision to change."""
_WRITTEN = "written"
"""The ledger's note on what was written last, by task: one that is asked for again may keep its text."""
_KEYS = 4
"""Of one text that are noted: it is mended a few times at most before it is asked for anew."""
_REOPENED = 2
"""So often is a reading asked for again where an edit took an account away."""
_BACKEND = ("operation", "record", "setting", "rule", "integration")


# -- reading ------------------------------------------------------------------------------------


def read_stage(session: Session) -> ReadStage:
    run = session.runs["read"]
    return ReadStage(have(session.corpus), run.ledger.noted(FORMER))


def reading(session: Session) -> Steps:
    """The reading of the session's corpus, whole or not at all.

    Raises:
        NoBackendError: nothing in it is for a backend to do.
        UsageError: a scope in words, and nobody who reads words.
    """
    stage, run = read_stage(session), session.runs["read"]
    if run.by_rule and stage.corpus.scope:
        raise UsageError(
            f"The rules cannot tell what belongs to the scope “{stage.corpus.scope}”: they read no words.",
            "Name a feature folder (--feature), choose files (`exclude` in planagent.toml), or let a model read.",
        )
    records = yield run, stage, True
    found = reading_of(session, stage, records)
    for _ in range(_REOPENED):
        reopened = _reopened(stage, found, records)
        if not reopened:
            break
        # A unit that was claimed together with one of another passage, which has been edited since.
        run.keep(stage, [p for p in stage.parts if p.key in reopened], reopened)
        records = yield run, stage, True
        found = reading_of(session, stage, records)
    run.ledger.note(FORMER, former_of(stage, found))
    require_backend(session, found)
    session.reading = found


def reading_of(session: Session, stage: ReadStage, records: Mapping[str, Record]) -> Reading:
    """What the records say, with a person's corrections."""
    statements, dismissed = stage.statements(records)
    rejected = [(str(n), str(w)) for r in records.values() for n, w in r.get("rejected", ())]
    reading = assemble(stage.corpus, statements, dismissed, rejected)
    return overridden(stage.corpus, reading, session.settings.overrides)


def _reopened(stage: ReadStage, reading: Reading, records: Mapping[str, Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    missing = set(open_units(stage.corpus, reading))
    for part in stage.parts:
        positions = [i for i, ref in enumerate(part.payload.refs) if ref in missing]
        if positions and part.key in records:
            record = records[part.key]
            refused = [i for i in record.get("refused", ()) if i not in positions]
            found[part.key] = record | {"open": sorted({*record["open"], *positions}), "refused": refused}
    return found


def former_of(stage: ReadStage, reading: Reading) -> dict[str, Record]:
    """What is noted of a reading for the next one: the keys of each passage's statements, beside what they say."""
    passages = {ref: p.key for p in stage.parts for ref in p.payload.refs}
    found: dict[str, Record] = {}
    for s in reading.statements:
        home = next((passages[ref] for ref in s.units if ref in passages), "")
        if home:
            told = {"key": s.key, "kind": s.kind, "name": s.name, "says": s.says}
            found.setdefault(home, {"statements": []})["statements"].append(told)
    return found


def require_backend(session: Session, reading: Reading) -> None:
    """
    Raises:
        NoBackendError: nothing that was read binds a backend.
    """
    by_rule = session.runs["read"].by_rule
    if any(s.binds and (s.kind in _BACKEND or (s.kind == "passage" and not by_rule)) for s in reading.statements):
        return
    corpus = have(session.corpus)
    looked = ", ".join(d.path for d in corpus.read[:8])
    raise NoBackendError(
        f"{corpus.name}: the specs ask nothing of a backend. Read: {looked}{' and more' if len(corpus.read) > 8 else ''}.",
        "By rule nothing was found there but sentences: no operation, no contract, no name of what runs on a server. If there is a backend "
        "in them, let a model read."
        if by_rule
        else "`planagent coverage --dismissed` lists what was dismissed and why; [[overrides]] in planagent.toml claims a line in spite of that.",
    )


# -- deciding -----------------------------------------------------------------------------------


def decide_stage(session: Session) -> DecideStage:
    from planagent.checking.code import verbatim_of
    from planagent.checking.wording import judge

    reading, corpus = have(session.reading), have(session.corpus)
    verbatim = verbatim_of(d.text for d in corpus.read)
    former, materials = _former_decision(session)
    groups = groups_of(reading, former, materials, _former_texts(session) if former else {})
    return DecideStage(
        corpus, reading, groups, session.settings.decisions, partial(judge, verbatim=verbatim, orders=Orders.of_reading(corpus, reading))
    )


def _former_decision(session: Session) -> tuple[Decision | None, dict[str, str]]:
    """What was decided last, with the material of each statement: by the plan, where what a person changed in it counts, else by what the ledger
    notes of a plan that is not published yet. The rules decide the same from the same statements."""
    run = session.runs["decide"]
    if run.by_rule:
        return None, {}
    if session.previous:
        return decision_of(session.previous), {t.key: _material(t) for t in session.previous.statements}
    noted = run.ledger.noted(_DECISION)
    return (Decision.of(noted["decision"]), dict(noted["materials"])) if noted else (None, {})


def _former_texts(session: Session) -> dict[str, str]:
    """What the statements of the last plan said, by their keys."""
    statements = session.previous.statements if session.previous else ()
    return {t.key: "\n".join((t.says, t.name, *t.facts)) for t in statements}


def note_decision(session: Session, decision: Decision) -> None:
    run = session.runs["decide"]
    if not run.by_rule:
        materials = {s.key: material_of(s) for s in have(session.reading).statements}
        run.ledger.note(_DECISION, {"decision": decision.as_record(), "materials": materials})


def _material(traced: Traced) -> str:
    from planagent.checking.account import bare

    return material_of(bare(traced))


def _keep_standing(session: Session, run: Run, stage: DecideStage) -> None:
    """What was decided and stands is known without asking; a person's new answer, a new prompt or another model may change it."""
    before = {r.topic: r.answer for r in session.previous.rulings if r.answer} if session.previous else {}
    now = {k: " ".join(v.split()) for k, v in session.settings.decisions.items()}
    same = before == now and run.ledger.noted(DECIDED) == _decided_by(run, stage)
    standing = stage.standing() if same else {}
    known = run.recall(stage) if standing else {}
    run.keep(stage, [p for p in stage.parts if p.key not in known], standing)


def _decided_by(run: Run, stage: DecideStage) -> dict[str, str]:
    return {"by": fingerprint([run.model.identity, stage.words])}


def deciding(session: Session) -> Steps:
    """The decision over all statements; of a large corpus group by group, and then over what the groups decided."""
    stage, run = decide_stage(session), session.runs["decide"]
    _keep_standing(session, run, stage)
    session.decision = decided(stage, (yield run, stage, True))
    run.ledger.note(DECIDED, _decided_by(run, stage))
    if len(stage.groups) > 1:
        over = over_stage(stage, session.decision)
        session.decision = decided(over, (yield run, over, True))
    note_decision(session, session.decision)


def decided(stage: DecideStage, records: Mapping[str, Record]) -> Decision:
    return merged([(slug(g.key, 24), Decision.of(records[g.key]["decision"])) for g in stage.groups])


def over_stage(stage: DecideStage, decision: Decision) -> DecideStage:
    """The stage that makes one decision of several."""
    group = Group("over all", stage.reading.statements, decision, over=True)
    return DecideStage(stage.corpus, stage.reading, (group,), stage.answers, stage.judge)


def decision_of(plan: Plan) -> Decision:
    """What a plan was made from, as far as the plan says it: what a person changed in the file counts."""
    topics = {r.id: r.topic for r in plan.rulings}
    keys = {t.id: t.key for t in plan.tasks}
    named = {**topics, **keys}

    def told(text: str) -> str:
        """With keys for numbers, as whoever decides and writes refers to them."""
        return _NUMBER.sub(lambda m: f"[{named[m[1]]}]" if m[1] in named else m[0], text)

    kinds = {"D": "decision", "G": "gap", "R": "trap", "P": "prerequisite"}
    layout = tuple(
        Folder(i.title.strip("`"), next((line for r in i.rows if r.label == "Purpose" for line in r.lines), ""),
               tuple(f.strip("` ") for r in i.rows if r.label == "Files" for line in r.lines for f in line.split(", ")))
        for s in plan.sections if s.number == 1 for i in s.items if i.key.startswith("folder.")
    )  # fmt: skip
    rulings = tuple(
        Ruled(r.topic, kinds[r.letter], told(r.title), told(r.statement), told(r.default), told(r.why), r.options, r.waits, r.about)
        for r in plan.rulings
        if not r.topic.startswith(OWN)
    )
    tasks = []
    for task in (t for t in plan.tasks if not t.key.startswith(OWN)):
        ruling, _, answer = task.condition.partition(": ")
        condition = f"{topics[ruling]}: {answer}" if ruling in topics else ""
        tasks.append(
            Planned(
                task.key, task.section, told(task.title), task.file, task.phase, tuple(keys[n] for n in task.needs if n in keys), task.covers, task.gives,
                tuple(topics[r] for r in task.rulings if r in topics), tuple(keys[p] for p in task.proves if p in keys), condition,
            )
        )  # fmt: skip
    return Decision(
        tuple(map(told, plan.approach)),
        tuple(map(told, plan.conventions)),
        layout,
        rulings,
        tuple(tasks),
        plan.withdrawn,
        plan.excluded,
        plan.title.removeprefix(TITLE).lstrip(": "),
    )


# -- writing ------------------------------------------------------------------------------------


def write_stage(
    session: Session, notes: Mapping[str, tuple[str, ...]] | None = None, decision: Decision | None = None, share: float = 1.0
) -> WriteStage:
    """
    Args:
        decision: one that is not whole yet, for the session's own; `share` of what is to be covered it covers.
    """
    from planagent.checking.check import DraftJudge

    corpus, reading, decision = have(session.corpus), have(session.reading), decision or have(session.decision)
    answers = session.settings.decisions
    gone = decision.gone()
    statements = {s.key: s for s in reading.statements if s.key not in gone}
    # Made once it is needed: the stage is asked for its statements and its head as well.
    made = cache(lambda: DraftJudge.of(corpus, reading, decision, answers.values()))
    noted = session.runs["write"].ledger.noted(_WRITTEN)
    texts = session.written or {k: v["text"] for k, v in noted.items() if "text" in v}
    return WriteStage(corpus, decision, statements, answers, notes or {}, lambda one, told: made()(one, told), texts, share)


def writing(session: Session) -> Steps:
    """The texts of all tasks."""
    stage = write_stage(session)
    session.written = yield session.runs["write"], stage, True
    note_written(session, stage, session.written)


def note_written(session: Session, first: WriteStage, written: Mapping[str, Record], *, mended: bool = False) -> None:
    """Notes the last text of each task, with the keys under which its first one was asked for: a text that was mended counts for more than
    the first until that is asked for anew.

    Args:
        first: the stage without notes of a review.
    """
    run = session.runs["write"]
    if run.by_rule:
        return
    noted = run.ledger.noted(_WRITTEN)
    last: dict[str, Record] = {}
    for part in (p for p in first.parts if p.key in written):
        key, before = run.key(first, part), noted.get(part.key, {})
        known = list(before.get("keys", ()))
        if mended:  # what is mended together with a ruling has another key, and is still the text of the first
            last[part.key] = {"keys": [*(k for k in known if k != key), key][-_KEYS:], "text": written[part.key]}
        else:
            last[part.key] = before if key in known else {"keys": [key], "text": written[part.key]}
    run.ledger.note(_WRITTEN, last)
