"""The rules run together: over one section's draft, and over a finished plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from planagent.checking.code import check_code
from planagent.checking.grounding import Known, check_grounding
from planagent.checking.language import check_language, check_plan_proofs, check_proofs
from planagent.checking.repetition import Index, check_repetition
from planagent.checking.structure import (
    check_citations,
    check_coverage,
    check_graph,
    check_references,
    check_size,
)
from planagent.checking.units import Unit, units_of_draft, units_of_plan
from planagent.model import Finding
from planagent.planning.drafts import SectionDraft
from planagent.planning.outline import Outline
from planagent.planning.plan import Plan, Source
from planagent.publishing.markdown_in import NotAPlan, parse_located


@dataclass(frozen=True, slots=True)
class Checker:
    """Holds what every check needs to know, so that it is worked out once."""

    outline: Outline
    index: Index
    known: Known

    @classmethod
    def of(cls, outline: Outline) -> Checker:
        return cls(outline, Index.of(outline.corpus), Known.of(outline))

    def draft(self, draft: SectionDraft, base: SectionDraft) -> list[Finding]:
        """All findings of one section's draft, against the rule-made draft that it revises."""
        found = [
            *_complete(draft, base),
            *_sources(draft, self.outline),
            *check_proofs(draft, {k: t.title for k, t in self.outline.tasks.items()}),
        ]
        found += _own_needs(draft, self.outline)
        found += self.words(draft)
        found += _statuses(draft, base)
        return sorted(set(found))

    def words(self, draft: SectionDraft) -> list[Finding]:
        """The findings on a draft's wording alone."""
        return [f for unit in units_of_draft(draft) for f in self._unit(unit)]

    def plan(self, plan: Plan, text: str, lines: dict[str, int]) -> list[Finding]:
        """All findings of a plan file, sorted by line."""
        found = [
            *check_coverage(plan, self.outline, lines),
            *check_citations(plan, self.outline, lines),
            *check_graph(plan, lines),
            *check_references(plan, lines),
            *check_size(plan, text, len(self.outline.obligations), lines),
            *check_plan_proofs(plan, lines),
            *_fences(text),
        ]
        for unit in units_of_plan(plan, lines):
            found += self._unit(unit)
        return sorted(set(found), key=lambda f: (f.line, f.rule, f.place, f.message))

    def text(self, text: str) -> list[Finding]:
        """All findings of a plan file's text.

        Raises:
            NotAPlan: the text is no plan of this program's format.
        """
        located = parse_located(text)
        return self.plan(located.plan, text, located.lines)

    def _unit(self, unit: Unit) -> Iterator[Finding]:
        yield from check_code(unit)
        if unit.kind not in ("ruling", "overview"):
            yield from check_repetition(unit, self.index)
        yield from check_language(unit)
        yield from check_grounding(unit, self.known)


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


def _fences(text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\s*(?:```|~~~)", line):
            yield Finding("PA101", f"line {number}", "a fenced block", "Say it in words.", number)


__all__ = ["Checker", "NotAPlan"]
