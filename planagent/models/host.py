"""The answerers that cannot be asked: what they said is in the ledger, or it is open."""

from __future__ import annotations

from typing import Any

from planagent.briefs.brief import HOST, SMALL, Brief
from planagent.errors import OpenError
from planagent.models import identity
from planagent.models.protocol import Answer, FreeModel, Heard


class HostModel(FreeModel):
    """Stands for answers that were handed in. It cannot be asked: what nobody handed in is open."""

    name = "coding agent"
    shape = HOST
    can_be_asked = False

    @property
    def identity(self) -> dict[str, Any]:
        return dict(identity.HOST)

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        raise OpenError(
            f"{len(brief.parts)} parts ({brief.kind}) are not answered yet.",
            "`planagent brief` lists the open briefs; answer them, then merge. Or take the rest from the rules: "
            "`planagent merge --fill-from-rules`.",
        )


class RecordedModel(FreeModel):
    """Stands for whoever gave the answers of a recording."""

    can_be_asked = False

    def __init__(self, name: str, identity: dict[str, Any], *, small: bool, place: str) -> None:
        """
        Args:
            place: where the recording is, for messages.
        """
        self.name = name
        self.identity = identity
        self.shape = SMALL if small else HOST
        self._place = place

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        raise OpenError(
            f"{self._place} does not answer {len(brief.parts)} parts ({brief.kind}): the specs, settings or prompts have changed since.",
            f"Have them answered as the rest was, by {self.name}: PLANAGENT_MODEL names a model, /sp.plan asks a coding agent; another answerer is "
            "asked for everything. Or without one: --fill-from-rules for these parts, --offline for all.",
        )
