"""Texts that models answer with, into JSON and its parts: thoughts, fences and chatter around it are taken off."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json

from planagent.errors import AnswerError
from planagent.planning.briefs import Brief
from planagent.planning.drafts import MOST_EXTRA

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"^.*?</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)(?:```|\Z)", re.DOTALL)


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
        raise AnswerError(
            "The answer holds no JSON object.", "Another model may hold the schema better.", kind="empty"
        )
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(body)
    except ValueError as error:
        raise AnswerError(
            f"The answer is not whole JSON ({error}).", "Another model may hold the schema better."
        ) from error
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


def known_parts(answer: dict[str, Any], brief: Brief) -> dict[str, Any]:
    """The answer without parts nobody asked for, each key once (the last wins)."""
    wanted = set(brief.keys)
    result: dict[str, Any] = {}
    for name in ("items", "tasks"):
        entries = {str(e.get("key")): e for e in dicts(answer.get(name)) if str(e.get("key")) in wanted}
        result[name] = [_unpadded(e, brief) for e in entries.values()]
    for name, most in MOST_EXTRA.items():
        result[name] = dicts(answer.get(name))[:most]
    return result


def _unpadded(entry: dict[str, Any], brief: Brief) -> dict[str, Any]:
    """Without text in fields that the draft leaves empty: a small model fills them with its neighbour's words."""
    if not brief.lean:
        return entry
    drafts = [*brief.base["items"], *brief.base["tasks"]]
    draft: dict[str, Any] = next((d for d in drafts if d["key"] == entry.get("key")), {})
    return {**entry, **{name: value for name, value in draft.items() if value in ("", [])}}


def replace_parts(answer: dict[str, Any], other: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """The answer with its parts of these keys taken from another one, which counts only where it has them."""
    result = {**answer}
    for name in ("items", "tasks"):
        fresh = {str(e.get("key")): e for e in dicts(other.get(name)) if str(e.get("key")) in keys}
        old = [e for e in dicts(answer.get(name)) if str(e.get("key")) not in fresh]
        result[name] = [*old, *fresh.values()]
    for name in MOST_EXTRA:
        if name in keys:
            result[name] = []
    return result


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, whatever else an answer put there."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
