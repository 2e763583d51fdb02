"""The rules run together: over a task's draft, and over a whole plan, ours or another program's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from planagent.briefs.decision import Decision
from planagent.briefs.write import WritePart
from planagent.checking.account import check_account, check_coverage
from planagent.checking.code import check_block
from planagent.checking.dependencies import check_dependencies
from planagent.checking.elsewhere import check_citations_elsewhere, check_coverage_elsewhere
from planagent.checking.repetition import Index, check_repeated, check_repetition
from planagent.checking.structure import check_references, check_size
from planagent.checking.units import Unit
from planagent.checking.values import Given, check_statuses, check_values
from planagent.checking.view import View, located, view_of_plan
from planagent.checking.wording import check_proofs, check_wording
from planagent.corpus.secrets import MASK
from planagent.freshness import Head, text_digest
from planagent.model import Corpus, Finding
from planagent.plan.changes import Changes
from planagent.plan.plan import OWN, Plan, Source, Task
from planagent.statements.orders import Orders
from planagent.statements.statement import Reading
from planagent.statements.tokens import Said

if TYPE_CHECKING:
    from planagent.plan.markdown_in import Located

_MARK = re.compile(r"⟨[^⟩]*⟩")
_REFERENCE = re.compile(r"(?<![`\w])\[(\w+(?:-\w+)+)\](?![(`])")
LONGEST_UNIT = 10_000
"""No rule looks beyond: a line of that length is a finding of its own, or data."""


@dataclass(frozen=True)
class DraftJudge:
    """The rules on texts of tasks before there is a plan."""

    corpus: Corpus
    index: Index
    given: Given
    shared: tuple[str, ...]
    """Texts of rulings and conventions."""
    keys: frozenset[str] = frozenset()
    """Of rulings and tasks, which texts refer to."""

    @classmethod
    def of(cls, corpus: Corpus, reading: Reading, decision: Decision, answers: Iterable[str]) -> DraftJudge:
        shared = tuple(decided_texts(decision)) + tuple(answers)
        names = [s.name for s in reading.statements if s.kind == "operation"]
        told = [*shared, *(t for s in reading.statements for t in s.texts())]
        pages = any("page" in s.fact("transport") for s in reading.statements)
        given = replace(
            Given.of(corpus, names, told, folders=(f.path for f in decision.layout)), pages=pages, orders=Orders.of_reading(corpus, reading)
        )
        keys = frozenset(r.key for r in decision.rulings) | {t.key for t in decision.tasks}
        return cls(corpus, Index.of(corpus), given, shared, keys)

    def __call__(self, one: WritePart, told: Sequence[tuple[str, str]]) -> list[Finding]:
        task, found = one.task, []
        said = "\n".join(t for s in one.statements for t in s.texts())  # a pattern has brackets, too
        own = Said([*(t for s in one.statements for t in s.texts()), *self._lines(one)]) if task.section == 5 else None
        for place, told_text in told:
            text = _MARK.sub(" ", told_text)  # a place in the specs, put there when the plan is linked
            proof = task.section == 9 or place.endswith(", done when")
            unit = Unit(place, task.key, "item" if ", item " in place else "task", text, task.section, proof=proof)
            found += list(check_unit(unit, self.index, self.given))
            for key in (
                k for k in _REFERENCE.findall(text.replace(MASK, "")) if k == k.lower() and k not in self.keys and f"[{k}]" not in said
            ):
                found.append(unit.finding("PA904", f"[{key}] is no ruling or task", "Refer to one by its key.", key))
            if own and unit.kind == "item":
                found += list(check_statuses(unit, own, self._decided))
        return found

    @cached_property
    def _decided(self) -> Said:
        return Said(self.shared)

    def _lines(self, one: WritePart) -> Iterator[str]:
        for statement in one.statements:
            for ref in statement.units:
                unit = self.corpus.unit(*ref)
                if unit is not None:
                    yield unit.text


def decided_texts(decision: Decision) -> Iterator[str]:
    """Everything that whoever decides has put into words."""
    yield from (*decision.approach, *decision.conventions, *decision.excluded)
    for folder in decision.layout:
        yield from (folder.path, folder.purpose, *folder.files)
    for ruling in decision.rulings:
        yield from (ruling.title, ruling.found, ruling.default, ruling.why, *ruling.options)
    for task in decision.tasks:
        yield from (task.title, task.file, *task.gives)


def check_unit(unit: Unit, index: Index, given: Given) -> Iterator[Finding]:
    """The rules on one line of text; of an overlong one its beginning."""
    if len(unit.text) > LONGEST_UNIT:
        unit = replace(unit, text=unit.text[:LONGEST_UNIT])
    yield from check_wording(unit, given.verbatim, given.orders, pages=given.pages)
    if unit.kind not in ("ruling", "overview"):
        yield from check_repetition(unit, index)
    yield from check_values(unit, given)


def check_plan(view: View, corpus: Corpus, render: Callable[[Plan], str]) -> list[Finding]:
    """All findings of a plan in this program's format, sorted by place.

    Args:
        render: how such a plan is written.
    """
    plan = view.plan
    assert plan is not None  # noqa: S101  (only plans of ours come here)
    lines = dict(view.lines)
    names = [s.name for s in plan.statements if s.kind == "operation"]
    folders = [i.title.strip("`") for s in plan.sections if s.number == 1 for i in s.items if i.key.startswith("folder.")]
    pages = any("transport=page" in s.facts for s in plan.statements)
    dismissed = ((a.path, units, why) for a in plan.accounts for units, why, _ in a.dismissed)
    given = replace(Given.of(corpus, names, _given(plan), folders=folders), pages=pages, orders=Orders.of_runs(corpus, dismissed))
    found = [
        *_foreign(view, render),
        *_added(view),
        *_handed_on(plan),
        *check_account(view, corpus),
        *check_coverage(view),
        *_sources(plan, corpus, lines),
        *check_references(plan, lines),
        *check_size(plan, view.text),
        *check_repeated(u for u in view.units if u.key not in ("approach", "intro")),
        *_everywhere(view, Index.of(corpus), given),
    ]
    return located(found, view.text)


def check_located(located: Located, text: str, corpus: Corpus) -> list[Finding]:
    """All findings of a plan file's text, which is parsed already."""
    from planagent.plan.markdown_out import render

    return check_plan(view_of_plan(located, text), corpus, render)


def check_elsewhere(view: View, corpus: Corpus, reading: Reading, feature: str, beside: Iterable[str]) -> list[Finding]:
    """All findings of another program's plan, sorted by place.

    Args:
        reading: what the specs say, as far as it is known without a model.
        feature: the feature folder that the plan lies in, '' for none.
        beside: texts of the design documents beside the plan: what they name is no invention.
    """
    names = [s.name for s in reading.statements if s.kind == "operation"]
    given = Given.of(corpus, names, beside, own=False)
    found = [
        *check_coverage_elsewhere(view, reading, feature),
        *check_citations_elsewhere(view, corpus, feature),
        *_everywhere(view, Index.of(corpus), given),
    ]
    return located(found, view.text)


def _everywhere(view: View, index: Index, given: Given) -> Iterator[Finding]:
    """The rules that hold for any plan."""
    yield from check_dependencies(view.entries)
    yield from check_proofs(view.entries)
    for block in view.blocks:
        yield from check_block(block)
    for unit in view.units:
        yield from check_unit(unit, index, given)


def _given(plan: Plan) -> Iterator[str]:
    yield from (*plan.approach, *plan.conventions, *plan.excluded)
    for ruling in plan.rulings:
        yield from (ruling.title, ruling.statement, ruling.default, ruling.why, ruling.answer, *ruling.options)
    for statement in plan.statements:
        yield from (statement.name, statement.says, *statement.facts)
    for task in plan.tasks:
        yield from (task.title, task.file, *task.gives)
    for section in plan.sections:
        for item in section.items if section.number == 1 else ():
            yield from item.texts()


def _handed_on(plan: Plan) -> Iterator[Finding]:
    """PA508: what nobody has read."""
    if "handed on" in plan.read_share:
        yield Finding("PA508", "the plan", plan.read_share, "Plan with a model, or let a coding agent read.", 0)


def _unseen(view: View) -> Iterator[Task]:
    """Tasks without the comment that has their key: no run has seen them so."""
    for task in view.plan.tasks if view.plan else ():
        if task.key.startswith(OWN) and f"<!-- {task.key} @" not in view.text:
            yield task


def _added(view: View) -> Iterator[Finding]:
    """PA910: tasks of a person, as long as no run has seen them."""
    lines = dict(view.lines)
    for task in _unseen(view):
        told = "a task that was added by hand" if task.own else "the comment with its key is missing"
        yield Finding("PA910", task.id, told, "Plan again: it is kept.", lines.get(task.id, 0), task.key)


def _without_own(view: View) -> tuple[Plan, list[tuple[int, str]]]:
    """The plan and its numbered lines without what a person has added: nothing is wrong with that."""
    plan, places = view.plan, dict(view.lines)
    assert plan is not None  # noqa: S101  (asked before)
    added = {t.id for t in _unseen(view) if t.own}
    lines = list(enumerate(view.text.split("\n"), 1)) if added else []
    for start in (places.get(task_id, 0) for task_id in added):
        end = next((n for n, line in lines if n > start and not line.startswith("  ")), len(lines) + 1)
        lines = [(n, line) for n, line in lines if not start <= n < end]
    return plan.model_copy(update={"tasks": tuple(t for t in plan.tasks if t.id not in added)}) if added else plan, lines


def _foreign(view: View, render: Callable[[Plan], str]) -> Iterator[Finding]:
    """PA910, PA911: text that was changed; lines that the plan's own parts do not make. They were added by hand, or are what is left of a damage."""
    plan, numbered = _without_own(view)
    rendered = render(plan)
    text = "\n".join(line for _, line in numbered) if numbered else view.text
    first, _, body = text.partition("\n")
    same = rendered.endswith(body) and len(rendered) - len(body) == rendered.find("\n") + 1  # as nearly always, and without cutting up both
    ours = [] if same else [line.rstrip() for line in rendered.split("\n")[1:]]
    theirs = [] if same else [line.rstrip() for line in body.split("\n")]
    if ours == theirs:
        head = Head.parse(first)
        if head and head.text and head.text != text_digest(body):
            yield Finding("PA911", "the plan", "its text is not what was written", "Plan again; `planagent status` names the lines.", 1)
        return
    at = [n for n, _ in numbered[1:]] or range(2, len(theirs) + 2)
    for tag, start, end, missing in _blocks(ours, theirs):
        if tag == "delete":
            place = at[min(start, len(at) - 1)]
            yield Finding("PA910", f"line {place}", f"a line of the plan is missing here: {missing[:60]!r}", "Plan again.", place)
            continue
        found = next((n for n in range(start, end) if theirs[n].strip()), start)
        if theirs[found].strip() or end - start > 1:
            told = f"text that is no part of the plan: {theirs[found][:60]!r}"
            yield Finding("PA910", f"line {at[found]}", told, "Move it away, or plan again.", at[found], excerpt=theirs[found])


def _blocks(ours: list[str], theirs: list[str]) -> Iterator[tuple[str, int, int, str]]:
    """What differs: how, from and to which line of theirs, and the first line of ours there. Of very long texts all is one block."""
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False) if len(ours) * len(theirs) < 40_000_000 else None
    blocks = matcher.get_opcodes() if matcher else [("replace", 0, len(ours), 0, len(theirs))]
    yield from ((tag, start, end, ours[a] if a < len(ours) else "") for tag, a, _, start, end in blocks if tag != "equal")


def _sources(plan: Plan, corpus: Corpus, lines: dict[str, int]) -> Iterator[Finding]:
    """PA602, PA604: every cited place exists, and has not changed."""
    changes = Changes.of(plan, corpus)
    there = {anchor for anchor in changes.passages if corpus.passage(anchor)}  # what is gone is told of the citation itself
    cited: list[tuple[str, str, tuple[Source, ...], bool]] = [(t.id, t.key, t.sources, bool(changes.touching(t))) for t in plan.tasks]
    cited += [(r.id, r.topic, r.sources, bool(changes.resting(r.about, r.sources))) for r in plan.rulings]
    for place, key, sources, touched in cited:
        at = lines.get(place, 0)
        for source in sources:
            document = corpus.document(source.path)
            if document is None or ("#" in source.anchor and corpus.passage(source.anchor) is None):
                yield Finding("PA602", place, f"{source.anchor} does not exist", "Plan again: the specs have changed.", at, key)
            elif source.end > len(document.lines) or source.start < 1 or source.end < source.start:
                yield Finding("PA602", place, f"{source} names lines that are not there", "Plan again: the specs have changed.", at, key)
        stale = sorted({s.anchor for s in sources} & there) if touched else []
        if stale:
            yield Finding(
                "PA604",
                place,
                f"{', '.join(stale)} changed since the plan was made",
                "Plan again: untouched tasks keep their ids and ticks.",
                at,
                key,
            )
