"""The forms that models are asked to answer in, and their texts into JSON: thoughts, fences and chatter are taken off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json

from planagent.errors import AnswerError

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"^.*?</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")
"""Control, zero-width, direction and tag characters, and halves of surrogates: nobody sees them, and some obey them."""
COMMENT = re.compile(r"<!-+|-+->")
"""What stands in a comment is read by agents alone."""
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
REFERENCE = re.compile(r"\(\[([\w.~-]+)\]\)|\[([\w.~-]+)\]")
"""A ruling or task that a text refers to by its key."""


def strip(text: str) -> str:
    """The JSON part of an answer."""
    text = _THOUGHT.sub("", text)
    text = _OPEN_THOUGHT.sub("", text)
    fence = _FENCE.search(text)
    if fence and "{" in fence[1]:
        text = fence[1]
    start = text.find("{")
    return text[start:].strip() if start >= 0 else ""


def parse(text: str) -> dict[str, Any]:
    """The first JSON object of an answer.

    Raises:
        AnswerError: there is none, or it is not whole.
    """
    body = strip(text)
    if not body:
        raise AnswerError("The answer holds no JSON object.", "Another model may hold the schema better.", kind="empty")
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(body)
    except ValueError as error:
        raise AnswerError(f"The answer is not whole JSON ({error}).", "Another model may hold the schema better.") from error
    if not isinstance(value, dict):
        raise AnswerError("The answer is not a JSON object.", "Another model may hold the schema better.")
    return value


def salvage(text: str) -> dict[str, Any]:
    """What is finished of a cut-off answer: lists keep their entries but the last, which may be broken."""
    body = strip(text)
    if not body:
        return {}
    try:
        value = from_json(body, allow_partial=True)
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    names = list(value)
    for name in names:
        if isinstance(value[name], list) and name == names[-1]:
            value[name] = value[name][:-1]
    return {name: v for name, v in value.items() if isinstance(v, list)}


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, whatever else an answer put there."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list on one line each, whatever else an answer put there; a single text counts as a list of one."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [told for v in given if (told := text(v))]


def listed(value: Any) -> list[str]:
    """The texts of a list without numbers of their own: whoever shows the list gives them."""
    found = texts(value)
    numbered = [re.match(rf"{n}[.)]\s+(?=\S)", told) for n, told in enumerate(found, 1)]
    return [t[m.end() :] if m else t for t, m in zip(found, numbered, strict=True)] if found and all(numbered) else found


def text(value: Any) -> str:
    """A text on one line, without what no line of a plan may hold; '' for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(COMMENT.sub(" ", _UNSEEN.sub("", str(value))).split())


def integer(value: Any) -> int:
    """A whole number, 0 for anything else."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


# -- schemas ------------------------------------------------------------------------------------
# Strict servers want every property required and no other; bounds are there against runaway answers only.


def obj(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def arr(entry: dict[str, Any], most: int = 400) -> dict[str, Any]:
    return {"type": "array", "items": entry, "maxItems": most}


def any_of(*forms: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(forms)}


def txt(most: int = 2_000) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def one_of(values: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def one_line(text: str) -> str:
    """White space folded, and no comment begun or ended: a line of the plan is a line that all see, whatever a writer put into it."""
    return " ".join(COMMENT.sub(" ", text).split())


def canonical(text: str) -> str:
    """A text as it is compared with what a plan made of it: on one line, references in square brackets alone."""
    return REFERENCE.sub(lambda m: f"[{m[1] or m[2]}]", one_line(text))
