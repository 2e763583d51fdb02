"""Outline and drafts become a plan: tasks numbered, ordered and linked through what they cover."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from planagent.planning.drafts import SECTION_TITLES, Item, SectionDraft, TaskText
from planagent.planning.outline import Outline
from planagent.planning.parts import fingerprint
from planagent.planning.plan import Plan, PlanItem, PlanSection, Row, Ruling, Source, Task
from planagent.planning.tasks import PHASES, TaskSpec
from planagent.publishing.citing import Citing, own_key
from planagent.publishing.graph import execution_order, waves
from planagent.reading.text import content_digest


@dataclass(frozen=True, slots=True)
class Provenance:
    """From what and by whom a plan is made: `inputs` and `prompts` by section, as hashes."""

    writer: str
    writer_id: str = ""
    state: str = ""
    inputs: dict[int, str] = field(default_factory=dict)
    prompts: dict[int, str] = field(default_factory=dict)


MOST_PASSAGES = 300
"""A plan carries hashes of all passages of a corpus up to so many."""


def one_line(text: str) -> str:
    """White space folded: a line of the plan is a line, whatever a writer put into it."""
    return re.sub(r"\s+", " ", text).strip()


def link(
    outline: Outline,
    drafts: dict[int, SectionDraft],
    made: Provenance,
    previous: Plan | None = None,
) -> Plan:
    """Builds the plan.

    Args:
        outline: what was known before any writer.
        drafts: one accepted draft for each of sections 1 to 9.
        made: from what and by whom.
        previous: the plan whose task ids and ticks are kept.

    Raises:
        ValueError: the needs have a cycle, which only tasks of a writer's own can cause.
    """
    specs = {**outline.tasks, **_own_specs(drafts)}
    texts = (
        {t.key: t for d in drafts.values() for t in d.tasks} | _own_texts(drafts) | _condition_texts(outline)
    )
    order = execution_order({k: s.needs for k, s in specs.items()}, _ranks(specs))
    ids, next_task = _ids(order, previous)
    numbers = _item_numbers(drafts)
    done = {t.key: t.forced for t in previous.tasks if t.done} if previous else {}
    parallel = _parallel(specs)
    rulings = _with_risks(outline, drafts)
    tasks = []
    placed, citing = _placed(drafts, numbers), Citing(outline, drafts)
    for key in order:
        spec = specs[key]
        mine = {n: entry for name in (f"task {key}", *spec.covers) for n, entry in placed.get(name, ())}
        items = [entry for _, entry in sorted(mine.items())]
        tasks.append(_task(outline, spec, texts[key], ids, items, done.get(key), key in parallel, citing))
    doers = {item: task.id for task in tasks for item in task.items}
    sections = tuple(
        _section(n, d, numbers, made, {t.key: t for t in tasks}, doers) for n, d in sorted(drafts.items())
    )
    proofs = _proofs(outline, specs, ids)
    cited = [
        *(s for ruling in rulings for s in ruling.sources),
        *(s for section in sections for item in section.items for s in item.sources),
        *(s for task in tasks for s in task.sources),
    ]
    return Plan(
        title=f"Backend Implementation Plan: {outline.corpus.name}",
        writer=made.writer,
        scope=one_line(outline.corpus.scope),
        documents=tuple(d.path for d in outline.corpus.read),
        approach=tuple(one_line(a) for a in (outline.approach or _approach(outline, specs))),
        rulings=rulings,
        excluded=tuple(_excluded(outline)),
        sections=sections,
        tasks=tuple(tasks),
        proofs=proofs,
        next_task=next_task,
        state=made.state,
        writer_id=made.writer_id,
        passages=_passages(outline, cited),
    )


def _placed(
    drafts: dict[int, SectionDraft], numbers: dict[tuple[int, str], str]
) -> dict[str, list[tuple[int, tuple[str, Item]]]]:
    """Items with their place in the plan, by the task that does their work and by their own key."""
    found: dict[str, list[tuple[int, tuple[str, Item]]]] = {}
    every = [(d.number, i) for d in drafts.values() for i in d.items]
    for place, (number, item) in enumerate(every):
        for name in (f"task {item.task}", item.key):
            found.setdefault(name, []).append((place, (numbers[number, item.key], item)))
    return found


def _passages(outline: Outline, cited: list[Source]) -> tuple[tuple[str, str], ...]:
    """Of every passage that was read, in a corpus of common size; else of those that are cited."""
    every = [p.anchor for d in outline.corpus.read for p in d.passages]
    anchors = sorted({s.anchor for s in cited} | set(every if len(every) <= MOST_PASSAGES else ()))
    found = ((a, outline.corpus.passage(a)) for a in anchors)
    return tuple((a, content_digest(p.text)) for a, p in found if p is not None)


def _ranks(specs: dict[str, TaskSpec]):  # type: ignore[no-untyped-def]
    place = {key: index for index, key in enumerate(specs)}
    phase = {name: index for index, name in enumerate(PHASES)}
    return lambda key: (phase.get(specs[key].phase, len(PHASES)), place[key])


def _ids(order: list[str], previous: Plan | None) -> tuple[dict[str, str], int]:
    """Kept ids for known keys, the next free numbers for new ones; a retired number is never given again."""
    known = {t.key: t.id for t in previous.tasks} if previous else {}
    number = previous.next_task if previous else 1
    ids: dict[str, str] = {}
    for key in order:
        if key in known:
            ids[key] = known[key]
        else:
            ids[key] = f"T{number:03d}"
            number += 1
    return ids, number


def _own_specs(drafts: dict[int, SectionDraft]) -> dict[str, TaskSpec]:
    return {
        own_key(t): TaskSpec(
            own_key(t), n, one_line(t.title), one_line(t.file), PHASES[13], (), tuple(t.needs), ()
        )
        for n, d in drafts.items()
        for t in d.own_tasks
    }


def _own_texts(drafts: dict[int, SectionDraft]) -> dict[str, TaskText]:
    return {
        own_key(t): TaskText(key=own_key(t), steps=t.steps, done_when=t.done_when)
        for d in drafts.values()
        for t in d.own_tasks
    }


def _condition_texts(outline: Outline) -> dict[str, TaskText]:
    found = {}
    for condition in outline.docket.conditions:
        key = f"if.{condition.topic}.{condition.answer}"
        found[key] = TaskText(key=key, steps=list(condition.steps), done_when=condition.done_when)
    return found


def _item_numbers(drafts: dict[int, SectionDraft]) -> dict[tuple[int, str], str]:
    return {(n, item.key): f"{n}.{index}" for n, d in drafts.items() for index, item in enumerate(d.items, 1)}


def _parallel(specs: dict[str, TaskSpec]) -> set[str]:
    """Tasks that share their wave with others and their file with none of them."""
    found: set[str] = set()
    for wave in waves({k: s.needs for k, s in specs.items() if not s.condition}):
        files = [specs[k].file for k in wave]
        found |= {k for k in wave if len(wave) > 1 and files.count(specs[k].file) == 1}
    return found


def _task(
    outline: Outline, spec: TaskSpec, text: TaskText, ids: dict[str, str], items: list[tuple[str, Item]], done: str | None, parallel: bool,
    citing: Citing,
) -> Task:  # fmt: skip
    rulings = list(
        dict.fromkeys([*outline.rulings(*spec.tags), *(r for _, item in items for r in item.rulings)])
    )
    condition = ""
    sources = citing.sources(spec, items)
    if spec.ruling:
        ruling = next(r for r in outline.docket.rulings if r.topic == spec.ruling)
        condition = f"{ruling.id}: {spec.condition}" if spec.condition else ""
        rulings, sources = [ruling.id], ruling.sources or sources
    return Task(
        id=ids[spec.key],
        key=spec.key,
        title=spec.title,
        file=spec.file,
        phase=spec.phase,
        parallel=parallel,
        done=done is not None,
        forced=done or "",
        condition=condition,
        items=tuple(number for number, _ in items),
        needs=tuple(sorted(ids[n] for n in spec.needs if n in ids)),
        covers=tuple(outline.obligations[c].label for c in spec.covers),
        gives=spec.gives,
        rulings=tuple(_sorted_rulings(rulings)),
        sources=sources,
        steps=tuple(one_line(s) for s in text.steps),
        done_when=one_line(text.done_when),
    )


def _sorted_rulings(ids: list[str]) -> list[str]:
    return sorted(ids, key=lambda r: ("DGRP".find(r[0]), int(r[1:])))


def _cited(item: Item, task: Task | None) -> tuple[Source, ...]:
    """The item's sources that its task does not cite already: a place is named once."""
    sources = tuple(s for s in (Source.parse(t) for t in item.sources) if s)
    known = {s.anchor for s in task.sources} if task else set()
    return tuple(s for s in sources if s.anchor not in known)


def _section(
    number: int,
    draft: SectionDraft,
    numbers: dict[tuple[int, str], str],
    made: Provenance,
    tasks: dict[str, Task],
    doers: dict[str, str],
) -> PlanSection:
    items = tuple(
        PlanItem(
            number=numbers[number, item.key],
            key=item.key,
            title=one_line(item.title),
            rows=tuple(
                Row(label=label, lines=tuple(one_line(v) for v in lines)) for label, lines in item.rows()
            ),
            rulings=tuple(_sorted_rulings(list(item.rulings))),
            sources=_cited(item, tasks.get(item.task)),
            task=doers.get(numbers[number, item.key], ""),
        )
        for item in draft.items
    )
    intro = tuple(one_line(i) for i in draft.intro)
    return PlanSection(
        number=number,
        title=SECTION_TITLES[number],
        inputs=made.inputs.get(number, ""),
        prompts=made.prompts.get(number, ""),
        intro=intro,
        items=items,
    )


def _with_risks(outline: Outline, drafts: dict[int, SectionDraft]) -> tuple[Ruling, ...]:
    """The docket's rulings, then what the writers saw beyond it, numbered after them."""
    rulings = [r.model_copy(update={"applies": ()}) for r in outline.docket.rulings]
    counts = {
        letter: max((int(r.id[1:]) for r in rulings if r.id[0] == letter), default=0) for letter in "GR"
    }
    for number, draft in sorted(drafts.items()):
        for gap in draft.gaps:
            counts["G"] += 1
            rulings.append(
                _extra(
                    f"G{counts['G']}", f"writer.{number}", gap.question, gap.assumed, gap.sources
                ).model_copy(update={"waits": True})
            )
        for risk in draft.risks:
            counts["R"] += 1
            rulings.append(
                _extra(
                    f"R{counts['R']}",
                    f"writer.{number}",
                    risk.text,
                    f"No task is made for it alone: whoever does section {number} keeps it in mind.",
                    risk.sources,
                )
            )
    return tuple(sorted(rulings, key=lambda r: ("DGRP".find(r.id[0]), int(r.id[1:]))))


def _extra(ruling_id: str, topic: str, statement: str, default: str, sources: tuple[str, ...]) -> Ruling:
    title = one_line(statement)
    short = title if len(title) <= 60 else title[:57].rsplit(" ", 1)[0] + "…"
    cited = tuple(s for s in (Source.parse(t) for t in sources) if s)
    return Ruling(
        id=ruling_id,
        topic=f"{topic}.{fingerprint(title)[:16]}",
        title=short,
        statement=title,
        default=one_line(default),
        sources=cited,
    )


def _approach(outline: Outline, specs: dict[str, TaskSpec]) -> list[str]:
    facts = outline.corpus.facts
    public = sum(e.auth != "required" for e in facts.endpoints)
    waits = [r.id for r in outline.docket.rulings if r.waits and not r.answer]
    backend = [
        t.name
        for t in facts.technologies
        if t.side != "frontend" and t.kind in ("framework", "orm", "database", "auth")
    ]
    lines = [
        f"{len(facts.endpoints)} endpoints ({public} without a credential), {len(facts.entities)} entities, {len([o for o in outline.obligations.values() if o.kind == 'env'])} variables, {len([o for o in outline.obligations.values() if o.kind == 'requirement'])} numbered requirements; {len([s for s in specs.values() if not s.condition])} tasks.",
        "Stack, as the specs name it: " + ", ".join(dict.fromkeys(backend)) + "."
        if backend
        else "The specs name no stack; the executor keeps to what stands in the repository.",
        "Order: settings and errors first, then data, schemas and identity, then services, then routes; tests follow the part they prove. No route comes before the error handling, middleware and auth that it needs.",
        "A rule stands once: in a ruling below or in an item of sections 1 to 9. A task points at both and at the lines of the specs.",
    ]
    if waits:
        lines.append(
            f"Work starts on the defaults. A person should confirm {', '.join(waits[:16])}; a task that rests on one may be done, and is looked at again if the answer differs. Conditional tasks cover the likely other answers."
        )
    return lines


def _excluded(outline: Outline) -> list[str]:
    lines = []
    front = [r for r in outline.corpus.facts.requirements if r.side == "frontend"]
    by_feature: dict[str, list[str]] = {}
    for requirement in front:
        by_feature.setdefault(requirement.feature, []).append(requirement.id)
    for feature, ids in by_feature.items():
        shown = ", ".join(ids[:30]) + (f" and {len(ids) - 30} more" if len(ids) > 30 else "")
        lines.append(f"{feature}: {shown}. The user interface meets them; no backend task does.")
    variables = [v.name for v in outline.corpus.facts.env_vars if v.side == "frontend"]
    if variables:
        lines.append(f"Variables of the frontend alone: {', '.join(f'`{v}`' for v in variables)}.")
    return [
        *lines,
        "Everything that the specs list as future, planned or out of scope, and all work in the user interface.",
    ]


def _proofs(outline: Outline, specs: dict[str, TaskSpec], ids: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Endpoints, entities, variables and requirements with the test that proves each."""
    proofs: dict[str, str] = {}
    for spec in specs.values():
        for covered in spec.covers if spec.proof in ids else ():
            proofs.setdefault(covered, spec.proof)
    found = []
    for obligation in outline.obligations.values():
        if obligation.kind not in ("topic", "operation"):
            found.append((obligation.label, ids.get(proofs.get(obligation.id, "test.edge"), "")))
    return tuple(found)
