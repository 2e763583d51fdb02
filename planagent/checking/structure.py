"""PA5xx, PA6xx, PA7xx, PA904 to PA906: coverage, citations, dependencies, references, size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from planagent.model import Corpus, Finding, normalize_path
from planagent.planning.outline import Outline
from planagent.planning.plan import Plan, Source
from planagent.publishing.graph import shortest_cycle

_REFERENCE = re.compile(r"\(((?:[DGRP]\d+)(?:, [DGRP]\d+)*)\)|\b(T\d{3,})\b|\b(?:item|items) (\d\d?\.\d+)")
WORDS_PER_OBLIGATION = 130
WORDS_AT_LEAST = 5_000
MOST_SOURCES = 5
_COUNTED_OUT = re.compile(
    r"^\s*(?:- (?:Sources|Needs|Covers|Rulings|Items|To be confirmed, rests on it|Wave \d+[^:]*|Documents):|<!--|\|)"
)


def check_coverage(plan: Plan, outline: Outline, lines: dict[str, int]) -> Iterator[Finding]:
    """PA501, PA502: each obligation has a task that is about it, each task serves something known."""
    labels = {o.label: o for o in outline.obligations.values()}
    covered = {label for task in plan.tasks for label in task.covers}
    for label, obligation in labels.items():
        if label not in covered:
            place = f"section {obligation.section}" if obligation.section else "section 10"
            where = f" ({obligation.evidence[0]})" if obligation.evidence else ""
            yield Finding(
                "PA501",
                place,
                f"no task covers {label}{where}",
                "Add a task for it, or plan again.",
                0,
                obligation.id,
            )
    for task in plan.tasks:
        for label in task.covers:
            if label not in labels:
                yield Finding(
                    "PA502",
                    task.id,
                    f"covers {label!r}, which the specs do not have",
                    "Remove it, or plan again.",
                    lines.get(task.id, 0),
                    task.key,
                )


def check_citations(plan: Plan, outline: Outline, lines: dict[str, int]) -> Iterator[Finding]:
    """PA601 to PA603: each task cites a place that exists and speaks of what the task covers."""
    corpus = outline.corpus
    evidenced = {o.label for o in outline.obligations.values() if o.evidence}
    for task in plan.tasks:
        line = lines.get(task.id, 0)
        if not task.sources and not task.condition:
            yield Finding(
                "PA601", task.id, "cites no source", "Cite the passage that asks for it.", line, task.key
            )
        for source in task.sources:
            yield from _exists(source, corpus, task.id, line, task.key)
        if (
            task.covers
            and task.sources
            and not any(_speaks([c for c in task.covers if c in evidenced], s, corpus) for s in task.sources)
        ):
            yield Finding(
                "PA603",
                task.id,
                "no cited passage speaks of what it covers",
                "Cite the lines that name it.",
                line,
                task.key,
            )
    for ruling in plan.rulings:
        for source in ruling.sources:
            yield from _exists(source, corpus, ruling.id, lines.get(ruling.id, 0), ruling.topic)
    for section in plan.sections:
        for item in section.items:
            for source in item.sources:
                yield from _exists(source, corpus, f"item {item.number}", lines.get(item.number, 0), item.key)


def _exists(source: Source, corpus: Corpus, place: str, line: int, key: str) -> Iterator[Finding]:
    document = corpus.document(source.path)
    remedy = "Cite an existing passage, or plan again when the specs have changed."
    if document is None:
        yield Finding("PA602", place, f"{source.path} does not exist", remedy, line, key)
        return
    passage = corpus.passage(source.anchor)
    if passage is None and "#" in source.anchor:
        yield Finding("PA602", place, f"{source.anchor} does not exist", remedy, line, key)
    elif source.end > len(document.lines) or source.start < 1 or source.end < source.start:
        yield Finding(
            "PA602", place, f"{source} names lines that {source.path} does not have", remedy, line, key
        )
    elif passage and not (passage.start <= source.start and source.end <= passage.end):
        yield Finding("PA602", place, f"{source} names lines outside the passage", remedy, line, key)


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
        words = _subjects(label)
        if not words:
            continue
        checked = True
        if any(re.search(w, text + " " + heading, re.IGNORECASE) for w in words):
            return True
    return not checked


def _subjects(label: str) -> list[str]:
    """Patterns of which one must stand in a passage about the label; empty for topics."""
    http = re.fullmatch(r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/\S*)", label)
    if http:
        parts = [
            re.escape(p.replace("{}", "")) for p in normalize_path(http[1]).split("/") if p.replace("{}", "")
        ]
        return parts[-1:] or [r"/"]
    if label.startswith("entity "):
        name = label.removeprefix("entity ")
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "[ _]?", name)
        return [spaced]
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", label):
        return [re.escape(label)]
    number = re.search(r"(?:^|:)([A-Z]+(?:-[A-Z]+)*-?\d+(?:\.\d+)*[A-Za-z]?)$", label)
    return [re.escape(number[1])] if number else []


def check_graph(plan: Plan, lines: dict[str, int]) -> Iterator[Finding]:
    """PA701 to PA704: cycles, dangling needs, double ids, order."""
    ids = Counter(t.id for t in plan.tasks)
    for task_id, count in ids.items():
        if count > 1:
            yield Finding(
                "PA703",
                task_id,
                f"given {count} times",
                "Number the tasks again, or plan again.",
                lines.get(task_id, 0),
            )
    needs = {t.id: t.needs for t in plan.tasks}
    cycle = shortest_cycle(needs)
    if cycle:
        yield Finding(
            "PA701",
            cycle[0],
            "dependency cycle: " + " → ".join(cycle),
            "Remove one of these needs.",
            lines.get(cycle[0], 0),
        )
    seen: set[str] = set()
    for task in plan.tasks:
        for need in task.needs:
            if need not in ids:
                yield Finding(
                    "PA702",
                    task.id,
                    f"needs {need}, which is no task",
                    "Remove it or add the task.",
                    lines.get(task.id, 0),
                    task.key,
                )
            elif need not in seen and not cycle:
                yield Finding(
                    "PA704",
                    task.id,
                    f"stands before {need}, which it needs",
                    "Move it below.",
                    lines.get(task.id, 0),
                    task.key,
                )
        seen.add(task.id)


def check_references(plan: Plan, lines: dict[str, int]) -> Iterator[Finding]:
    """PA904: every decision, gap, task and item that a text or list points at is in the file."""
    rulings = {r.id for r in plan.rulings}
    tasks = {t.id for t in plan.tasks}
    items = {i.number for s in plan.sections for i in s.items}

    def missing(text: str) -> list[str]:
        found = []
        for group, task, item in _REFERENCE.findall(text):
            found += [r for r in group.split(", ") if r and r not in rulings]
            found += [task] if task and task not in tasks else []
            found += [item] if item and item not in items else []
        return found

    for section in plan.sections:
        for entry in section.items:
            text = " ".join(line for row in entry.rows for line in row.lines)
            for name in [*missing(text), *(r for r in entry.rulings if r not in rulings)]:
                yield Finding(
                    "PA904",
                    f"item {entry.number}",
                    f"{name} is not in this file",
                    "Point at something that is.",
                    lines.get(entry.number, 0),
                    entry.key,
                )
    for task in plan.tasks:
        text = " ".join((*task.steps, task.done_when))
        listed = [r for r in task.rulings if r not in rulings] + [i for i in task.items if i not in items]
        condition = task.condition.partition(":")[0]
        for name in [
            *missing(text),
            *listed,
            *([condition] if condition and condition not in rulings else []),
        ]:
            yield Finding(
                "PA904",
                task.id,
                f"{name} is not in this file",
                "Point at something that is.",
                lines.get(task.id, 0),
                task.key,
            )


def count_words(text: str) -> int:
    """Words that are read as sentences: reference lists, comments, waves and tables do not count."""
    return sum(len(line.split()) for line in text.split("\n") if not _COUNTED_OUT.match(line))


def check_size(plan: Plan, text: str, obligations: int, lines: dict[str, int]) -> Iterator[Finding]:
    """PA905, PA906: words for each obligation, length of lines, places for each task."""
    words, budget = count_words(text), max(WORDS_AT_LEAST, WORDS_PER_OBLIGATION * obligations)
    if words > budget:
        yield Finding(
            "PA905",
            "the plan",
            f"{words:,} words for {obligations} obligations; the budget is {budget:,}",
            "Say each rule once; point at the specs.",
        )
    for number, line in enumerate(text.split("\n"), 1):
        # Lists of names are looked up, not read; they may be as long as what they list.
        if len(line) > 1000 and not _COUNTED_OUT.match(line):
            yield Finding(
                "PA906",
                f"line {number}",
                f"{len(line):,} characters",
                "Break it into lines of one thought each.",
                number,
            )
    for task in plan.tasks:
        if len(task.sources) > MOST_SOURCES:
            yield Finding(
                "PA906",
                task.id,
                f"needs {len(task.sources)} places to be read",
                "Split the task.",
                lines.get(task.id, 0),
                task.key,
            )
