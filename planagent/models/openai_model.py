"""The writer that asks a model behind any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

from planagent import tokens
from planagent.answers import parse, salvage
from planagent.briefs.brief import API, SMALL, Brief, Shape
from planagent.errors import AnswerError, ModelError, UsageError, WaitingError
from planagent.ledger import Ledger
from planagent.models.budget import Budget, Prices
from planagent.models.dialect import Dialect
from planagent.models.gate import Gate
from planagent.models.identity import identity
from planagent.models.protocol import Answer, Heard, Usage
from planagent.models.response import BrokenStreamError, Pieces, Response
from planagent.models.transport import Patience, with_retries
from planagent.settings import Settings
from planagent.telemetry import Call, call_span


class OpenAIModel:
    """Speaks to one model. What the server turned out to support is remembered in the ledger's notes."""

    can_be_asked = True

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        *,
        base_url: str = "",
        model: str = "",
        named: str = "",
        local: bool = False,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            model: what the server calls it.
            named: what the settings call it, where that differs.
            local: a model file that is served in this process.
        """
        self._settings = settings
        self._ledger = ledger
        self._base_url = base_url or settings.base_url
        self._model = model or settings.model
        self._named = named or self._model
        self._local = local
        self._on_close = on_close
        self._client: Any = None
        self._asking = asyncio.Lock()
        self.usage = Usage()
        if not self._model:
            raise UsageError("No model is configured.", "Set PLANAGENT_MODEL or --model, or plan with --offline.")
        if not settings.api_key and not self._base_url:
            raise UsageError(
                "OPENAI_API_KEY is not set.",
                "Put it into .env or the environment, set OPENAI_BASE_URL for a server without keys, or plan with --offline.",
            )
        self._server = Ledger.key(self.identity)[:16]
        self._prices = Prices(settings, self._model, self._base_url)
        self._budget = Budget(settings, self._prices)
        # A second request to a one-slot local server throws the cached prefix of the first away.
        self._notes: dict[str, Any] = ledger.noted("servers").get(self._server, {})
        slots = 1 if local else int(self._notes.get("slots", 0))
        self.gate = Gate(min(slots or settings.concurrency, settings.concurrency))

    @property
    def name(self) -> str:
        return f"model {self._model}"

    @property
    def identity(self) -> dict[str, Any]:
        return identity(self._settings, self._named)

    @property
    def shape(self) -> Shape:
        return SMALL if self._local else API

    def cost(self, usage: Usage) -> float | None:
        return 0.0 if self._local else self._prices.cost(usage)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        if self._on_close:
            self._on_close()

    async def send_off(self) -> WaitingError:
        raise NotImplementedError  # it answers at once

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        """Asks once, stepping down through the forms that the server refuses.

        Raises:
            CeilingError: the call could break a ceiling of the run.
            ModelError: refused for good, or retries used up.
            AnswerError: refusal, content filter, empty or unparsable; a cut-off answer is returned as not whole.
        """
        import openai

        usage = Usage()
        while True:
            dialect = Dialect.of(self._notes)
            try:
                response = await self._send(brief, dialect, usage, heard)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                lesser = dialect.lesser(str(error).lower())
                if lesser is None:
                    raise ModelError(
                        f"{self.name}: the server refused the request (400): {str(error)[:200]}",
                        "Check that the model's context holds the brief, or use another model.",
                    ) from error
                self._remember(**lesser.changes(dialect))
                continue
            return self._read(brief, response, usage)

    async def _send(self, brief: Brief, dialect: Dialect, usage: Usage, heard: Heard | None) -> Response:
        import openai

        body = self._body(brief, dialect)
        arguments = {n: body.pop(n) for n in ("model", "messages")}
        if dialect.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        # The rest as a part of the body that the SDK leaves alone: it would walk through the whole schema at each call.
        arguments["extra_body"] = body

        def count(spent: Usage) -> None:
            usage.add(spent)
            self.usage.add(spent)

        async def call() -> Response:
            ahead = self._budget.reserve(brief)
            used = Usage(calls=1)
            try:
                with self._traced(brief, arguments["messages"]) as traced:
                    response = await self._received(arguments, brief.max_tokens, heard)
                    _tell(traced, response)
                used.add(response.usage if any(response.usage.tokens) else _estimated(brief, response))
            except openai.RateLimitError:
                used, refused = Usage(), Usage(calls=1)
                count(refused)  # it was sent, and costs nothing of any ceiling
                raise
            finally:
                count(used)
                self._budget.settle(ahead, used)
            return response

        patience = Patience(int(self._settings.retries) + 1, float(self._settings.patience))
        return await with_retries(call, patience, self.gate, lambda: count(Usage(retries=1)), self.name)

    def _body(self, brief: Brief, dialect: Dialect) -> dict[str, Any]:
        return dialect.body(self._model, brief, float(self._settings.temperature))

    async def _received(self, arguments: dict[str, Any], most: int, heard: Heard | None) -> Response:
        """One answer, streamed where the server streams.

        Raises:
            TimeoutError: nothing came for `timeout` seconds at first, or for `idle_timeout` in the middle; or less than a token a second.
            BrokenStreamError: it ended in its middle.
        """
        loop, pieces = asyncio.get_running_loop(), Pieces()
        first, idle = float(self._settings.timeout), float(self._settings.idle_timeout)
        end = loop.time() + first + most
        # The SDK's timeout is between two bytes: a server that sends one now and then would never come to an end.
        async with asyncio.timeout(first) as clock, self._connect().chat.completions.with_streaming_response.create(**arguments) as raw:
            if not raw.headers.get("content-type", "").startswith("text/event-stream"):
                return Response.of(await _unbroken(raw.read()))
            if heard:
                heard.begins()
            async for line in _lines(raw):
                piece, said = pieces.take(line)
                if said:
                    clock.reschedule(min(loop.time() + idle, end))
                if piece and heard:
                    heard.piece(piece)
        return pieces.response()

    def _traced(self, brief: Brief, messages: list[dict[str, str]]) -> AbstractContextManager[Call]:
        return call_span(
            model=self._model, base_url=str(self._base_url), max_tokens=brief.max_tokens,
            temperature=float(self._settings.temperature), brief=brief.id, messages=messages,
        )  # fmt: skip

    async def ready(self) -> None:
        """Asks a server of one's own, once, how many requests it works on at once: llama.cpp says so, and more would wait
        there, and run into the timeout."""
        if not self._base_url or self._local or "slots" in self._notes:
            return
        async with self._asking:
            if "slots" in self._notes:
                return
            import openai

            root = str(self._base_url).rstrip("/").removesuffix("/v1")
            slots = 0
            try:
                told = await self._connect().with_options(timeout=2.0).get(f"{root}/props", cast_to=object)
                slots = int(told["total_slots"])
            except (openai.OpenAIError, TypeError, KeyError, ValueError):
                pass  # a server that does not tell is treated like any other
            self._remember(slots=slots)
            if slots:
                self.gate.narrow(min(slots, self._settings.concurrency))

    def _connect(self) -> Any:
        if self._client is None:
            import openai

            self._client = openai.AsyncOpenAI(
                api_key=self._settings.api_key or "none",
                base_url=self._base_url or None,
                max_retries=0,
                timeout=float(self._settings.timeout),
            )
        return self._client

    def _remember(self, **found: Any) -> None:
        self._notes = {**self._notes, **found}
        self._ledger.note("servers", self._ledger.noted("servers") | {self._server: self._notes})

    def _read(self, brief: Brief, response: Response, usage: Usage) -> Answer:
        place = f"{self.name}: brief {brief.id}"
        if not response.is_completion:
            raise AnswerError(
                f"{place}: what came back is no completion: {response.beginning!r}.",
                "Check OPENAI_BASE_URL (it usually ends in /v1), and whether a proxy answers in the server's place.",
            )
        if response.refused:
            raise AnswerError(f"{place}: the model refused.", "Use another model, or --offline.", kind="refusal")
        if response.reason == "content_filter":
            raise AnswerError(
                f"{place}: the provider's content filter stopped the answer.", "Use another model, or --offline.", kind="content_filter"
            )
        if response.reason == "length":
            return Answer(salvage(response.text), whole=False, usage=usage)
        if not response.text:
            raise AnswerError(f"{place}: the server sent no answer.", "Try again.", kind="empty")
        return Answer(parse(response.text), usage=usage)


async def _lines(raw: Any) -> AsyncIterator[str]:
    """The lines of a response; whatever library the SDK reads them with, its errors are those of a connection."""
    try:
        async for line in raw.iter_lines():
            yield line
    except Exception as error:
        raise BrokenStreamError(f"the connection was lost: {error or type(error).__name__}") from error


async def _unbroken(reading: Any) -> bytes:
    try:
        return bytes(await reading)
    except Exception as error:
        raise BrokenStreamError(f"the connection was lost: {error or type(error).__name__}") from error


def _estimated(brief: Brief, response: Response) -> Usage:
    """What a call has cost, for ceilings and prices, where the server does not tell."""
    return Usage(input_tokens=brief.size, output_tokens=tokens.count(response.text))


def _tell(traced: Call, response: Response) -> None:
    """What came of a call, for whoever watches calls."""
    traced.answered(
        model=response.model, reason=response.reason, input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens,
        text=response.text,
    )  # fmt: skip
