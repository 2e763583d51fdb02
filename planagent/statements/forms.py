"""Whether a unit looks binding by its form: a method with its path, a requirement's id, a row, a word of obligation in capitals."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib import resources

from planagent.model import Unit

ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\b[`*\s|]{1,6}(?:https?://[^\s/`]+)?(/[^\s`,;)\]\"'“”’|*]*)")
LABEL = re.compile(
    r"^[\W_]{0,6}(?:([A-Z]{1,8}(?:-[A-Z]{1,8})*-?\d{1,4}(?:[.-]\d{1,3})*[A-Za-z]?)(?!\w)(?![./]\w)"
    r"|([^\W\d_]{2,16} \d{1,4}(?:\.\d{1,3})*)(?!\.?\d)(?=\s?[:：)\]*]|\s[–—-]\s|\.?\s*$|\.\s))"
)
VARIABLE = re.compile(r"(?<![\w/.{:-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w(])")


@cache
def _marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    table = tomllib.loads((resources.files("planagent") / "statements" / "forms.toml").read_text(encoding="utf-8"))

    def pattern(words: list[str]) -> re.Pattern[str]:
        spaced = [re.escape(w) for w in words if w[0].lower() != w[0].upper()]
        unspaced = [re.escape(w) for w in words if w[0].lower() == w[0].upper()]
        return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)|{'|'.join(unspaced)}")

    return pattern(table["obliges"]), pattern(table["steps"])


def label_of(text: str) -> str:
    """The id that a unit begins with (`FR-001`, `Requirement 3`, `AC 1.2`), '' when there is none."""
    match = LABEL.match(text)
    return (match[1] or match[2]) if match else ""


@lru_cache(maxsize=65_536)
def binding(unit: Unit) -> str:
    """What makes a unit look binding, '' when nothing does."""
    if unit.kind in ("mark", "comment", "header"):
        return ""
    route = ROUTE.search(unit.text)
    if route:
        return f"{route[1]} {route[2]}"
    if unit.kind == "row":
        return "a table's row"
    label = label_of(unit.text)
    if label:
        return label
    obliges, steps = _marks()
    word = obliges.search(unit.text) or (steps.search(unit.text) if unit.kind == "text" else None)
    if word:
        return word[0]
    name = VARIABLE.search(unit.text) if unit.kind != "heading" else None
    return name[1] if name else ""
