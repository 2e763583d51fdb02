"""What a server sent, taken out of its bytes piece by piece: servers and proxies send all kinds of things with a 200."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from planagent.answers import integer
from planagent.models.protocol import Usage

_DATA = "data:"
_END = "[DONE]"
_THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put what a model thinks before it answers."""


class BrokenStreamError(Exception):
    """A streamed answer that ended in its middle; the server works, and may be asked again."""


@dataclass(frozen=True, slots=True)
class Response:
    """One chat completion, whichever way it came. `beginning` is of what is none."""

    is_completion: bool
    text: str = ""
    reason: str = ""
    refused: bool = False
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    beginning: str = ""

    @classmethod
    def of(cls, body: bytes) -> Response:
        """A completion that came in one piece."""
        value = _json(body)
        choice = _choice(value)
        if choice is None:
            return cls(False, beginning=body[:80].decode("utf-8", "replace"))
        message = _dict(choice.get("message"))
        return cls(
            True, _text(message.get("content")), str(choice.get("finish_reason") or ""), bool(message.get("refusal")), str(value.get("model") or ""),
            _spent(value.get("usage")),
        )  # fmt: skip


class Pieces:
    """A completion that comes as server-sent events, one line after the other."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reason = ""
        self._refused = False
        self._model = ""
        self._usage = Usage()
        self._beginning = ""
        self._seen = self._ended = False

    def take(self, line: str) -> tuple[str, bool]:
        """What a line adds to the answer's text, and whether the model has said anything at all in it: thoughts count, comments that keep a
        connection open do not.

        Raises:
            BrokenStreamError: the server says that it cannot go on.
        """
        if not line.startswith(_DATA):
            self._beginning = self._beginning or line[:80]
            return "", False
        told = line[len(_DATA) :].strip()
        if told == _END:
            self._ended = True
            return "", False
        value = _json(told)
        if error := value.get("error"):
            raise BrokenStreamError(str(_dict(error).get("message") or error)[:200])
        if value.get("usage"):
            self._usage = _spent(value["usage"])
        choice = _choice(value)
        if choice is None:
            self._beginning = self._beginning or line[:80]
            return "", False
        self._seen = True
        self._model = self._model or str(value.get("model") or "")
        self._reason = str(choice.get("finish_reason") or "") or self._reason
        delta = _dict(choice.get("delta")) or _dict(choice.get("message"))
        self._refused = self._refused or bool(delta.get("refusal"))
        piece = _text(delta.get("content"))
        self._text.append(piece)
        return piece, bool(piece or self._refused or any(delta.get(n) for n in _THOUGHTS))

    def response(self) -> Response:
        """
        Raises:
            BrokenStreamError: it began as an answer, and ended in its middle.
        """
        if self._seen and not self._reason and not self._ended:
            raise BrokenStreamError("the answer ended in its middle")
        return Response(
            self._seen, "".join(self._text), self._reason, self._refused, self._model, self._usage, "" if self._seen else self._beginning
        )


def _json(text: bytes | str) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        return _dict(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _choice(value: dict[str, Any]) -> dict[str, Any] | None:
    """The first choice, empty where there is none; None for what is no completion."""
    choices = value.get("choices")
    if not isinstance(choices, list):
        return None
    return _dict(choices[0]) if choices else {}


def _text(content: Any) -> str:
    """A message's text; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _spent(usage: Any) -> Usage:
    """Tokens as the server counted them; 0 for what is no number."""
    spent = _dict(usage)
    return Usage(
        input_tokens=max(0, integer(spent.get("prompt_tokens"))),
        output_tokens=max(0, integer(spent.get("completion_tokens"))),
        cached_tokens=max(0, integer(_dict(spent.get("prompt_tokens_details")).get("cached_tokens"))),
    )
