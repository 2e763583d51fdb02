"""The offline writer: every section from obligations and facts by rule, in sentences of its own."""

from __future__ import annotations

import re

from planagent.checking.about import gist
from planagent.checking.coverage import Said
from planagent.planning.drafts import SectionDraft, TaskText
from planagent.planning.outline import Outline
from planagent.planning.requirements import values_in
from planagent.planning.tasks import TaskSpec
from planagent.writing.rules import (
    api,
    auth,
    database,
    environment,
    errors,
    frontend,
    layout,
    services,
    testing,
)

_WRITERS = {
    1: layout.write, 2: environment.write, 3: database.write, 4: auth.write, 5: api.write, 6: services.write,
    7: frontend.write, 8: errors.write, 9: testing.write,
}  # fmt: skip


def write_section(outline: Outline, number: int, said: Said | None = None) -> SectionDraft:
    """The rule-made draft of one section, 1 to 9; the same outline always gives the same draft."""
    draft = _WRITERS[number](outline)
    known = said or Said.of(outline)
    draft.tasks = [_with_requirements(outline, text, known) for text in draft.tasks]
    return draft


def write_all(outline: Outline) -> dict[int, SectionDraft]:
    said = Said.of(outline)
    return {number: write_section(outline, number, said) for number in _WRITERS}


MOST_STEPS = 6
MOST_CHARACTERS = 340
"""A sentence of a draft may have 360."""


def _with_requirements(outline: Outline, text: TaskText, said: Said) -> TaskText:
    """The task with the values of its requirements, and a pointer to those that it says nothing of yet."""
    spec = outline.tasks[text.key]
    values = requirement_lines(outline, spec)
    lines: list[str] = []
    room = MOST_STEPS - len(text.steps)
    for kept, words in [(k, 5) for k in range(min(len(values), room), -1, -1)] + [(0, 3), (0, 2)]:
        spoken = " ".join((spec.title, *text.steps, text.done_when, *values[:kept]))
        lines = [*_pointers(outline, spec, said, spoken, words), *values[:kept]]
        if len(lines) <= room:
            return text.model_copy(update={"steps": [*text.steps, *lines]})
    # Too many demands for the room: what the task serves counts more than its last step.
    return text.model_copy(update={"steps": [*text.steps[: MOST_STEPS - len(lines)], *lines][:MOST_STEPS]})


def _pointers(outline: Outline, spec: TaskSpec, said: Said, spoken: str, words: int) -> list[str]:
    """Lines that name the requirements of which nothing is said yet, each with the words that tell it apart."""
    named = [
        f"{o.label.rpartition(':')[2]} ({gist(o.detail, said.weights, words)})"
        for i in spec.covers
        if (o := outline.obligations[i]).kind == "requirement" and not said.about(o.label, spoken)
    ]
    lines: list[str] = []
    for name in named:
        if lines and len(lines[-1]) + len(name) < MOST_CHARACTERS:
            lines[-1] += f"; {name}"
        else:
            lines.append(f"It also serves {name}")
    return [f"{line}." for line in lines]


def requirement_lines(outline: Outline, spec: TaskSpec) -> list[str]:
    """One line for each requirement of a task: its id and its exact values, never its words."""
    lines = []
    for obligation_id in spec.covers:
        if not obligation_id.startswith("requirement:"):
            continue
        obligation = outline.obligations[obligation_id]
        values = [
            v for v in values_in(obligation.detail) if not re.search(r"[;={}()<>\"]|\s--?\w", v.strip("`"))
        ]
        if len(values) > 1 or any(not v.isdigit() for v in values):  # a lone status is in the item already
            lines.append(f"{obligation.label}: {', '.join(values)}.")
    return lines
