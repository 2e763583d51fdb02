"""The writer that stands for a coding agent in a run: its answers are in the ledger, or they are open."""

from __future__ import annotations

from typing import Any

from planagent.errors import OpenError
from planagent.planning.briefs import HOST, Brief
from planagent.writing import identity
from planagent.writing.protocol import Answer, FreeWriter


class HostWriter(FreeWriter):
    """Stands for answers that were handed in. It cannot be asked: what nobody handed in is open."""

    name = "coding agent"
    shape = HOST

    def __init__(self, *, fill: bool = False) -> None:
        """
        Args:
            fill: what is open is taken from the rules.
        """
        self._fill = fill

    @property
    def identity(self) -> dict[str, Any]:
        return dict(identity.HOST)

    async def answer(self, brief: Brief) -> Answer:
        if not self._fill:
            raise OpenError(
                f"{len(brief.parts)} parts of section {', '.join(map(str, brief.sections))} are not answered yet.",
                "`planagent brief` lists the open briefs; answer them, then merge. Or take the rest from the rules: "
                "`planagent merge --fill-from-rules`.",
            )
        return Answer({})
