"""How many calls are under way at once: fewer when the server says that it is too much, more while it goes well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType


class Gate:
    """Additive increase, multiplicative decrease, as in congestion control.

    Args:
        most: calls at once while the server does not object; where a run begins.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.last_success = time.monotonic()
        self._under_way = 0
        self._closed_until = 0.0
        self._slowed_at = 0.0
        self._changed = asyncio.Condition()
        self.tell: Callable[[float], None] = lambda _: None
        """Hears of each refusal how many seconds nobody should ask; for others who ask the same server."""

    def slow_down(self, began: float, wait: float = 0.0) -> None:
        """Half as many at once, and none for a while.

        Args:
            began: when the refused call was sent; refusals of calls sent before the last slowing down say nothing new.
            wait: seconds that the server asked for.
        """
        now = time.monotonic()
        self._closed_until = max(self._closed_until, now + wait)
        self.tell(wait)
        if began >= self._slowed_at:
            self.limit = max(1.0, self.limit / 2)
            self._slowed_at = now

    def went_well(self) -> None:
        self.last_success = time.monotonic()
        self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def narrow(self, most: int) -> None:
        """The server turned out to answer no more than so many at once."""
        self.most = max(1, most)
        self.limit = min(self.limit, float(self.most))

    async def __aenter__(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < int(self.limit))
            self._under_way += 1
        while (left := self._closed_until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async with self._changed:
            self._under_way -= 1
            # One leaves, and one more may be let in after a success: to wake all that wait would cost more than the calls.
            self._changed.notify(2)
