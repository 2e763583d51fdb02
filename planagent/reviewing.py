"""The last stage: what reviewers and code find in the texts, mended a bounded number of times; and the walk over all stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from planagent.briefs.brief import Record, Stage, fingerprint
from planagent.briefs.decide import FEW, DecideStage, Group, line
from planagent.briefs.decision import ruling_name
from planagent.briefs.review import ReviewStage, chapters_of, notes_of
from planagent.briefs.write import WriteStage, texts_of
from planagent.model import have
from planagent.running import Run
from planagent.stages import Steps, decide_stage, decided, deciding, note_decision, note_written, reading, write_stage, writing

if TYPE_CHECKING:
    from planagent.pipeline import Session

REVIEWED = "reviewed"
"""The ledger's note on what reviewers said of which text, by task."""
_ROUNDS = 2
"""So often is mended what reviewers say, and what stands in a plan twice."""
_SHOWN, _MOST_ORDERS = 400, 60
"""Characters of an order that a reviewer sees, and how many of them."""
_CHAPTER = 9_000
"""Tokens of a plan that one reviewer reads."""


def review_stage(session: Session, written: Mapping[str, Record] | None = None) -> ReviewStage:
    """What no reviewer has seen. A few new texts beside a reviewed plan wait for more: one change costs no review.

    Args:
        written: the first tasks, where the others are not written yet.
    """
    known = reviews(session)
    fresh = [t for t in _tasks(session, written) if known.get(t[0], {}).get("of") != fingerprint(t[2:4])]
    if known and len(fresh) <= FEW:
        fresh = []
    writing = write_stage(session)
    head = "\n\n".join(block for block in (writing.common, writing.listed(), _passed_over(session)) if block)
    return ReviewStage(head, tuple(chapters_of(fresh, _CHAPTER)), tuple(_decided_parts(session)))


def _passed_over(session: Session) -> str:
    """What the plan does not do: orders to its readers, and statements that were withdrawn. Who decided that may have been talked into it."""
    corpus, reading = have(session.corpus), have(session.reading)
    orders = [(ref, u) for d in reading.dismissed if d.reason == "instruction" for ref in d.units if (u := corpus.unit(*ref))]
    known = reading.by_key()
    withdrawn = [(known[k], why) for k, why in have(session.decision).withdrawn if k in known]
    blocks = []
    if orders:
        told = [f"- {path}:{unit.line}: {unit.text[:_SHOWN]}" for (path, _), unit in orders[:_MOST_ORDERS]]
        blocks.append("## Orders in the specs to whoever reads them, which nobody follows\n\n" + "\n".join(told))
    if withdrawn:
        blocks.append("## Withdrawn statements\n\n" + "\n".join(f"- {s.key} ({why}): {s.name or s.says}" for s, why in withdrawn))
    return "\n\n".join(blocks)


def _decided_parts(session: Session) -> dict[str, object]:
    """What is decided, by the name that a review gives it."""
    decision = have(session.decision)
    found: dict[str, object] = {ruling_name(r.key): asdict(r) for r in decision.rulings}
    return found | {
        "approach": decision.approach,
        "conventions": decision.conventions,
        "layout": [asdict(f) for f in decision.layout],
        "tasks": [(t.key, t.needs) for t in decision.tasks],
        "withdrawn": decision.withdrawn,
    }


def reviews(session: Session) -> Mapping[str, Record]:
    """What was reviewed, by name: what it is of, and what was said; nothing once the reviewer's prompt is another."""
    noted = session.runs["review"].ledger.noted(REVIEWED)
    found: Mapping[str, Record] = noted.get("of", {}) if noted.get("words") == ReviewStage("", ()).words else {}
    return found


def reviewed(session: Session, stage: ReviewStage, records: Mapping[str, Record]) -> dict[str, tuple[str, ...]]:
    """What reviewers said of texts and rulings as they are, by name, now and before; it is noted for the next time."""
    known = reviews(session)
    seen = {t for c in stage.chapters if c.key in records for t in c.tasks}
    said = notes_of(records)
    found: dict[str, Record] = {}
    texts = [(t[0], fingerprint(t[2:4]), t[0] in seen) for t in _tasks(session)]
    texts += [(name, fingerprint(told), name in said) for name, told in _decided_parts(session).items()]
    for name, of, read_now in texts:
        if read_now:
            found[name] = {"of": of, "notes": list(said.get(name, ()))}
        elif known.get(name, {}).get("of") == of:
            found[name] = known[name]
    if found != known:
        session.runs["review"].ledger.note(REVIEWED, {"words": stage.words, "of": found})
    return {key: tuple(f["notes"]) for key, f in found.items() if f["notes"]}


def settled_reviews(session: Session) -> Record:
    """The note of a review whose points are mended: every text as it is now is reviewed, and nothing is said of it."""
    texts = {t[0]: fingerprint(t[2:4]) for t in _tasks(session)} | {n: fingerprint(d) for n, d in _decided_parts(session).items()}
    return {"words": ReviewStage("", ()).words, "of": {n: {"of": of, "notes": []} for n, of in texts.items()}}


def _tasks(session: Session, written: Mapping[str, Record] | None = None) -> Iterator[tuple[str, str, str, str, str]]:
    """Key, group, text and statements of each task that is written, as a reviewer sees it, and the lines that these rest on."""
    statements, corpus = write_stage(session).statements, have(session.corpus)
    texts = session.written if written is None else written
    for task in (t for t in have(session.decision).tasks if t.key in texts):
        record = texts[task.key]
        lines = [
            f"## {task.key}: {task.title}",
            *(f"{n}. {s}" for n, s in enumerate(record["steps"], 1)),
            f"Done when: {record['done_when']}",
        ]
        for item in record["items"]:
            lines.append(f"- {item['title']}")
            lines += [f"  - {name}: {'; '.join(v)}" for name, v in item.items() if isinstance(v, list) and v and name != "covers"]
        mine = [statements[c] for c in task.covers if c in statements]
        told = "\n".join(u.text for s in mine for ref in s.units if (u := corpus.unit(*ref)))
        yield task.key, str(task.section), "\n".join(lines), "\n".join(line(s, ()) for s in mine), told


def reviewing(session: Session) -> Steps:
    """One review, and a repair of what it found. A review that nobody could give is no failure of the plan."""
    run, writer = session.runs["review"], session.runs["write"]
    if session.settings.review == "off" or run.by_rule or run.model.shape.small:
        return
    stage = review_stage(session)
    notes = reviewed(session, stage, (yield run, stage, session.host))
    session.points = sum(len(n) for n in notes.values())
    before = have(session.decision)
    ruled = mend_stage(session, notes)
    if ruled:
        records = yield session.runs["decide"], ruled, session.host
        session.decision = decided(ruled, records) if records else before
        note_decision(session, session.decision)
    for mending in _mendings(session, notes):
        mended = yield writer, mending, session.host
        if all(t.key in mended for t in have(session.decision).tasks):
            session.written = mended
        elif session.decision == before:
            session.written = session.written | mended
        else:
            session.decision = before  # texts that rest on other rulings than the plan's would contradict it
            note_decision(session, before)
            return
        note_written(session, write_stage(session), session.written, mended=True)


def _mendings(session: Session, notes: Mapping[str, tuple[str, ...]]) -> Iterator[WriteStage]:
    """What is to be written again: what reviewers spoke of, and what stands at two places; again while mending leaves such places."""
    told = {k: n for k, n in notes.items() if k in {t.key for t in have(session.decision).tasks}}
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

    keys = (t.key for t in have(session.decision).tasks if t.key in session.written)
    units = (Unit(f"{key}, {place}", key, "item", told) for key in keys for place, told in texts_of(session.written[key]))
    found: dict[str, tuple[str, ...]] = {}
    for finding in check_repeated(units):
        note = f"repeated: {finding.place}: {finding.message}. Mend: {finding.remedy}"
        found[finding.key] = tuple(dict.fromkeys((*found.get(finding.key, ()), note)))
    return found


def mend_stage(session: Session, notes: Mapping[str, tuple[str, ...]]) -> DecideStage | None:
    """The stage that mends what reviewers said of what is decided; None where they said nothing of it."""
    decision, reading = have(session.decision), have(session.reading)
    mine = {name: notes[name] for name in _decided_parts(session) if name in notes}
    if not mine:
        return None
    group = Group("reviewed", reading.statements, decision, over=True, notes=mine)
    return replace(decide_stage(session), groups=(group,))


def stages(session: Session) -> Iterator[tuple[Run, Stage]]:
    """The stages of a session as far as they can be known, for whoever is asked from outside: the next comes when the one before is whole."""
    for part in (reading, deciding, writing, reviewing):
        steps = part(session)
        asked = next(steps, None)
        while asked is not None:
            run, stage, _ = asked
            yield run, stage
            try:
                asked = steps.send(run.recall(stage))
            except StopIteration:
                asked = None
