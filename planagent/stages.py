"""The four stages of a session, each made from what the one before gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from planagent.briefs.brief import Record, Stage, fingerprint
from planagent.briefs.decide import FEW, DecideStage, Group, groups_of, line, material_of
from planagent.briefs.decision import Decision, Folder, Planned, Ruled, merged, ruling_name
from planagent.briefs.read import ReadStage
from planagent.briefs.review import ReviewStage, chapters_of, notes_of
from planagent.briefs.write import WriteStage, texts_of
from planagent.errors import NoBackendError
from planagent.plan.plan import OWN, TITLE, Plan, Traced
from planagent.running import Run, run_stage
from planagent.statements.merge import assemble
from planagent.statements.override import overridden
from planagent.statements.proof import open_units
from planagent.statements.statement import Reading, slug

T = TypeVar("T")

if TYPE_CHECKING:
    from planagent.pipeline import Session

_FORMER = "reading"
"""The ledger's note on what was read last, by passage: keys of edited passages are kept."""
_DECIDED = "decided"
"""The ledger's note on who decided last, asked with which words."""
_REVIEWED = "reviewed"
"""The ledger's note on what reviewers said of which text, by task."""
_DECISION = "decision"
"""The ledger's note on what was decided last: where statements change before there is a plan, it is the decision to change."""
_WRITTEN = "written"
"""The ledger's note on what was written last, by task: one that is asked for again may keep its text."""
_ROUNDS = 2
"""So often is mended what reviewers say, and what stands in a plan twice."""
_CHAPTER = 9_000
"""Tokens of a plan that one reviewer reads."""
_BACKEND = ("operation", "record", "setting", "rule", "integration")


# -- reading ------------------------------------------------------------------------------------


def read_stage(session: Session) -> ReadStage:
    run = session.runs["read"]
    return ReadStage(_have(session.corpus), run.ledger.noted(_FORMER))


async def read_corpus(session: Session) -> Reading:
    """The reading of the session's corpus, whole or not at all.

    Raises:
        NoBackendError: nothing in it is for a backend to do.
        FindingsError, ModelError: see `run_stage`.
    """
    stage, run = read_stage(session), session.runs["read"]
    records = await run_stage(run, stage)
    reading = reading_of(session, stage, records)
    for _ in range(2):
        reopened = _reopened(stage, reading, records)
        if not reopened:
            break
        # A unit that was claimed together with one of another passage, which has been edited since.
        run.keep(stage, [p for p in stage.parts if p.key in reopened], reopened)
        records = await run_stage(run, stage)
        reading = reading_of(session, stage, records)
    run.ledger.note(_FORMER, former_of(stage, reading))
    require_backend(session, reading)
    return reading


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
            found[part.key] = record | {"open": sorted({*record["open"], *positions})}
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
    corpus = _have(session.corpus)
    looked = ", ".join(d.path for d in corpus.read[:8])
    raise NoBackendError(
        f"{corpus.name}: the specs ask nothing of a backend. Read: {looked}{' and more' if len(corpus.read) > 8 else ''}.",
        "If that is wrong, let a model read."
        if by_rule
        else "`planagent coverage --dismissed` lists what was dismissed and why; [[overrides]] in planagent.toml claims a line in spite of that.",
    )


# -- deciding -----------------------------------------------------------------------------------


def decide_stage(session: Session) -> DecideStage:
    from planagent.checking.code import verbatim_of
    from planagent.checking.wording import judge

    reading, corpus = _have(session.reading), _have(session.corpus)
    verbatim = verbatim_of(d.text for d in corpus.read)
    former, materials = _former_decision(session)
    groups = groups_of(reading, former, materials)
    return DecideStage(corpus, reading, groups, session.settings.decisions, partial(judge, verbatim=verbatim))


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


def _note_decision(session: Session, decision: Decision) -> None:
    run = session.runs["decide"]
    if not run.by_rule:
        materials = {s.key: material_of(s) for s in _have(session.reading).statements}
        run.ledger.note(_DECISION, {"decision": decision.as_record(), "materials": materials})


def _material(traced: Traced) -> str:
    from planagent.checking.account import bare

    return material_of(bare(traced))


def _keep_standing(session: Session, run: Run, stage: DecideStage) -> None:
    """What was decided and stands is known without asking; a person's new answer, a new prompt or another model may change it."""
    before = {r.topic: r.answer for r in session.previous.rulings if r.answer} if session.previous else {}
    now = {k: " ".join(v.split()) for k, v in session.settings.decisions.items()}
    same = before == now and run.ledger.noted(_DECIDED) == _decided_by(run, stage)
    standing = stage.standing() if same else {}
    known = run.recall(stage) if standing else {}
    run.keep(stage, [p for p in stage.parts if p.key not in known], standing)


def _decided_by(run: Run, stage: DecideStage) -> dict[str, str]:
    return {"by": fingerprint([run.model.identity, stage.words])}


async def decide_plan(session: Session) -> Decision:
    """The decision over all statements; of a large corpus group by group, and then over what the groups decided."""
    stage, run = decide_stage(session), session.runs["decide"]
    _keep_standing(session, run, stage)
    records = await run_stage(run, stage)
    decision = decided(stage, records)
    run.ledger.note(_DECIDED, _decided_by(run, stage))
    if len(stage.groups) > 1:
        over = over_stage(stage, decision)
        decision = decided(over, await run_stage(run, over))
    _note_decision(session, decision)
    return decision


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
    kinds = {"D": "decision", "G": "gap", "R": "trap", "P": "prerequisite"}
    layout = tuple(
        Folder(i.title.strip("`"), next((line for r in i.rows if r.label == "Purpose" for line in r.lines), ""),
               tuple(f.strip("` ") for r in i.rows if r.label == "Files" for line in r.lines for f in line.split(", ")))
        for s in plan.sections if s.number == 1 for i in s.items if i.key.startswith("folder.")
    )  # fmt: skip
    rulings = tuple(
        Ruled(r.topic, kinds[r.letter], r.title, r.statement, r.default, r.why, r.options, r.waits, r.about)
        for r in plan.rulings
        if not r.topic.startswith(OWN)
    )
    tasks = []
    for task in (t for t in plan.tasks if not t.key.startswith(OWN)):
        ruling, _, answer = task.condition.partition(": ")
        condition = f"{topics[ruling]}: {answer}" if ruling in topics else ""
        tasks.append(
            Planned(
                task.key, task.section, task.title, task.file, task.phase, tuple(keys[n] for n in task.needs if n in keys), task.covers, task.gives,
                tuple(topics[r] for r in task.rulings if r in topics), tuple(keys[p] for p in task.proves if p in keys), condition,
            )
        )  # fmt: skip
    return Decision(
        plan.approach,
        plan.conventions,
        layout,
        rulings,
        tuple(tasks),
        plan.withdrawn,
        plan.excluded,
        plan.title.removeprefix(TITLE).lstrip(": "),
    )


# -- writing ------------------------------------------------------------------------------------


def write_stage(session: Session, notes: Mapping[str, tuple[str, ...]] | None = None) -> WriteStage:
    from planagent.checking.check import DraftJudge

    corpus, reading, decision = _have(session.corpus), _have(session.reading), _have(session.decision)
    answers = session.settings.decisions
    gone = decision.gone()
    statements = {s.key: s for s in reading.statements if s.key not in gone}
    judge = DraftJudge.of(corpus, reading, decision, answers.values())
    noted = session.runs["write"].ledger.noted(_WRITTEN)
    texts = session.written or {k: v["text"] for k, v in noted.items() if "text" in v}
    return WriteStage(corpus, decision, statements, answers, notes or {}, judge, texts)


async def write_plan(session: Session) -> dict[str, Record]:
    stage = write_stage(session)
    written = await run_stage(session.runs["write"], stage)
    _note_written(session, stage, written)
    return written


def _note_written(session: Session, first: WriteStage, written: Mapping[str, Record], *, mended: bool = False) -> None:
    """Notes the last text of each task, with the key of its first one: a text that was mended counts for more than the first until that is asked
    for anew.

    Args:
        first: the stage without notes of a review.
    """
    run = session.runs["write"]
    if run.by_rule:
        return
    noted = run.ledger.noted(_WRITTEN)
    keys = {p.key: run.key(first, p) for p in first.parts}
    last = {
        k: noted[k] if not mended and noted.get(k, {}).get("key") == keys[k] else {"key": keys[k], "text": text}
        for k, text in written.items() if k in keys
    }  # fmt: skip
    run.ledger.note(_WRITTEN, last)


# -- reviewing ----------------------------------------------------------------------------------


def review_stage(session: Session) -> ReviewStage:
    """What no reviewer has seen. A few new texts beside a reviewed plan wait for more: one change costs no review."""
    known = _reviews(session)
    fresh = [t for t in _tasks(session) if known.get(t[0], {}).get("of") != fingerprint(t[2:])]
    if known and len(fresh) <= FEW:
        fresh = []
    return ReviewStage(write_stage(session).common, tuple(chapters_of(fresh, _CHAPTER)), tuple(_decided_parts(session)))


def _decided_parts(session: Session) -> dict[str, object]:
    """What is decided, by the name that a review gives it."""
    decision = _have(session.decision)
    found: dict[str, object] = {ruling_name(r.key): asdict(r) for r in decision.rulings}
    return found | {
        "approach": decision.approach,
        "conventions": decision.conventions,
        "layout": [asdict(f) for f in decision.layout],
        "tasks": [(t.key, t.needs) for t in decision.tasks],
    }


def _reviews(session: Session) -> Mapping[str, Record]:
    """What was reviewed, by name: what it is of, and what was said; nothing once the reviewer's prompt is another."""
    noted = session.runs["review"].ledger.noted(_REVIEWED)
    found: Mapping[str, Record] = noted.get("of", {}) if noted.get("words") == ReviewStage("", ()).words else {}
    return found


def reviewed(session: Session, stage: ReviewStage, records: Mapping[str, Record]) -> dict[str, tuple[str, ...]]:
    """What reviewers said of texts and rulings as they are, by name, now and before; it is noted for the next time."""
    known = _reviews(session)
    seen = {t for c in stage.chapters if c.key in records for t in c.tasks}
    said = notes_of(records)
    found: dict[str, Record] = {}
    texts = [(t[0], fingerprint(t[2:]), t[0] in seen) for t in _tasks(session)]
    texts += [(name, fingerprint(told), name in said) for name, told in _decided_parts(session).items()]
    for name, of, read_now in texts:
        if read_now:
            found[name] = {"of": of, "notes": list(said.get(name, ()))}
        elif known.get(name, {}).get("of") == of:
            found[name] = known[name]
    if found != known:
        session.runs["review"].ledger.note(_REVIEWED, {"words": stage.words, "of": found})
    return {key: tuple(f["notes"]) for key, f in found.items() if f["notes"]}


def settled_reviews(session: Session) -> Record:
    """The note of a review whose points are mended: every text as it is now is reviewed, and nothing is said of it. Empty without a review."""
    if not _reviews(session):
        return {}
    texts = {t[0]: fingerprint(t[2:]) for t in _tasks(session)} | {n: fingerprint(d) for n, d in _decided_parts(session).items()}
    return {"words": ReviewStage("", ()).words, "of": {n: {"of": of, "notes": []} for n, of in texts.items()}}


def _tasks(session: Session) -> Iterator[tuple[str, str, str, str]]:
    """Key, group, text and statements of each task, as a reviewer sees it."""
    statements = write_stage(session).statements
    for task in _have(session.decision).tasks:
        record = session.written[task.key]
        lines = [
            f"## {task.key}: {task.title}",
            *(f"{n}. {s}" for n, s in enumerate(record["steps"], 1)),
            f"Done when: {record['done_when']}",
        ]
        for item in record["items"]:
            lines.append(f"- {item['title']}")
            lines += [f"  - {name}: {'; '.join(v)}" for name, v in item.items() if isinstance(v, list) and v and name != "covers"]
        specs = "\n".join(line(statements[c], ()) for c in task.covers if c in statements)
        yield task.key, str(task.section), "\n".join(lines), specs


async def review_plan(session: Session) -> None:
    """One review, and a repair of what it found. A review that nobody could give is no failure of the plan."""
    run = session.runs["review"]
    if session.settings.review == "off" or run.by_rule or run.model.shape.small:
        return
    stage = review_stage(session)
    notes = reviewed(session, stage, await run_stage(run, stage, required=session.host))
    session.points = sum(len(n) for n in notes.values())
    before = _have(session.decision)
    ruled = mend_stage(session, notes)
    if ruled:
        records = await run_stage(session.runs["decide"], ruled, required=session.host)
        session.decision = decided(ruled, records) if records else before
        _note_decision(session, session.decision)
    for mending in _mendings(session, notes):
        mended = await run_stage(session.runs["write"], mending, required=session.host)
        if all(t.key in mended for t in _have(session.decision).tasks):
            session.written = mended
        elif session.decision == before:
            session.written = session.written | mended
        else:
            session.decision = before  # texts that rest on other rulings than the plan's would contradict it
            _note_decision(session, before)
            return
        _note_written(session, write_stage(session), session.written, mended=True)


def _mendings(session: Session, notes: Mapping[str, tuple[str, ...]]) -> Iterator[WriteStage]:
    """What is to be written again: what reviewers spoke of, and what stands at two places; again while mending leaves such places."""
    told = {k: n for k, n in notes.items() if k in {t.key for t in _have(session.decision).tasks}}
    mended = mend_stage(session, notes) is not None
    for number in range(_ROUNDS):
        said_twice = repeated(session)
        if number and not said_twice:
            return
        told = {k: (*told.get(k, ()), *said_twice.get(k, ())) for k in {**told, **said_twice}}
        if told or mended:
            yield write_stage(session, told)


def repeated(session: Session) -> dict[str, tuple[str, ...]]:
    """What stands at two places of the texts, by the key of the task that says it later. No reader is needed to see it."""
    from planagent.checking.repetition import check_repeated
    from planagent.checking.units import Unit

    titles = {t.key: t.title for t in _have(session.decision).tasks}
    units = (
        Unit(f"{key}, {place}", key, "item", told)
        for key in titles
        if key in session.written
        for place, told in texts_of(session.written[key])
    )
    found: dict[str, tuple[str, ...]] = {}
    for finding in check_repeated(units):
        found[finding.key] = (*found.get(finding.key, ()), f"repeated: {finding.place}: {finding.message}. Mend: {finding.remedy}")
    return found


def mend_stage(session: Session, notes: Mapping[str, tuple[str, ...]]) -> DecideStage | None:
    """The stage that mends what reviewers said of what is decided; None where they said nothing of it."""
    decision, reading = _have(session.decision), _have(session.reading)
    mine = {name: notes[name] for name in _decided_parts(session) if name in notes}
    if not mine:
        return None
    group = Group("reviewed", reading.statements, decision, over=True, notes=mine)
    return replace(decide_stage(session), groups=(group,))


def stages(session: Session) -> Iterator[tuple[Run, Stage]]:
    """The stages of a session as far as they can be known, for whoever is asked from outside: the next comes when the one
    before is whole."""
    run = session.runs["read"]
    reading_stage = read_stage(session)
    yield run, reading_stage
    records = run.recall(reading_stage)
    session.reading = reading_of(session, reading_stage, records)
    reopened = _reopened(reading_stage, session.reading, records)
    if reopened:
        run.keep(reading_stage, [p for p in reading_stage.parts if p.key in reopened], reopened)
        yield run, reading_stage
        session.reading = reading_of(session, reading_stage, run.recall(reading_stage))
    run.ledger.note(_FORMER, former_of(reading_stage, session.reading))
    require_backend(session, session.reading)
    run, stage = session.runs["decide"], decide_stage(session)
    _keep_standing(session, run, stage)
    yield run, stage
    session.decision = decided(stage, run.recall(stage))
    run.ledger.note(_DECIDED, _decided_by(run, stage))
    if len(stage.groups) > 1:
        over = over_stage(stage, session.decision)
        yield run, over
        session.decision = decided(over, run.recall(over))
    _note_decision(session, session.decision)
    run, writing = session.runs["write"], write_stage(session)
    yield run, writing
    session.written = run.recall(writing)
    _note_written(session, writing, session.written)
    if session.settings.review == "off":
        return
    run, reviewing = session.runs["review"], review_stage(session)
    yield run, reviewing
    notes = reviewed(session, reviewing, run.recall(reviewing))
    ruled = mend_stage(session, notes)
    if ruled:
        run = session.runs["decide"]
        yield run, ruled
        session.decision = decided(ruled, run.recall(ruled))
        _note_decision(session, session.decision)
    run = session.runs["write"]
    for mending in _mendings(session, notes):
        yield run, mending
        session.written = run.recall(mending)
        _note_written(session, write_stage(session), session.written, mended=True)


def _have(value: T | None) -> T:
    assert value is not None, "the stages come in order"  # noqa: S101
    return value
