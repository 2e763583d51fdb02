"""A model behind the Batch API: each wave of briefs is handed over at once, answered within a day at half the price, and picked up by a later run.

Nothing is held between two runs but the ledger's notes: which briefs were handed over, under the hash of each request. What a batch did not
answer, and what is to be mended, is asked one by one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from planagent.briefs.brief import STAGES, Brief, fingerprint
from planagent.errors import ModelError, WaitingError
from planagent.ledger import Ledger
from planagent.models.budget import BATCH_PRICE, expected
from planagent.models.dialect import Dialect
from planagent.models.openai_model import OpenAIModel
from planagent.models.protocol import Answer, Heard, Usage
from planagent.models.response import Response
from planagent.models.transport import explain
from planagent.settings import Settings

Result = TypeVar("Result")

_NOTE = "batch "
"""Beginning of the names of the ledger's notes on batches."""
_UNDER_WAY = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_FORGOTTEN = 7 * 24 * 3600
"""Seconds after which nobody picks up a batch any more."""
_ENDPOINT = "/v1/chat/completions"


@dataclass(slots=True)
class _Handed:
    """What is known of the briefs that were handed over."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    """Completions by the hash of their request."""
    ended: dict[str, list[str]] = field(default_factory=dict)
    """The requests of batches that are over, by wave."""
    under_way: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    """Parts that a batch which is over was asked for: what is left of them is asked one by one."""


class BatchModel(OpenAIModel):
    """Answers what a batch has answered; all else waits for the next one, or for its end."""

    def __init__(self, settings: Settings, ledger: Ledger, *, model: str, tell: Callable[[str], None]) -> None:
        super().__init__(settings, ledger, model=model)
        self._tell = tell
        self._handed: _Handed | None = None
        self._wanted: dict[str, Brief] = {}
        self.batched = Usage()
        """What batches spent of the usage."""

    def cost(self, usage: Usage) -> float | None:
        whole, batched = super().cost(usage), super().cost(self.batched)
        return None if whole is None or batched is None else whole - (1 - BATCH_PRICE) * batched

    async def ready(self) -> None:
        async with self._asking:
            if self._handed is None:
                self._handed = await self._picked_up()

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        """
        Raises:
            WaitingError: it is with the provider, or will be once `send_off` is called.
        """
        handed = self._handed or _Handed()
        name = self._name(brief)
        if name in handed.bodies:
            return self._taken(brief, handed.bodies.pop(name))
        if name in handed.under_way:
            raise WaitingError("A batch is under way.", _AGAIN)
        if any(part in handed.tried for part in _parts(brief)):
            return await super().answer(brief, heard)
        self._budget.reserve(brief)
        self._wanted[name] = brief
        raise WaitingError("A batch is to be sent.", _AGAIN)

    def _taken(self, brief: Brief, body: bytes) -> Answer:
        response = Response.of(body)
        used = Usage(calls=1)
        used.add(response.usage if any(response.usage.tokens) else expected(brief))
        for total in (self.usage, self.batched, self._budget.spent):
            total.add(used)
        return self._read(brief, response, used)

    async def close(self) -> None:
        """What a batch answered is in the ledger now, part by part: once all of it is taken, nobody looks at it again."""
        handed = self._handed or _Handed()
        for wave, names in handed.ended.items():
            if handed.bodies.keys().isdisjoint(names):
                self._ledger.forget_notes(f"{_NOTE}{wave}")
        await super().close()

    @staticmethod
    def _name(brief: Brief) -> str:
        """Hash of all that is asked, in whichever dialect."""
        return fingerprint([brief.messages(), brief.schema, brief.max_tokens])[:40]

    # -- handing over ---------------------------------------------------------------------------

    async def send_off(self) -> WaitingError:
        """Hands over what was asked for since; tells what is waited for."""
        wanted, self._wanted = self._wanted, {}
        if wanted:
            await self._sent(wanted)
        handed = self._handed or _Handed()
        kinds = {STAGES[b.kind] for b in wanted.values()}
        many = len(wanted) + len(handed.under_way)
        what = f"{', '.join(sorted(kinds))}: {many}" if kinds else str(many)
        return WaitingError(f"{what} briefs are with the provider's Batch API, to be answered within 24 hours.", _AGAIN)

    async def _sent(self, wanted: dict[str, Brief]) -> None:
        """The note comes first, without the batch's id: a run that dies in here leaves what the next one can find it by."""
        dialect = Dialect.of(self._notes)
        wave = fingerprint(sorted(wanted))[:40]
        note = {
            "server": self._server,
            "id": "",
            "at": time.time(),
            "names": list(wanted),
            "parts": sorted({p for b in wanted.values() for p in _parts(b)}),
        }
        lines = (
            {"custom_id": n, "method": "POST", "url": _ENDPOINT, "body": self._body(b, dialect)} for n, b in wanted.items()
        )  # fmt: skip
        data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        self._ledger.note(f"{_NOTE}{wave}", note)
        client = self._connect()
        file = await self._told(client.files.create(file=(f"{wave}.jsonl", data), purpose="batch"))
        made = await self._told(
            client.batches.create(input_file_id=file.id, endpoint=_ENDPOINT, completion_window="24h", metadata={"planagent": wave})
        )
        self._ledger.note(f"{_NOTE}{wave}", note | {"id": made.id})
        self._tell(f"{len(wanted)} briefs were handed to the Batch API as {made.id}.")

    async def _told(self, call: Awaitable[Result]) -> Result:
        """
        Raises:
            ModelError: the server refuses, or has no such API.
        """
        import openai

        try:
            return await call
        except (openai.NotFoundError, openai.BadRequestError) as error:
            raise ModelError(
                f"{self.name}: the server refused a batch ({str(error)[:200]}).", "Plan without --batch: not every server has a Batch API."
            ) from error
        except openai.OpenAIError as error:
            raise explain(error, self.name) from error

    # -- picking up -----------------------------------------------------------------------------

    async def _picked_up(self) -> _Handed:
        found = _Handed()
        for name, note in self._ledger.notes(_NOTE).items():
            if note.get("server") != self._server:
                continue
            if time.time() - float(note.get("at", 0)) > _FORGOTTEN:
                self._ledger.forget_notes(f"{_NOTE}{name}")
                continue
            await self._look_at(name, note, found)
        return found

    async def _look_at(self, wave: str, note: dict[str, Any], found: _Handed) -> None:
        batch = await self._batch(wave, str(note.get("id", "")))
        if batch is None:
            self._ledger.forget_notes(f"{_NOTE}{wave}")  # it never came to be
            return
        names = [str(n) for n in note.get("names", ())]
        if batch.status in _UNDER_WAY:
            found.under_way.update(names)
            return
        found.tried.update(str(p) for p in note.get("parts", ()))
        found.ended[wave] = names
        if batch.output_file_id:
            content = await self._told(self._connect().files.content(batch.output_file_id))
            found.bodies |= dict(_completions(content.content, frozenset(names)))
        left = sum(n not in found.bodies for n in names)
        if left:
            why = "; ".join(str(e.message) for e in (batch.errors.data or ())[:2]) if batch.errors else ""
            self._tell(
                f"warning: the batch {batch.id} ended as {batch.status}{f' ({why})' if why else ''} without {left} of {len(names)} answers: "
                "they are asked for one by one."
            )

    async def _batch(self, wave: str, batch_id: str) -> Any:
        """A batch by its id; one whose run died before it knew the id, by what it was made with."""
        client = self._connect()
        if batch_id:
            return await self._told(client.batches.retrieve(batch_id))
        page = await self._told(client.batches.list(limit=100))
        return next((b for b in page.data if (b.metadata or {}).get("planagent") == wave), None)


_AGAIN = "Run the same command again to go on, or add --wait; what is answered is kept."


def _parts(brief: Brief) -> Iterator[str]:
    yield from (fingerprint([brief.kind, p.key, p.material])[:40] for p in brief.parts)


def _completions(data: bytes, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """The good lines of a result file; a torn or strange one counts as not answered."""
    for line in data.splitlines():
        try:
            value = json.loads(line)
            name, response = value["custom_id"], value["response"]
            good = response["status_code"] == 200 and name in wanted
            body = json.dumps(response["body"]).encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if good:
            yield name, body
