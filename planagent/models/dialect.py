"""How a server wants to be asked: OpenAI-compatible ones differ in what they take, and refuse the rest with a 400."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from planagent.briefs.brief import Brief, fingerprint

FORMS = ("schema", "plain-schema", "object", "text")
"""From strict JSON schema with bounds on strings, over the same without, to a JSON object, to plain text."""
_OF_FORMS = ("response_format", "json_schema", "json schema", "schema", "grammar", "json_object", "maxlength", "not permitted")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes, as far as it has turned out.

    Args:
        form: of the answer, one of `FORMS`.
        limit: the name of the bound on an answer's tokens.
        temperature: False for reasoning models, which take none but their own.
        stream: answers come piece by piece, with their usage at the end.
        cache_key: requests that share their head are told apart from others.
    """

    form: str = FORMS[0]
    limit: str = "max_tokens"
    temperature: bool = True
    stream: bool = True
    cache_key: bool = True

    @classmethod
    def of(cls, notes: Mapping[str, Any]) -> Dialect:
        return cls(**{n: notes[n] for n in cls.__dataclass_fields__ if n in notes})

    def lesser(self, told: str) -> Dialect | None:
        """What to try after a refusal; None where nothing is left.

        Args:
            told: the server's words, in small letters.
        """
        if "prompt_cache_key" in told and self.cache_key:
            return replace(self, cache_key=False)
        if "temperature" in told and self.temperature:
            return replace(self, temperature=False)
        if "stream" in told and self.stream:
            return replace(self, stream=False)
        if "max_completion_tokens" in told and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        at = FORMS.index(self.form)
        # Many servers lack the second form, and say so in words of their own.
        if at + 1 < len(FORMS) and (self.form == "plain-schema" or any(word in told for word in _OF_FORMS)):
            return replace(self, form=FORMS[at + 1])
        return None

    def changes(self, before: Dialect) -> dict[str, Any]:
        """What is other than before, to be noted: several calls find out different things at once."""
        return {n: v for n, v in asdict(self).items() if v != getattr(before, n)}

    def body(self, model: str, brief: Brief, temperature: float) -> dict[str, Any]:
        """The request without what only a stream needs."""
        body: dict[str, Any] = {
            "model": model, "messages": self._messages(brief), self.limit: brief.max_tokens, **_response_format(brief, self.form),
        }  # fmt: skip
        if self.temperature:
            body["temperature"] = temperature
        if self.cache_key:
            body["prompt_cache_key"] = f"planagent-{fingerprint([brief.system, brief.common])[:16]}"
        return body

    def _messages(self, brief: Brief) -> list[dict[str, str]]:
        messages = brief.messages()
        if self.form in ("object", "text"):
            # Appended, not prepended: the common part must stay the first bytes of the message.
            messages[-1]["content"] += "\n\n# JSON schema of the answer\n\n" + json.dumps(brief.schema, ensure_ascii=False)
        return messages


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
