"""Is a plan still that of its specs, and if not, what is stale and why? From the plan's own provenance, without a writer."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from planagent.corpus.sources import Sources, read_sources
from planagent.errors import UsageError
from planagent.files import decode, read_plan
from planagent.freshness import RESTORE, Head, damage, state_of, text_digest, unticked, writer_of
from planagent.models.identity import RULES, identity
from planagent.settings import Settings
from planagent.workspace import written_path

if TYPE_CHECKING:
    from planagent.model import Corpus
    from planagent.plan.changes import Changes
    from planagent.plan.plan import Plan

State = Literal["fresh", "moved", "edited", "stale", "absent"]


@dataclass(frozen=True, slots=True)
class StaleSection:
    """A section with tasks that would be written anew; number 0 are the reading and the decisions."""

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
    command: str = "planagent plan"
    """Plans again, as it was planned before."""


def status_of(settings: Settings, *, offline: bool = False) -> Status:
    """Compares the workspace's plan with its specs, settings, answers and writer.

    Args:
        offline: the plan is meant to be written by the rules, whatever model is configured.

    Raises:
        UsageError: what stands there is no plan of ours.
        CorpusError: the specs cannot be planned from any more.
    """
    path = settings.output_path
    if not path.is_file():
        return Status(path, "absent", ("There is no plan yet.",))
    text, _ = decode(read_plan(path))
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
    found = replace(found, command=command_of(head.writer_id))
    if edited and found.state in ("fresh", "moved"):
        return Status(path, "edited", (_edited(settings, text),))
    return found


def command_of(writer_id: str) -> str:
    """What plans again as somebody planned."""
    return "planagent plan --offline" if writer_id == writer_of(RULES) else "planagent plan"


def _edited(settings: Settings, text: str) -> str:
    """Which lines are not as they were written, ticks apart; a clone does not know how that was."""
    written = written_path(settings)
    if not written.is_file():
        return "Its text is not what was written."
    before, now = ([unticked(line) for line in t.split("\n")[1:]] for t in (decode(read_plan(written))[0], text))
    blocks = difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes()
    changed = [f"L{a + 2}" + (f"-L{b + 1}" if b > a + 1 else "") for tag, _, _, a, b in blocks if tag != "equal"]
    shown = ", ".join(changed[:12]) + (f" and {len(changed) - 12} more" if len(changed) > 12 else "")
    return f"Its text is not what was written: {shown}." if changed else "Its text is not what was written."


def _writer(settings: Settings, head: Head, offline: bool) -> str:
    """Why another writer would write now, '' when none would: where none is configured, any was right."""
    mine = identity(settings, offline=offline)
    if head.writer_id == writer_of(mine) or (mine == RULES and not offline):
        return ""
    name = "the rules" if mine == RULES else f"model {mine['model']}"
    return f"The writer is now {name}, with these settings."


def _compare(settings: Settings, sources: Sources, text: str, writer: str) -> Status:
    # Only here is it worth to load more.
    from planagent.cache import Cache
    from planagent.corpus.read import corpus_of
    from planagent.plan.changes import Changes
    from planagent.plan.markdown_in import NotAPlan, parse

    path = settings.output_path
    try:
        plan = parse(text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{path}: {damage(text, str(error))}", RESTORE) from error
    corpus = corpus_of(sources, settings.scope, settings.feature, Cache.of_user())
    changes = Changes.of(plan, corpus)
    first = [*changes.passages.values(), *_new(plan, corpus), *_answers(plan, settings)]
    if plan.scope != " ".join(corpus.scope.split()):
        first.append(f"What is planned is now: {corpus.scope or 'everything'}.")
    sections = [StaleSection(0, "Reading and decisions", tuple(first))] if first else []
    sections += _sections(plan, changes)
    reasons = (writer,) if writer else ()
    if sections or writer:
        return Status(path, "stale", reasons, tuple(sections))
    return Status(path, "moved", ("What it cites says the same; lines, names of files, settings or the program have changed.",))


def _new(plan: Plan, corpus: Corpus) -> Iterator[str]:
    known = {anchor for anchor, _ in plan.passages}
    for document in corpus.read:
        for passage in document.passages:
            if passage.anchor not in known:
                yield f"{passage.anchor} is new."


def _answers(plan: Plan, settings: Settings) -> Iterator[str]:
    """Rulings that a person has answered otherwise since."""
    for ruling in plan.rulings:
        now = " ".join(settings.decisions.get(ruling.topic, "").split())
        if now != ruling.answer:
            tasks = [t.id for t in plan.tasks if ruling.id in t.rulings]
            rests = f" ({', '.join(tasks)} {'rest' if len(tasks) > 1 else 'rests'} on it)" if tasks else ""
            yield f"{ruling.id} {ruling.title}: {f'is answered now: {now}' if now else 'has no answer any more'}{rests}."


def _sections(plan: Plan, changes: Changes) -> Iterator[StaleSection]:
    """Sections with tasks that rest on what has changed."""
    for section in plan.sections:
        told: dict[str, list[str]] = {}
        for task in (t for t in plan.tasks if t.section == section.number):
            for sentence in changes.touching(task):
                told.setdefault(sentence, []).append(task.id)
        if told:
            yield StaleSection(section.number, section.title, tuple(f"{', '.join(ids)}: {sentence}" for sentence, ids in told.items()))
