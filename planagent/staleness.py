"""Is a plan still that of its specs, and if not, what is stale and why? From the plan's own provenance, without a writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from planagent.errors import UsageError
from planagent.files import decode, read_bytes
from planagent.freshness import RESTORE, Head, damage, state_of, text_digest, writer_of
from planagent.reading.sources import Sources, read_sources
from planagent.settings import Settings
from planagent.writing.identity import RULES, identity

if TYPE_CHECKING:
    from planagent.model import Corpus
    from planagent.planning.drafts import SectionDraft
    from planagent.planning.outline import Outline
    from planagent.planning.plan import Plan, PlanSection

State = Literal["fresh", "moved", "edited", "stale", "absent"]


@dataclass(frozen=True, slots=True)
class StaleSection:
    """A section that would be written anew; number 0 are the decisions."""

    number: int
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """`moved`: what the specs say is the same and stands in other lines; planning again costs no call.

    `edited`: the text of the plan is not what was written; planning again would restore it.
    """

    path: Path
    state: State
    reasons: tuple[str, ...] = ()
    sections: tuple[StaleSection, ...] = field(default=())


def status_of(settings: Settings, *, offline: bool = False) -> Status:
    """Compares the workspace's plan with its specs, settings, answers and writer.

    Args:
        offline: the plan is meant to be written by the rules, whatever model is configured.

    Raises:
        UsageError: what stands there is no plan of ours.
        CorpusError, NoBackendError: the specs cannot be planned from any more.
    """
    path = settings.output_path
    if not path.is_file():
        return Status(path, "absent", ("There is no plan yet.",))
    text, _ = decode(read_bytes(path))
    first, _, body = text.partition("\n")
    head = Head.parse(first)
    if head is None:
        raise UsageError(f"{path}: {damage(text, 'its first line is not that of a plan')}", RESTORE)
    edited = bool(head.text) and head.text != text_digest(body)
    sources = read_sources(settings.workspace, settings.include, settings.exclude, without=path)
    writer = _writer(settings, head, offline)
    if head.state == state_of(settings, sources) and not writer and not edited:
        return Status(path, "fresh")
    found = _compare(settings, sources, text, writer)
    if edited and found.state in ("fresh", "moved"):
        return Status(path, "edited", ("Its text is not what was written; planning again restores it.",))
    return found


def _writer(settings: Settings, head: Head, offline: bool) -> str:
    """Why another writer would write now, '' when none would: where none is configured, any was right."""
    mine = identity(settings, offline=offline)
    if head.writer_id == writer_of(mine) or (mine == RULES and not offline):
        return ""
    name = "the rules" if mine == RULES else f"model {settings.model}"
    return f"The writer is now {name}, with these settings."


def _compare(settings: Settings, sources: Sources, text: str, writer: str) -> Status:
    # Only here is it worth to load the planner.
    from planagent.cache import Cache
    from planagent.planning.outline import make_outline
    from planagent.publishing.markdown_in import NotAPlan, parse
    from planagent.reading.corpus import corpus_of, require_backend
    from planagent.writing.rules import write_all

    path = settings.output_path
    try:
        plan = parse(text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{path}: {damage(text, str(error))}", RESTORE) from error
    corpus = corpus_of(sources, settings.scope, settings.workspace, Cache.of_user())
    require_backend(corpus)
    outline = make_outline(corpus, profile=settings.profile, answers=settings.decisions, previous=plan)
    changed = changed_passages(plan, corpus)
    decisions = tuple(_decisions(plan, outline, changed))
    outline = with_wording(outline, plan, changed)
    base = write_all(outline)
    sections = [StaleSection(0, "Decisions", decisions)] if decisions else []
    sections += _sections(plan, outline, base, changed)
    if sections:
        return Status(path, "stale", (writer,) if writer else (), tuple(sections))
    if writer:
        return Status(path, "stale", (writer,))
    if _moved(plan, outline, base):
        return Status(
            path, "moved", ("What no writer writes would differ: cited lines, order or needs of tasks.",)
        )
    return Status(path, "fresh")


def changed_passages(plan: Plan, corpus: Corpus) -> dict[str, str]:
    """Anchors of the plan that say something else now, or are gone, each with a sentence on it."""
    from planagent.reading.text import content_digest

    found = {}
    for anchor, digest in plan.passages:
        passage = corpus.passage(anchor)
        if passage is None:
            found[anchor] = f"{anchor} is gone."
        elif content_digest(passage.text) != digest:
            found[anchor] = f"{anchor} (L{passage.start}-L{passage.end}) has changed."
    return found


def _decisions(plan: Plan, outline: Outline, changed: dict[str, str]) -> Iterator[str]:
    """What would be decided anew."""
    old = {r.topic: r for r in plan.rulings}
    for ruling in outline.docket.rulings:
        known = old.pop(ruling.topic, None)
        if known is None:
            yield f"{ruling.id} {ruling.title}: is new."
        elif ruling.answer != known.answer:
            said = f"is answered now: {ruling.answer}" if ruling.answer else "has no answer any more."
            yield f"{ruling.id} {ruling.title}: {said}"
        elif ruling.statement != known.statement:
            yield f"{ruling.id} {ruling.title}: is another question now."
        else:
            yield from (
                f"{ruling.id} {ruling.title}: {changed[s.anchor]}"
                for s in ruling.sources
                if s.anchor in changed
            )
    for ruling in old.values():
        if not ruling.topic.startswith(("deciding.", "writer.")):
            yield f"{ruling.id} {ruling.title}: is settled by the specs now."


def with_wording(outline: Outline, plan: Plan, changed: dict[str, str]) -> Outline:
    """The outline with the plan's wording of rulings whose grounds are as they were."""
    old = {r.topic: r for r in plan.rulings}
    rulings = []
    for ruling in outline.docket.rulings:
        known = old.get(ruling.topic)
        same = known is not None and known.statement == ruling.statement and not ruling.answer
        if known is not None and same and not any(s.anchor in changed for s in ruling.sources):
            ruling = ruling.model_copy(update={"default": known.default, "why": known.why})
        rulings.append(ruling)
    return replace(outline, docket=replace(outline.docket, rulings=tuple(rulings)))


def _sections(
    plan: Plan, outline: Outline, base: dict[int, SectionDraft], changed: dict[str, str]
) -> Iterator[StaleSection]:
    from planagent.planning.parts import inputs
    from planagent.planning.prompts import section_prompts

    asked = [section_prompts(outline.profile, lean=lean) for lean in (False, True)]
    for section in plan.sections:
        draft = base[section.number]
        reasons = []
        if inputs(outline, section.number, draft) != section.inputs:
            reasons = list(_why(plan, section, draft, changed)) or [
                *(f"By way of a passage that it does not cite: {told}" for told in changed.values()),
            ]
            reasons = reasons or [
                "What the rules derive for it is another: planagent or a setting has changed."
            ]
        if section.prompts and section.prompts not in [words[section.number] for words in asked]:
            reasons.append("The prompts that it is asked with have changed.")
        if reasons:
            yield StaleSection(section.number, section.title, tuple(reasons))


def _why(plan: Plan, section: PlanSection, draft: SectionDraft, changed: dict[str, str]) -> Iterator[str]:
    """Passages that changed below a section, and items that come or go."""
    numbers = {i.number for i in section.items}
    tasks = [t for t in plan.tasks if numbers & set(t.items)]
    cited = [s.anchor for i in section.items for s in i.sources] + [
        s.anchor for t in tasks for s in t.sources
    ]
    yield from (changed[a] for a in dict.fromkeys(cited) if a in changed)
    old, new = {i.key: i.title for i in section.items}, {i.key: i.title for i in draft.items}
    yield from (f"{title}: is new." for key, title in new.items() if key not in old)
    if tuple(draft.intro) != section.intro:
        yield "The lines that stand above its items differ."
    yield from (f"{title}: is demanded no more." for key, title in old.items() if key not in new)
    ruled = {i.key: set(i.rulings) for i in section.items}
    for item in draft.items:
        came = sorted(set(item.rulings) - ruled.get(item.key, set(item.rulings)))
        yield from (f"{item.title}: rests on {ruling} now." for ruling in came)


def _moved(plan: Plan, outline: Outline, base: dict[int, SectionDraft]) -> bool:
    """True when a plan made now would differ in what no writer writes: cited lines, order, ids, needs, documents."""
    from planagent.publishing.link import Provenance, link

    return _skeleton(plan) != _skeleton(link(outline, base, Provenance(""), plan))


def _skeleton(plan: Plan) -> tuple[object, ...]:
    tasks = [
        # A writer's own tasks share waves with the others, so that their marks for parallel work are not the rules' alone.
        t.model_copy(update={"steps": (), "done_when": "", "done": False, "forced": "", "parallel": False})
        for t in plan.tasks
        if not t.key.startswith("own.")
    ]
    items = [(i.key, i.title, i.rulings, i.sources) for s in plan.sections for i in s.items]
    rulings = [
        (r.topic, r.statement, r.sources)
        for r in plan.rulings
        if not r.topic.startswith(("deciding.", "writer."))
    ]
    return tasks, items, rulings, plan.excluded, plan.documents, plan.scope
