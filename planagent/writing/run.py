"""One run with a writer. Light: what checks need is loaded while the first call is under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from planagent.errors import AnswerError, StoppedError, WriterError
from planagent.planning.briefs import Brief
from planagent.planning.ledger import Ledger
from planagent.planning.outline import Outline
from planagent.writing.memory import Memory
from planagent.writing.protocol import Usage, Writer

if TYPE_CHECKING:
    from planagent.checking.check import Checker


@dataclass(slots=True)
class Run:
    """One planning run with its writer. `filled` names the parts taken from the rules, when that was allowed."""

    outline: Outline
    writer: Writer
    ledger: Ledger
    tell: Callable[[str], None]
    repairs: int = 2
    fill_from_rules: bool = False
    keep_findings: bool = False
    briefs: int = 0
    repaired: int = 0
    reused: int = 0
    filled: list[str] = field(default_factory=list)
    stop: threading.Event | None = None
    """Set by whoever wants the run to stop between two calls."""
    pace: Callable[[], float] | None = None
    """Seconds to wait before a call, where several processes share a provider's rate."""
    stopped: WriterError | None = None
    """What ended the run: briefs under way are still finished and kept, no new one is sent."""

    _checker: Checker | None = None

    def checker(self) -> Checker:
        """What checks know of the corpus, worked out once: rulings, all that deciding changes, are no part of it."""
        if self._checker is None:
            from planagent.checking.check import Checker

            self._checker = Checker.of(self.outline)
        return replace(self._checker, outline=self.outline)

    def prepare(self) -> None:
        """Loads and works out, while the first call is under way, what the others will need."""
        from planagent import tokens
        from planagent.publishing import link, markdown_in, markdown_out  # noqa: F401
        from planagent.writing import sections  # noqa: F401

        self.checker()
        tokens.count("")
        self.writer.cost(Usage())

    @property
    def usage(self) -> Usage:
        return self.writer.usage

    @property
    def memory(self) -> Memory:
        shape = self.writer.shape
        return Memory(
            self.ledger, self.outline.corpus, self.outline.profile, self.writer.identity, lean=shape.lean
        )

    async def ask(self, brief: Brief) -> tuple[dict[str, Any], bool]:
        """The answer's JSON and whether it is whole; empty for an answer that holds nothing usable."""
        async with self.writer.gate:
            await self._wait()
            if self.stop and self.stop.is_set():
                self.stopped = StoppedError(
                    "The run was asked to stop.", "Accepted answers are kept: run again to go on."
                )
            if self.stopped:
                raise self.stopped
            try:
                answer = await self.writer.answer(brief)
            except AnswerError as error:
                if error.kind in ("refusal", "content_filter"):
                    self.stopped = error
                    raise
                self.tell(f"brief {brief.id}: {error.message}")
                return {}, True
            except WriterError as error:
                self.stopped = error
                raise
        return answer.value, answer.whole

    async def _wait(self) -> None:
        if self.pace and not self.stopped:
            await asyncio.sleep(await asyncio.to_thread(self.pace))
