"""Briefs to accepted drafts: ask, merge, check, repair a bounded number of times, keep what was accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from planagent.checking.check import Checker, check_unit
from planagent.checking.units import Unit
from planagent.errors import AnswerError, FindingsError, WriterError
from planagent.model import Finding
from planagent.planning.briefs import Brief, common_part, deciding_brief, make_brief, make_briefs
from planagent.planning.drafts import Gap, OwnTask, Risk, SectionDraft, TaskText
from planagent.planning.ledger import Ledger
from planagent.planning.outline import Outline
from planagent.planning.plan import Ruling, Source
from planagent.planning.profile import prompt
from planagent.writing.answers import dicts, known_parts, replace_parts
from planagent.writing.protocol import Usage, Writer

_EXTRA: dict[str, type[Risk] | type[Gap] | type[OwnTask]] = {"risks": Risk, "gaps": Gap, "own_tasks": OwnTask}


@dataclass(slots=True)
class Run:
    """One planning run with its writer. `filled` names the parts taken from the rules, when that was allowed."""

    outline: Outline
    writer: Writer
    ledger: Ledger
    tell: Callable[[str], None]
    repairs: int = 2
    fill_from_rules: bool = False
    keep_findings: bool = False
    usage: Usage = field(default_factory=Usage)
    briefs: int = 0
    repaired: int = 0
    reused: int = 0
    filled: list[str] = field(default_factory=list)
    stopped: WriterError | None = None
    """What ended the run: briefs under way are still finished and kept, no new one is sent."""
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def ask(self, brief: Brief) -> tuple[dict[str, Any], bool]:
        """The answer's JSON and whether it is whole; from the ledger when it was accepted before."""
        key = self.key(brief)
        known = self.ledger.get(key) if self.remembers else None
        if known is not None:
            self.reused += 1
            return known, True
        async with self.gate:
            if self.stopped:
                raise self.stopped
            try:
                answer = await self.writer.answer(brief)
            except AnswerError as error:
                if error.kind in ("refusal", "content_filter"):
                    self.stopped = error
                    raise
                self.tell(f"brief {brief.id}: {error.message}")
                return {}, True
            except WriterError as error:
                self.stopped = error
                raise
        self.usage.add(answer.usage)
        return answer.value, answer.whole

    def key(self, brief: Brief) -> str:
        return Ledger.key(self.writer.identity, brief.messages(), brief.schema, brief.max_tokens)

    @property
    def remembers(self) -> bool:
        return self.writer.identity.get("writer") != "rules"

    def accept(self, brief: Brief, answer: dict[str, Any]) -> None:
        if self.remembers:
            self.ledger.put(self.key(brief), answer)


# -- the deciding call --------------------------------------------------------------------------


async def decide(run: Run) -> Outline:
    """One call over the whole corpus: better defaults for rulings, the approach, traps across documents.

    An answer that breaks a rule is left out ruling by ruling: the default by rule stands for that one.
    """
    outline = run.outline
    if run.writer.shape.lean:
        return outline  # a small model adds noise to rulings; measured on a 1.5B model
    brief = deciding_brief(outline, common_part(outline, run.writer.shape), run.writer.shape)
    run.tell(f"brief {brief.id}: ruling on {len(brief.keys)} conflicts and gaps")
    answer: dict[str, Any] = {}
    whole = False
    for _ in range(run.repairs + 1):
        answer, whole = await run.ask(brief)
        if answer and whole:
            break
    if not answer:
        run.tell("The model gave no usable rulings: those made by rule stand, and the plan's header says so.")
        run.filled.append("rulings")
        return outline
    if not whole:
        run.tell("The rulings were cut off: the finished ones count, the others stand as made by rule.")
        run.filled.append("rulings")
    checker = Checker.of(outline)
    rulings = {r.id: r for r in outline.docket.rulings}
    for entry in dicts(answer.get("rulings")):
        ruling = rulings.get(str(entry.get("id")))
        default, why = str(entry.get("default", "")).strip(), str(entry.get("why", "")).strip()
        if not ruling or ruling.answer or not default:
            continue
        faults = _faults(checker, default, why)
        if faults:
            run.tell(
                f"ruling {ruling.id}: the model's words break {faults[0].rule}; the default by rule stands"
            )
            run.filled.append(f"ruling {ruling.id}")
        else:
            rulings[ruling.id] = ruling.model_copy(
                update={"default": " ".join(default.split()), "why": " ".join(why.split())}
            )
    extra = _traps(answer, outline, checker, list(rulings.values()))
    approach = tuple(
        " ".join(str(a).split())
        for a in answer.get("approach", [])
        if isinstance(a, str) and not _faults(checker, a)
    )[:8]
    if whole:
        run.accept(brief, answer)
    docket = replace(outline.docket, rulings=(*rulings.values(), *extra))
    return replace(outline, docket=docket, approach=approach or outline.approach)


def _faults(checker: Checker, *texts: str) -> list[Finding]:
    """What is wrong with a model's words that stand outside of items and tasks."""
    units = [Unit("deciding", "", "overview", text) for text in texts if text]
    return [f for unit in units for f in check_unit(unit, checker.index, checker.known)]


def _traps(answer: dict[str, Any], outline: Outline, checker: Checker, rulings: list[Ruling]) -> list[Ruling]:
    number = max((int(r.id[1:]) for r in rulings if r.id.startswith("R")), default=0)
    found = []
    for entry in dicts(answer.get("traps"))[:8]:
        text, guard = (
            " ".join(str(entry.get("text", "")).split()),
            " ".join(str(entry.get("guard", "")).split()),
        )
        sources = [
            s
            for t in entry.get("sources", [])
            if (s := Source.parse(str(t))) and outline.corpus.passage(s.anchor)
        ]
        if text and guard and sources and len(text) <= 400 and not _faults(checker, text, guard):
            number += 1
            title = text if len(text) <= 60 else text[:57].rsplit(" ", 1)[0] + "…"
            found.append(
                Ruling(
                    id=f"R{number}",
                    topic=f"deciding.{Ledger.key(text)[:12]}",
                    title=title,
                    statement=text,
                    default=guard,
                    sources=tuple(sources),
                )
            )
    return found


# -- the sections -------------------------------------------------------------------------------


async def write_sections(run: Run, base: dict[int, SectionDraft]) -> dict[int, SectionDraft]:
    """All sections at once under the writer's limit.

    Raises:
        FindingsError: a section still breaks rules after its repairs; names section, rule and what to do.
        WriterError: the writer failed; answers accepted so far are kept.
    """
    run.gate = asyncio.Semaphore(run.writer.concurrency)
    checker = Checker.of(run.outline)
    common = common_part(run.outline, run.writer.shape) if run.remembers else ""
    tasks = [
        asyncio.create_task(_section(run, checker, common, number, draft)) for number, draft in base.items()
    ]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    results = []
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise run.stopped or outcome
        results.append(outcome)
    left = [f for _, findings in results for f in findings]
    if left and not run.keep_findings:
        shown = "; ".join(
            f"section {n}: {f.rule} {f.place}: {f.message}"
            for (n, (_, fs)) in zip(base, results, strict=True)
            for f in fs[:2]
        )
        raise FindingsError(
            f"{len(left)} findings stand after {run.repairs} repairs: {shown}",
            "Nothing was written and accepted answers are kept. Run again; or take the faulty parts from the rules with --fill-from-rules; "
            "or write the plan with its findings with --allow-findings.",
        )
    return {number: draft for number, (draft, _) in zip(base, results, strict=True)}


async def _section(
    run: Run, checker: Checker, common: str, number: int, base: SectionDraft
) -> tuple[SectionDraft, list[Finding]]:
    if not run.remembers:
        return base, checker.draft(base, base)
    briefs = make_briefs(run.outline, number, base, common, run.writer.shape)
    parts = await asyncio.gather(*(_brief(run, checker, common, number, base, b) for b in briefs))
    merged = _merge(base, [answer for answer, _ in parts])
    run.tell(f"section {number}: {len(briefs)} briefs written")
    return merged, [f for _, findings in parts for f in findings]


async def _brief(
    run: Run, checker: Checker, common: str, number: int, base: SectionDraft, brief: Brief
) -> tuple[dict[str, Any], list[Finding]]:
    """One brief until its answer holds, a bounded number of times; only faulty parts are asked again."""
    run.briefs += 1
    answer, whole = await run.ask(brief)
    if not whole:
        answer = await _rest(run, common, number, base, brief, answer)
    answer = known_parts(answer, brief)
    seen: set[tuple[str, ...]] = set()
    findings: list[Finding] = []
    for attempt in range(run.repairs + 1):
        findings = _check(checker, base, brief, answer)
        state = tuple(f"{f.rule} {f.key} {f.message}" for f in findings)
        if not findings or attempt == run.repairs or state in seen:
            break
        seen.add(state)
        answer = await _repair(run, common, number, base, brief, answer, findings)
    if findings and run.fill_from_rules:
        faulty = {f.key for f in findings}
        run.filled += sorted(faulty)
        answer = replace_parts(answer, brief.base, faulty)
        findings = _check(checker, base, brief, answer)
    if not findings:
        run.accept(brief, answer)
    run.tell(
        f"brief {brief.id}: {len(brief.keys)} parts, {run.usage.calls} calls, {run.usage.output_tokens} tokens out"
        + (f", {len(findings)} findings" if findings else "")
    )
    return answer, findings


async def _rest(
    run: Run, common: str, number: int, base: SectionDraft, brief: Brief, answer: dict[str, Any]
) -> dict[str, Any]:
    """A cut-off answer: its finished parts are kept, the others asked for in two halves."""
    done = {str(e.get("key")) for name in ("items", "tasks") for e in dicts(answer.get(name))}
    missing = [k for k in brief.keys if k not in done]
    if not missing:
        return answer
    run.tell(f"brief {brief.id}: cut off; {len(missing)} parts are asked for again")
    middle = (len(missing) + 1) // 2
    halves = [h for h in (missing[:middle], missing[middle:]) if h]
    for index, keys in enumerate(halves, 1):
        half = make_brief(run.outline, number, base, common, run.writer.shape, keys, f"{brief.id}/{index}")
        more, whole = await run.ask(half)
        if not whole and len(keys) > 1:
            more = await _rest(run, common, number, base, half, more)
        answer = replace_parts(answer, known_parts(more, half), set(keys))
    return answer


async def _repair(
    run: Run,
    common: str,
    number: int,
    base: SectionDraft,
    brief: Brief,
    answer: dict[str, Any],
    findings: list[Finding],
) -> dict[str, Any]:
    faulty = {f.key for f in findings}
    keys = [k for k in brief.keys if k in faulty]
    kept = {**answer, **{name: [] for name in _EXTRA if name in faulty}}
    if not keys:
        return kept  # only extras were at fault: they are the writer's own and may be dropped
    run.repaired += 1
    told = "\n".join(f"- {f.key}: {f.rule} {f.message}. {f.remedy}" for f in findings if f.key in keys)
    note = f"{prompt('repair.md').strip()}\n\n{told}"
    again = make_brief(
        run.outline, number, base, common, run.writer.shape, keys, f"{brief.id}r{run.repaired}", note
    )
    more, _ = await run.ask(again)
    return replace_parts(kept, known_parts(more, again), faulty)


def _check(checker: Checker, base: SectionDraft, brief: Brief, answer: dict[str, Any]) -> list[Finding]:
    wanted = set(brief.keys)
    part = base.model_copy(
        update={
            "items": [i for i in base.items if i.key in wanted],
            "tasks": [t for t in base.tasks if t.key in wanted],
            "intro": [],
        }
    )
    draft, broken = _build(part, answer)
    found = [
        f for f in checker.draft(draft, part) if not (f.rule == "PA907" and f.key in {b.key for b in broken})
    ]
    return [*broken, *found]


def _build(part: SectionDraft, answer: dict[str, Any]) -> tuple[SectionDraft, list[Finding]]:
    """The draft that an answer makes of its base, and findings for entries that break the schema."""
    broken: list[Finding] = []
    given = {str(e.get("key")): e for name in ("items", "tasks") for e in dicts(answer.get(name))}
    items, tasks = [], []
    for item in part.items:
        entry = given.get(item.key)
        if entry is None:
            broken.append(_finding(item.key, "the item is missing"))
            continue
        values = {n: entry[n] for n in item.written_fields() if n in entry}
        try:
            items.append(type(item).model_validate({**item.model_dump(), **values}))
        except ValidationError as error:
            broken.append(_finding(item.key, _first(error)))
    for text in part.tasks:
        entry = given.get(text.key)
        try:
            tasks.append(
                TaskText.model_validate({**entry, "key": text.key})
                if entry
                else text.model_copy(update={"steps": []})
            )
            if entry is None:
                broken.append(_finding(text.key, "the task is missing"))
        except ValidationError as error:
            broken.append(_finding(text.key, _first(error)))
    extra: dict[str, list[Any]] = {}
    for name, model in _EXTRA.items():
        extra[name] = []
        for entry in dicts(answer.get(name)):
            try:
                extra[name].append(model.model_validate(entry))
            except ValidationError as error:
                broken.append(_finding(name, _first(error)))
    tasks = [t for t in tasks if t.steps]
    return part.model_copy(update={"items": items, "tasks": tasks, **extra}), broken


def _finding(key: str, message: str) -> Finding:
    return Finding("PA907", key, message, "Answer with every key and field, within the bounds.", 0, key)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _merge(base: SectionDraft, answers: list[dict[str, Any]]) -> SectionDraft:
    whole: dict[str, Any] = {
        name: [e for a in answers for e in dicts(a.get(name))] for name in ("items", "tasks", *_EXTRA)
    }
    return _build(base, whole)[0]
