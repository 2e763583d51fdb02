"""Answers into drafts: what fits the schema becomes part of a section, everything else a finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from planagent.checking.check import Checker
from planagent.model import Finding
from planagent.planning.drafts import Gap, OwnTask, Risk, SectionDraft, TaskText
from planagent.writing.memory import Known

EXTRA: dict[str, type[Risk] | type[Gap] | type[OwnTask]] = {"risks": Risk, "gaps": Gap, "own_tasks": OwnTask}


def findings(checker: Checker, base: SectionDraft, known: dict[str, Known]) -> list[Finding]:
    """What is wrong with the answers to some parts of a section."""
    part = base.model_copy(
        update={
            "items": [i for i in base.items if i.key in known],
            "tasks": [t for t in base.tasks if t.key in known],
            "intro": [],
        }
    )
    draft, broken = build(part, known)
    at_fault = {b.key for b in broken}
    found = [f for f in checker.draft(draft, part) if not (f.rule == "PA907" and f.key in at_fault)]
    return [*broken, *found]


def build(base: SectionDraft, known: dict[str, Known]) -> tuple[SectionDraft, list[Finding]]:
    """The draft that answers make of a section's base, and findings for entries that break the schema."""
    broken: list[Finding] = []
    items, tasks = [], []
    for item in base.items:
        entry = known[item.key].entry if item.key in known else {}
        if not entry:
            broken.append(_missing(item.key, "item"))
            continue
        values = {n: entry[n] for n in item.written_fields() if n in entry}
        try:
            items.append(type(item).model_validate({**item.model_dump(), **values}))
        except ValidationError as error:
            broken.append(_finding(item.key, _first(error)))
    for text in base.tasks:
        entry = known[text.key].entry if text.key in known else {}
        if not entry:
            broken.append(_missing(text.key, "task"))
            continue
        try:
            tasks.append(TaskText.model_validate({**entry, "key": text.key}))
        except ValidationError as error:
            broken.append(_finding(text.key, _first(error)))
    extras, more = _extras(known.values())
    return base.model_copy(update={"items": items, "tasks": tasks, **extras}), [*broken, *more]


def _extras(known: Iterable[Known]) -> tuple[dict[str, list[Any]], list[Finding]]:
    found: dict[str, list[Any]] = {name: [] for name in EXTRA}
    broken = []
    for one in known:
        for name, model in EXTRA.items():
            for entry in one.extras.get(name, []):
                try:
                    value = model.model_validate(entry)
                except ValidationError as error:
                    broken.append(_finding(name, _first(error)))
                    continue
                if value not in found[name]:
                    found[name].append(value)
    return found, broken


def _missing(key: str, kind: str) -> Finding:
    return _finding(key, f"the {kind} is missing")


def _finding(key: str, message: str) -> Finding:
    return Finding("PA907", key, message, "Answer with every key and field, within the bounds.", 0, key)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
