"""The offline writer: every section from obligations and facts by rule, in sentences of its own."""

from __future__ import annotations

import re

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


def write_section(outline: Outline, number: int) -> SectionDraft:
    """The rule-made draft of one section, 1 to 9; the same outline always gives the same draft."""
    draft = _WRITERS[number](outline)
    draft.tasks = [_with_values(outline, text) for text in draft.tasks]
    return draft


def write_all(outline: Outline) -> dict[int, SectionDraft]:
    return {number: write_section(outline, number) for number in _WRITERS}


MOST_STEPS = 6


def _with_values(outline: Outline, text: TaskText) -> TaskText:
    """The task with one more line for each of its requirements that gives exact values."""
    lines = requirement_lines(outline, outline.tasks[text.key])
    return text.model_copy(update={"steps": [*text.steps, *lines][:MOST_STEPS]})


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
