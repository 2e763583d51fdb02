"""The rules run together: over one section's draft, and over a whole plan, ours or another program's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planagent.checking.citations import check_citations, check_citations_elsewhere
from planagent.checking.code import check_block, check_code
from planagent.checking.coverage import Said, check_claims, check_coverage, check_coverage_elsewhere
from planagent.checking.dependencies import check_dependencies
from planagent.checking.grounding import Known, check_grounding
from planagent.checking.language import check_entry_proofs, check_language, check_proofs
from planagent.checking.repetition import Index, check_repetition
from planagent.checking.structure import check_references, check_size, most_words
from planagent.checking.units import Unit, units_of_draft
from planagent.checking.view import View, located, view_of_plan
from planagent.model import Corpus, Finding

if TYPE_CHECKING:
    from planagent.planning.drafts import SectionDraft
    from planagent.planning.outline import Outline


@dataclass(frozen=True, slots=True)
class Checker:
    """Holds what every check of a plan of ours needs to know, so that it is worked out once."""

    outline: Outline
    index: Index
    known: Known
    said: Said

    @classmethod
    def of(cls, outline: Outline) -> Checker:
        return cls(outline, Index.of(outline.corpus), Known.of(outline), Said.of(outline))

    def draft(self, draft: SectionDraft, base: SectionDraft) -> list[Finding]:
        """All findings of one section's draft, against the rule-made draft that it revises."""
        found = [
            *_complete(draft, base),
            *_sources(draft, self.outline),
            *_length(draft, base),
            *check_proofs(draft, {k: t.title for k, t in self.outline.tasks.items()}),
        ]
        found += _own_needs(draft, self.outline)
        found += self.words(draft)
        found += _statuses(draft, base)
        found += check_claims(draft, self.outline, self.said)
        return sorted(set(found))

    def words(self, draft: SectionDraft) -> list[Finding]:
        """The findings on a draft's wording alone."""
        return [f for unit in units_of_draft(draft) for f in check_unit(unit, self.index, self.known)]

    def text(self, text: str) -> list[Finding]:
        """All findings of a plan file's text, sorted by place.

        Raises:
            NotAPlan: the text is no plan of this program's format.
        """
        from planagent.publishing.markdown_in import parse_located

        return self.view(view_of_plan(parse_located(text), text))

    def view(self, view: View) -> list[Finding]:
        """All findings of a plan in this program's format, sorted by place."""
        assert view.plan is not None  # noqa: S101  (only plans of ours come here)
        lines = dict(view.lines)
        found = [
            *check_coverage(view, self.outline, self.said),
            *check_citations(view, self.outline),
            *check_references(view.plan, lines),
            *check_size(view.plan, view.text, len(self.outline.obligations), lines),
            *_everywhere(view, self.index, self.known),
        ]
        return located(found, view.text)


def check_elsewhere(view: View, corpus: Corpus, feature: str, beside: Iterable[str]) -> list[Finding]:
    """All findings of another program's plan, sorted by place.

    Args:
        corpus: the specs, read with the plan's feature as the scope.
        feature: the feature folder that the plan lies in, '' for none.
        beside: texts of the design documents beside the plan.
    """
    known = Known.elsewhere(corpus, beside)
    found = [
        *check_coverage_elsewhere(view, corpus, feature),
        *check_citations_elsewhere(view, corpus, feature),
        *_everywhere(view, Index.of(corpus), known),
    ]
    return located(found, view.text)


def _everywhere(view: View, index: Index, known: Known) -> Iterator[Finding]:
    """The rules that hold for any plan."""
    yield from check_dependencies(view.entries)
    yield from check_entry_proofs(view.entries)
    for block in view.blocks:
        yield from check_block(block)
    for unit in view.units:
        yield from check_unit(unit, index, known)


LONGEST_UNIT = 10_000
"""No rule looks beyond: a line of that length is a finding of its own, or data."""


def check_unit(unit: Unit, index: Index, known: Known) -> Iterator[Finding]:
    """The rules on one line of text; of an overlong one its beginning."""
    if len(unit.text) > LONGEST_UNIT:
        unit = replace(unit, text=unit.text[:LONGEST_UNIT])
    yield from check_code(unit)
    if unit.kind not in ("ruling", "overview"):
        yield from check_repetition(unit, index)
    yield from check_language(unit)
    yield from check_grounding(unit, known)


def _complete(draft: SectionDraft, base: SectionDraft) -> Iterator[Finding]:
    """PA907: every item and task text of the blueprint is there, once, and says something."""
    for kind, wanted, given in (
        ("item", [i.key for i in base.items], [i.key for i in draft.items]),
        ("task", [t.key for t in base.tasks], [t.key for t in draft.tasks]),
    ):
        for key in wanted:
            if given.count(key) != 1:
                yield Finding(
                    "PA907",
                    f"section {draft.number}",
                    f"{kind} {key!r} is given {given.count(key)} times",
                    "Give it once.",
                    0,
                    key,
                )
        for key in given:
            if key not in wanted:
                yield Finding(
                    "PA907",
                    f"section {draft.number}",
                    f"{kind} {key!r} was not asked for",
                    "Leave it out; own tasks have a place of their own.",
                    0,
                    key,
                )
    full = {i.key: i for i in base.items}
    for item in draft.items:
        basis = full.get(item.key)
        for name in item.written_fields():
            if basis is not None and name != "advice" and getattr(basis, name) and not getattr(item, name):
                yield Finding("PA907", f"item {item.title!r}", f"`{name}` is empty", "Fill it.", 0, item.key)
    for task in draft.tasks:
        if not task.steps or not task.done_when.strip():
            yield Finding(
                "PA907", f"task {task.key!r}", "steps or done-when are missing", "Fill both.", 0, task.key
            )


def _length(draft: SectionDraft, base: SectionDraft) -> Iterator[Finding]:
    """PA905: an entry says no more words than its draft is worth, so that the whole plan stays within its budget."""

    def entries(of: SectionDraft) -> dict[str, int]:
        found = {i.key: _words([getattr(i, n) for n in i.written_fields()]) for i in of.items}
        return found | {t.key: _words([t.steps, t.done_when]) for t in of.tasks}

    before = entries(base)
    for key, words in entries(draft).items():
        most = most_words(before.get(key, words))
        if words > most:
            told = f"{words} words, where its draft has {before[key]}: at most {most}"
            yield Finding("PA905", f"section {draft.number}", told, "Say the same with fewer; leave out what the passages say.", 0, key)  # fmt: skip


def _words(value: object) -> int:
    if isinstance(value, str):
        return len(value.split())
    return sum(_words(v) for v in value) if isinstance(value, (list, tuple)) else 0


def _statuses(draft: SectionDraft, base: SectionDraft) -> Iterator[Finding]:
    """PA908: a revised endpoint item still has a flow for each error of its own."""
    full = {i.key: i for i in base.items}
    for item in draft.items:
        basis = full.get(item.key)
        if basis is None or not hasattr(basis, "errors") or draft.number != 5:
            continue
        wanted = {code for line in basis.errors for code in re.findall(r"^(\d{3}):", line)}
        given = {code for line in item.errors for code in re.findall(r"\b[45]\d\d\b", line)}
        for code in sorted(wanted - given):
            yield Finding(
                "PA908",
                f"item {item.title!r}",
                f"the error flow for {code} is gone",
                f"Say when {code} is answered.",
                0,
                item.key,
            )


def _sources(draft: SectionDraft, outline: Outline) -> Iterator[Finding]:
    """PA602 for what a writer cites by itself."""
    from planagent.planning.plan import Source

    for key, entry in (
        [("risks", r) for r in draft.risks]
        + [("gaps", g) for g in draft.gaps]
        + [("own_tasks", t) for t in draft.own_tasks]
    ):
        for text in entry.sources:
            source = Source.parse(text)
            if source is None or outline.corpus.passage(source.anchor) is None:
                yield Finding(
                    "PA602",
                    f"section {draft.number}, {key}",
                    f"{text!r} does not exist",
                    "Cite a passage of the brief.",
                    0,
                    key,
                )


def _own_needs(draft: SectionDraft, outline: Outline) -> Iterator[Finding]:
    for task in draft.own_tasks:
        for need in task.needs:
            if need not in outline.tasks:
                yield Finding(
                    "PA702",
                    f"own task {task.title!r}",
                    f"needs {need!r}, which is no task",
                    "Need planned tasks only.",
                    0,
                    "own_tasks",
                )
