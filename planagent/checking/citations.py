"""PA601 to PA604: each task cites a place that exists, speaks of what the task covers, and has not changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from planagent.checking.about import subjects
from planagent.checking.view import View
from planagent.model import Corpus, Finding
from planagent.reading.text import content_digest

if TYPE_CHECKING:
    from planagent.planning.outline import Outline
    from planagent.planning.plan import Plan, Source

_REMEDY = "Cite an existing passage, or plan again when the specs have changed."
_SPEC_FILE = re.compile(
    r"(?<![\w./:-])@?/?((?:\.specify|\.kiro/specs|openspec/specs|docs/specs|specs?|contracts)/[\w./-]+\.(?:md|ya?ml|json))(?:[:#]L?(\d+)(?:-L?(\d+))?)?"
)
# What a planner writes beside its own plan; whether these lie there is not the specs' concern.
_PLANNERS_OWN = re.compile(
    r"(?:^|/)(?:plan|tasks|research|quickstart|checklist\w*|README|CLAUDE|AGENTS)\.md$|/checklists/|^\.specify/(?:templates|scripts)/|[{\[<*#]|NNN|XXX|feature-name"
)

_ABSENT = re.compile(
    r"(?i)\b(?:does not|do not|doesn't|don't|neither|not) exist|\bneither exists|\bmissing\b|\babsent\b"
)


def check_citations(view: View, outline: Outline) -> Iterator[Finding]:
    """For a plan in this program's format."""
    corpus, plan = outline.corpus, view.plan
    assert plan is not None  # noqa: S101  (only plans of ours come here)
    evidenced = {o.label for o in outline.obligations.values() if o.evidence}
    changed = _changed(plan, corpus)
    for entry in view.entries:
        if not entry.sources and not entry.condition:
            yield Finding("PA601", entry.id, "cites no source", "Cite the passage that asks for it.", entry.line, entry.key)  # fmt: skip
        for source in entry.sources:
            yield from _exists(source, corpus, entry.id, entry.line, entry.key)
        about = [c for c in entry.covers if c in evidenced]
        if entry.covers and entry.sources and not any(_speaks(about, s, corpus) for s in entry.sources):
            yield Finding("PA603", entry.id, "no cited passage speaks of what it covers", "Cite the lines that name it.", entry.line, entry.key)  # fmt: skip
        stale = sorted({s.anchor for s in entry.sources} & changed)
        if stale:
            yield Finding("PA604", entry.id, f"{', '.join(stale)} changed since the plan was made", "Plan again: untouched tasks keep their ids and ticks.", entry.line, entry.key)  # fmt: skip
    lines = dict(view.lines)
    for ruling in plan.rulings:
        for source in ruling.sources:
            yield from _exists(source, corpus, ruling.id, lines.get(ruling.id, 0), ruling.topic)
    for section in plan.sections:
        for item in section.items:
            for source in item.sources:
                yield from _exists(source, corpus, f"item {item.number}", lines.get(item.number, 0), item.key)


def _changed(plan: Plan, corpus: Corpus) -> set[str]:
    """Anchors whose passage says something else than when the plan was made; missing ones are PA602's."""
    return {
        anchor
        for anchor, digest in plan.passages
        if (passage := corpus.passage(anchor)) is not None and content_digest(passage.text) != digest
    }


def _exists(source: Source, corpus: Corpus, place: str, line: int, key: str) -> Iterator[Finding]:
    document = corpus.document(source.path)
    if document is None:
        yield Finding("PA602", place, f"{source.path} does not exist", _REMEDY, line, key)
        return
    passage = corpus.passage(source.anchor)
    if passage is None and "#" in source.anchor:
        yield Finding("PA602", place, f"{source.anchor} does not exist", _REMEDY, line, key)
    elif source.end > len(document.lines) or source.start < 1 or source.end < source.start:
        message = f"{source} names lines that {source.path} does not have"
        yield Finding("PA602", place, message, _REMEDY, line, key)
    elif (
        passage and "#" in source.anchor and not (passage.start <= source.start and source.end <= passage.end)
    ):
        yield Finding("PA602", place, f"{source} names lines outside the passage", _REMEDY, line, key)


def _speaks(covers: list[str], source: Source, corpus: Corpus) -> bool:
    """True when the cited document part names one of the subjects, or there are topics only."""
    document = corpus.document(source.path)
    if document is None:
        return True  # PA602 says it
    passage = corpus.passage(source.anchor)
    text = passage.text if passage else "\n".join(document.lines[max(0, source.start - 4) : source.end + 3])
    heading = " ".join(passage.trail) if passage else ""
    checked = False
    for label in covers:
        # An operation is named by the plan, never by the specs.
        patterns = [] if label.endswith("()") else subjects(label)
        if not patterns:
            continue
        checked = True
        if any(re.search(p, text + " " + heading, re.IGNORECASE) for p in patterns):
            return True
    return not checked


def check_citations_elsewhere(view: View, corpus: Corpus, feature: str) -> Iterator[Finding]:
    """PA602 for any other plan: spec files that its text names, relative to the workspace or the feature."""
    known = {d.path for d in corpus.documents}
    for unit in view.units:
        if _ABSENT.search(_SPEC_FILE.sub("", unit.text)):
            continue  # the plan itself says that it is missing
        for match in _SPEC_FILE.finditer(unit.text):
            path = match[1]
            if _PLANNERS_OWN.search(path):
                continue
            found = next((k for k in known if k == path or k.endswith("/" + path)), "")
            if not found and not any(
                k.startswith(f"specs/{feature}/") and k.endswith(path.split("/")[-1])
                for k in known
                if feature
            ):
                yield unit.finding("PA602", f"{path} does not exist", _REMEDY, match[0])
            elif (
                found and match[2] and not _has_lines(corpus, found, int(match[2]), int(match[3] or match[2]))
            ):
                yield unit.finding("PA602", f"{found} has no line {match[3] or match[2]}", _REMEDY, match[0])


def _has_lines(corpus: Corpus, path: str, start: int, end: int) -> bool:
    document = corpus.document(path)
    return document is not None and 1 <= start <= end <= len(document.lines)
