"""The writer that asks a model behind any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from planagent.answers import integer, parse, salvage
from planagent.briefs.brief import API, SMALL, Brief, Shape
from planagent.errors import AnswerError, ModelError, UsageError
from planagent.ledger import Ledger
from planagent.models.budget import Budget, Prices
from planagent.models.gate import Gate
from planagent.models.identity import identity
from planagent.models.protocol import Answer, Usage
from planagent.models.transport import Patience, with_retries
from planagent.settings import Settings
from planagent.telemetry import Call, call_span

FORMS = ("schema", "plain-schema", "object", "text")
"""From strict JSON schema with bounds on strings, over the same without, to a JSON object, to plain text."""


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

    async def answer(self, brief: Brief) -> Answer:
        """Asks once, stepping down through the forms that the server refuses.

        Raises:
            CeilingError: the call could break a ceiling of the run.
            ModelError: refused for good, or retries used up.
            AnswerError: refusal, content filter, empty or unparsable; a cut-off answer is returned as not whole.
        """
        form = FORMS.index(self._notes.get("form", FORMS[0]))
        limit = self._notes.get("limit", "max_tokens")
        usage = Usage()
        import openai

        while True:
            try:
                response = await self._send(brief, FORMS[form], limit, usage)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                told = str(error).lower()
                if "temperature" in told and self._notes.get("temperature", True):
                    self._remember(temperature=False)  # reasoning models take none but their own
                    continue
                if "max_completion_tokens" in told and limit == "max_tokens":
                    limit = "max_completion_tokens"
                elif form + 1 < len(FORMS) and _about_form(told, FORMS[form]):
                    form += 1
                else:
                    raise ModelError(
                        f"{self.name}: the server refused the request (400): {str(error)[:200]}",
                        "Check that the model's context holds the brief, or use another model.",
                    ) from error
                self._remember(form=FORMS[form], limit=limit)
                continue
            return self._read(brief, response, usage)

    async def _send(self, brief: Brief, form: str, limit: str, usage: Usage) -> Response:
        import openai

        client = self._connect()
        arguments: dict[str, Any] = {
            "model": self._model,
            "messages": _messages(brief, form),
            limit: brief.max_tokens,
            # As a part of the body that the SDK leaves alone: it would walk through the whole schema at each call.
            "extra_body": _response_format(brief, form),
        }

        if self._notes.get("temperature", True):
            arguments["temperature"] = self._settings.temperature

        def count(spent: Usage) -> None:
            usage.add(spent)
            self.usage.add(spent)

        async def call() -> Response:
            ahead = self._budget.reserve(brief)
            used = Usage(calls=1)
            try:
                with self._traced(brief, arguments["messages"]) as traced:
                    raw = await self._in_time(client.chat.completions.with_raw_response.create(**arguments))
                    response = Response.of(raw.http_response.content)
                    _tell(traced, response)
                used.add(response.usage)
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

    async def _in_time(self, call: Awaitable[Any]) -> Any:
        """The SDK's timeout is between two bytes: a server that sends one now and then would never come to an end.

        Raises:
            TimeoutError: the answer is not whole in time.
        """
        async with asyncio.timeout(float(self._settings.timeout)):
            return await call

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


@dataclass(frozen=True, slots=True)
class Response:
    """What a server sent, taken out of its bytes piece by piece: servers and proxies send all kinds of things with a 200."""

    is_completion: bool
    text: str = ""
    reason: str = ""
    refused: bool = False
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    beginning: str = ""

    @classmethod
    def of(cls, body: bytes) -> Response:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(choices, list):
            return cls(False, beginning=body[:80].decode("utf-8", "replace"))
        choice = choices[0] if choices and isinstance(choices[0], dict) else {}
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        return cls(
            True, _text(message.get("content")), str(choice.get("finish_reason") or ""), bool(message.get("refusal")), str(value.get("model") or ""),
            _spent(value.get("usage")),
        )  # fmt: skip


def _text(content: Any) -> str:
    """A message's text; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _spent(usage: Any) -> Usage:
    """Tokens as the server counted them; 0 for what is no number."""
    spent = usage if isinstance(usage, dict) else {}
    details = spent.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(
        input_tokens=max(0, integer(spent.get("prompt_tokens"))),
        output_tokens=max(0, integer(spent.get("completion_tokens"))),
        cached_tokens=max(0, integer(cached)),
    )


def _tell(traced: Call, response: Response) -> None:
    """What came of a call, for whoever watches calls."""
    traced.answered(
        model=response.model, reason=response.reason, input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens,
        text=response.text,
    )  # fmt: skip


def _about_form(told: str, form: str) -> bool:
    """True when a 400 is about the response format, or the form is one that many servers lack."""
    return (
        any(
            word in told
            for word in ("response_format", "json_schema", "json schema", "schema", "grammar", "json_object", "maxlength", "not permitted")
        )
        or form == "plain-schema"
    )


def _response_format(brief: Brief, form: str) -> dict[str, Any]:
    if form == "text":
        return {}
    if form == "object":
        return {"response_format": {"type": "json_object"}}
    schema = brief.schema if form == "schema" else _without_bounds(brief.schema)
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}}


def _without_bounds(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _without_bounds(v) for k, v in schema.items() if k not in ("maxLength", "minLength", "maxItems", "minItems")}
    if isinstance(schema, list):
        return [_without_bounds(v) for v in schema]
    return copy.copy(schema)


def _messages(brief: Brief, form: str) -> list[dict[str, str]]:
    messages = brief.messages()
    if form in ("object", "text"):
        # Appended, not prepended: the common part must stay the first bytes of the message.
        messages[-1]["content"] += "\n\n# JSON schema of the answer\n\n" + json.dumps(brief.schema, ensure_ascii=False)
    return messages
