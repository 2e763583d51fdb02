"""The first call of a plan: better words for rulings, the approach, traps across documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planagent.model import Finding
from planagent.planning.briefs import MOST_TRAPS, Brief, common_part, deciding_briefs
from planagent.planning.outline import Outline
from planagent.planning.parts import Part, deciding_parts, fingerprint
from planagent.planning.plan import Ruling, Source
from planagent.writing.answers import cited, dicts
from planagent.writing.memory import Known
from planagent.writing.run import Run

if TYPE_CHECKING:
    from planagent.checking.check import Checker

_LONGEST = 400
_SENT = 0.05
"""Seconds until a request is on its way."""


async def decide(run: Run) -> Outline:
    """Asks for what is not decided yet, in one call; no call where everything is.

    A ruling whose words break a rule, and one that the answer leaves out, keeps the default by rule.
    """
    outline = run.outline
    if run.writer.shape.lean:
        return outline  # a small model adds noise to rulings; measured on a 1.5B model
    parts = deciding_parts(outline)
    known = recalled(run, parts)
    run.reused += len(known)
    ids = ruling_ids(outline)
    run.filled += [f"ruling {ids[k]}" for k, v in known.items() if v.filled]
    wanted = [p for p in parts if p.key not in known]
    if wanted:
        known |= await _ask(run, wanted)
    run.memory.used(parts)
    return decided(outline, known)


def ruling_ids(outline: Outline) -> dict[str, str]:
    """Ids of the rulings by the keys of their parts."""
    return {f"ruling:{r.topic}": r.id for r in outline.docket.rulings}


def recalled(run: Run, parts: Sequence[Part]) -> dict[str, Known]:
    """What is decided already, without words that break a rule by now."""
    return {k: v for k, v in run.memory.recall(parts).items() if _is_right(run, v)}


def _is_right(run: Run, known: Known) -> bool:
    entry, traps = known.entry, dicts(known.extras.get("traps"))
    texts = [entry.get("default", ""), entry.get("why", ""), *entry.get("lines", ())]
    texts += [t[name] for t in traps for name in ("text", "guard")]
    return not any(texts) or not _faults(run.checker(), *texts)


async def _ask(run: Run, parts: list[Part]) -> dict[str, Known]:
    outline, shape = run.outline, run.writer.shape
    [brief] = deciding_briefs(outline, parts, common_part(outline, shape), shape)
    run.briefs += 1
    run.tell(f"brief {brief.id}: ruling on {len(parts)} conflicts and gaps")
    answer: dict[str, Any] = {}
    whole = False
    for _ in range(run.repairs + 1):
        asking = asyncio.create_task(run.ask(brief))
        await asyncio.sleep(_SENT)
        # While the model thinks: what the sections will need.
        await asyncio.to_thread(run.prepare)
        answer, whole = await asking
        if answer and whole:
            break
    if not answer:
        run.tell(
            "The writer gave no usable rulings: those made by rule stand, and the plan's header says so."
        )
        run.filled.append("rulings")
        return {}
    if not whole:
        run.tell("The rulings were cut off: the finished ones count, the others stand as made by rule.")
        run.filled.append("rulings")
    known, traps, faults = judged(run, brief, answer)
    # Traps go with what was asked for: when that is asked again, they are found anew.
    home = known.get("approach") or next(iter(known.values()), None)
    if home is not None and traps:
        home.extras["traps"] = traps
    ids = ruling_ids(outline)
    for fault in faults:
        if fault.key in ids and fault.key not in known:
            run.tell(f"ruling {ids[fault.key]}: the words break {fault.rule}; the default by rule stands")
            run.filled.append(f"ruling {ids[fault.key]}")
            known[fault.key] = Known({"kept": True}, filled=True)
    if any(p.kind == "approach" for p in parts):
        known.setdefault("approach", Known({"lines": []}))
    if whole:
        run.memory.keep(parts, known)
    return known


def judged(
    run: Run, brief: Brief, answer: dict[str, Any]
) -> tuple[dict[str, Known], list[dict[str, Any]], list[Finding]]:
    """The answer by part, the traps beside it, and what is wrong with the rest of it.

    A ruling that it leaves out keeps its default. A part at fault is not among the answers; faulty lines of the
    approach and faulty traps are left out of them.
    """
    checker = run.checker()
    known, faults = _rulings(run, checker, brief, answer)
    if any(p.kind == "approach" for p in brief.parts):
        lines, wrong = _approach(checker, answer)
        faults += wrong
        if lines:
            known["approach"] = Known({"lines": lines})
        else:
            faults.append(_fault("approach", "no line of it can be taken", "Give three to eight lines."))
    traps, wrong = _traps(checker, run.outline, [cited(t, brief) for t in dicts(answer.get("traps"))])
    return known, traps, faults + wrong


def _fault(key: str, message: str, remedy: str) -> Finding:
    return Finding("PA907", key, message, remedy, 0, key)


def _rulings(
    run: Run, checker: Checker, brief: Brief, answer: dict[str, Any]
) -> tuple[dict[str, Known], list[Finding]]:
    """The wording of each ruling; empty where the default by rule stands."""
    given = {str(e.get("id")): e for e in dicts(answer.get("rulings"))}
    ids = ruling_ids(run.outline)
    known: dict[str, Known] = {}
    faults: list[Finding] = []
    for part in brief.parts:
        if part.kind != "ruling":
            continue
        entry = given.get(ids[part.key], {})
        default, why = _one_line(entry.get("default")), _one_line(entry.get("why"))
        wrong = _faults(checker, default, why)
        faults += [replace(w, place=ids[part.key], key=part.key) for w in wrong]
        if not wrong:
            known[part.key] = Known({"default": default, "why": why} if default else {"kept": True})
    return known, faults


def _approach(checker: Checker, answer: dict[str, Any]) -> tuple[list[str], list[Finding]]:
    """Its sound lines, and what is wrong with the others."""
    given = answer.get("approach")
    lines = [_one_line(a) for a in given if isinstance(a, str)] if isinstance(given, list) else []
    sound, faults = [], []
    for line in (one for one in lines if one):
        wrong = _faults(checker, line)
        if len(line) > _LONGEST:
            wrong = [_fault("approach", f"a line has {len(line)} characters", f"At most {_LONGEST}.")]
        faults += [replace(w, place="approach", key="approach") for w in wrong]
        if not wrong:
            sound.append(line)
    return sound[:8], faults


def _traps(
    checker: Checker, outline: Outline, given: Iterable[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Those that cite a passage that exists and keep the rules on wording, and what is wrong with the others."""
    found, faults = [], []
    for number, entry in enumerate(list(given)[:MOST_TRAPS], 1):
        text, guard = _one_line(entry.get("text")), _one_line(entry.get("guard"))
        sources = [
            str(s)
            for t in entry["sources"]
            if (s := Source.parse(t)) and outline.corpus.passage(s.anchor) is not None
        ]
        wrong = _faults(checker, text, guard)
        if not (text and guard) or len(text) > _LONGEST:
            wrong.append(
                _fault("traps", "text or guard is missing or too long", f"At most {_LONGEST} characters.")
            )
        if not sources:
            wrong.append(_fault("traps", "no passage of the brief is cited", "Cite one by its id."))
        faults += [replace(w, place=f"trap {number}", key="traps") for w in wrong]
        if not wrong:
            found.append({"text": text, "guard": guard, "sources": sources})
    return found, faults


def _faults(checker: Checker, *texts: str) -> list[Finding]:
    """What is wrong with a model's words that stand outside of items and tasks."""
    from planagent.checking.check import check_unit
    from planagent.checking.units import Unit

    units = [Unit("deciding", "", "overview", text) for text in texts if text]
    return [f for unit in units for f in check_unit(unit, checker.index, checker.known)]


def _one_line(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def decided(outline: Outline, known: dict[str, Known]) -> Outline:
    """The outline with what was decided."""
    rulings = []
    for ruling in outline.docket.rulings:
        entry = known[key].entry if (key := f"ruling:{ruling.topic}") in known else {}
        if entry.get("default") and not ruling.answer:
            ruling = ruling.model_copy(update={"default": entry["default"], "why": entry.get("why", "")})
        rulings.append(ruling)
    number = max((int(r.id[1:]) for r in rulings if r.id.startswith("R")), default=0)
    traps = [t for one in known.values() for t in dicts(one.extras.get("traps"))]
    extra = [_trap(f"R{number + n}", trap) for n, trap in enumerate(traps, 1)]
    lines = tuple(known["approach"].entry.get("lines", ())) if "approach" in known else ()
    return replace(
        outline,
        docket=replace(outline.docket, rulings=(*rulings, *extra)),
        approach=lines or outline.approach,
    )


def _trap(ruling_id: str, trap: dict[str, Any]) -> Ruling:
    text = trap["text"]
    return Ruling(
        id=ruling_id,
        topic=f"deciding.{fingerprint(text)[:12]}",
        title=text if len(text) <= 60 else text[:57].rsplit(" ", 1)[0] + "…",
        statement=text,
        default=trap["guard"],
        sources=tuple(s for t in trap["sources"] if (s := Source.parse(t))),
    )
