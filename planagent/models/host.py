"""The answerer that stands for a coding agent: its answers are in the ledger, or they are open."""

from __future__ import annotations

from typing import Any

from planagent.briefs.brief import HOST, Brief
from planagent.errors import OpenError
from planagent.models import identity
from planagent.models.protocol import Answer, FreeModel


class HostModel(FreeModel):
    """Stands for answers that were handed in. It cannot be asked: what nobody handed in is open."""

    name = "coding agent"
    shape = HOST

    @property
    def identity(self) -> dict[str, Any]:
        return dict(identity.HOST)

    async def answer(self, brief: Brief) -> Answer:
        raise OpenError(
            f"{len(brief.parts)} parts ({brief.kind}) are not answered yet.",
            "`planagent brief` lists the open briefs; answer them, then merge. Or take the rest from the rules: "
            "`planagent merge --fill-from-rules`.",
        )
