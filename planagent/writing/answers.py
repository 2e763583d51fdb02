"""Texts that models answer with, into JSON and its parts: thoughts, fences and chatter around it are taken off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Given:
    """An answer sorted out: the entry of each part, and what the writer adds beyond them by kind."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def replace(self, other: Given, keys: Iterable[str]) -> None:
        """Takes the entries of these keys from another answer, which counts only where it has them."""
        self.entries |= {k: other.entries[k] for k in keys if k in other.entries}


def sort_out(answer: dict[str, Any], brief: Brief) -> Given:
    """The parts of an answer without what nobody asked for, each key once (the last wins)."""
    drafts = {p.key: p.base for p in brief.parts}
    given = Given()
    if brief.may_keep and isinstance(answer.get("keep"), list):
        given.entries |= {k: drafts[k] for k in answer["keep"] if isinstance(k, str) and k in drafts}
    for name, value in answer.items():
        if name != "tasks" and not name.startswith("items"):
            continue
        for entry in dicts(value):
            key = str(entry.get("key"))
            if key in drafts:
                given.entries[key] = _unpadded(entry, drafts[key]) if brief.lean else entry
    if not brief.lean:
        for name, most in MOST_EXTRA.items():
            given.extras[name] = [cited(e, brief) for e in dicts(answer.get(name))[:most]]
    return given


def _unpadded(entry: dict[str, Any], draft: dict[str, Any]) -> dict[str, Any]:
    """Without text in fields that the draft leaves empty: a small model fills them with its neighbour's words."""
    return {**entry, **{name: value for name, value in draft.items() if value in ("", [])}}


def cited(entry: dict[str, Any], brief: Brief) -> dict[str, Any]:
    """The entry with passages in the place of the brief's ids for them."""
    value = entry.get("sources")
    names = [str(s) for s in value] if isinstance(value, list) else []
    return {**entry, "sources": [brief.sources.get(n, n) for n in names]}


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, whatever else an answer put there."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
