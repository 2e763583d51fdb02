"""The answerer without a model. It takes plain shapes for what they are and hands on the rest, line by line, unread.

Nothing outside of this room looks into the words of a spec, and nothing but the choice of an answerer knows this room.
"""

from __future__ import annotations

from typing import Any

from planagent.briefs.brief import HOST, Brief
from planagent.models.identity import RULES
from planagent.models.protocol import Answer, FreeModel


class RulesModel(FreeModel):
    """Answers every kind of brief in the form that any model answers in. No network, no key, no meaning."""

    name = "built-in rules, no model"
    shape = HOST

    @property
    def identity(self) -> dict[str, Any]:
        return dict(RULES)

    async def answer(self, brief: Brief) -> Answer:
        if brief.kind == "read":
            from planagent.rules.reader import read

            return Answer(read(brief))
        if brief.kind == "decide":
            from planagent.rules.planner import decide

            return Answer(decide(brief))
        if brief.kind == "write":
            from planagent.rules.writer import write

            return Answer(write(brief))
        return Answer({"points": []})
