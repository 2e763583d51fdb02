"""The offline writer: every section from obligations and facts by rule, in sentences of its own."""

from __future__ import annotations

from planagent.planning.drafts import SectionDraft
from planagent.planning.outline import Outline
from planagent.writing.rules import api, auth, database, environment, errors, frontend, layout, services, testing

_WRITERS = {
    1: layout.write, 2: environment.write, 3: database.write, 4: auth.write, 5: api.write, 6: services.write,
    7: frontend.write, 8: errors.write, 9: testing.write,
}  # fmt: skip


def write_section(outline: Outline, number: int) -> SectionDraft:
    """The rule-made draft of one section, 1 to 9; the same outline always gives the same draft."""
    return _WRITERS[number](outline)


def write_all(outline: Outline) -> dict[int, SectionDraft]:
    return {number: write_section(outline, number) for number in _WRITERS}
