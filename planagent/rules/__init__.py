"""The answerer without a model. It takes plain shapes for what they are and hands on the rest, line by line, unread.

Nothing outside of this room looks into the words of a spec, and nothing but the choice of an answerer knows this room.
"""

from __future__ import annotations

from typing import Any

from planagent.briefs.brief import HOST, Brief
from planagent.models.identity import RULES
from planagent.models.protocol import Answer, FreeModel, Heard


class RulesModel(FreeModel):
    """Answers every kind of brief in the form that any model answers in. No network, no key, no meaning."""

    name = "built-in rules, no model"
    shape = HOST

    @property
    def identity(self) -> dict[str, Any]:
        return dict(RULES)

    _known: Any = None
    """What the corpus tells as a whole, worked out once for all of its briefs."""

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        if brief.kind == "read":
            from planagent.rules.evidence import Surroundings
            from planagent.rules.reader import read

            stage, _ = brief.payload
            if self._known is None or self._known.stage is not stage:
                self._known = Surroundings(stage)
            return Answer(read(brief, self._known))
        if brief.kind == "decide":
            from planagent.rules.planner import decide

            return Answer(decide(brief))
        if brief.kind == "write":
            from planagent.rules.writer import write

            return Answer(write(brief))
        return Answer({"points": []})
