"""A diligent answerer without style: it takes a brief's text alone, claims every line and says every exact value.

It stands for a model in tests and benchmarks. What it writes is sound, not good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from planagent.plan.sections import ITEMS
from planagent.statements.forms import ROUTE
from planagent.statements.tokens import exact_tokens

_LINE = re.compile(r"(?m)^\[(\d+)\] (.*)$")
_STATEMENT = re.compile(r"(?m)^- (\S+) \| (\w+)(?:, ([\w-]+))?(?: @(\S+))? \| (.*)$")
_TASK = re.compile(r"(?m)^## (\S+)\n\n(.*?)(?=^## |\Z)", re.DOTALL)
_BATCH = 6


def kind_of(prompt: str) -> str:
    """The kind of a brief, by the prompt that it begins with."""
    marks = {
        "read": "You read the specifications",
        "decide": "You are the lead engineer",
        "write": "You write parts of",
        "review": "You are the coding agent",
    }
    return next((kind for kind, mark in marks.items() if mark in prompt[:400]), "")


def answer_to(prompt: str) -> dict[str, Any]:
    """The answer to a brief of any kind; empty for a text that is none."""
    kind = kind_of(prompt)
    if kind == "read":
        return _read(prompt)
    if kind == "decide":
        return _decide(prompt)
    if kind == "write":
        return _write(prompt)
    return {"points": []} if kind == "review" else {}


def _read(prompt: str) -> dict[str, Any]:
    statements = []
    for number, text in _LINE.findall(prompt.rpartition("# Lines to read")[2]):
        route = ROUTE.search(text)
        operation = route is not None and "://" not in route[0]
        told: dict[str, Any] = {"kind": "operation" if operation else "rule", "at": number, "says": text.lstrip("# ")}
        if route and operation:
            told |= {"name": f"{route[1]} {route[2].rstrip('.')}", "facts": ["transport=http"]}
        statements.append(told)
    return {"statements": statements, "dismissed": [], "rejected": []}


def _decide(prompt: str) -> dict[str, Any]:
    names = ("approach", "conventions", "layout", "rulings", "tasks", "withdrawn", "excluded", "removed")
    answer: dict[str, Any] = {name: [] for name in names}
    body = prompt.rpartition("# Statements\n")[2].partition("\n# ")[0]
    wanted = set(re.findall(r"[^\s,.]+(?:\.[^\s,.]+)*", _after(prompt, "Nothing covers: ")))
    patching = "# Decided so far" in prompt
    by_section: dict[int, list[str]] = {}
    for key, kind, modality, _, _ in _STATEMENT.findall(body):
        if patching and key not in wanted:
            continue
        if modality == "open" or kind == "question":
            answer["rulings"].append(_ruling(key))
            continue
        by_section.setdefault({"operation": 5, "record": 3, "setting": 2}.get(kind, 6), []).append(key)
    for section, keys in sorted(by_section.items()):
        for start in range(0, len(keys), _BATCH):
            answer["tasks"].append(_planned(section, keys[start : start + _BATCH]))
    proved = [t["key"] for t in answer["tasks"] if t["section"] != 2]
    if proved:
        answer["tasks"].append(_planned(9, [], name=f"tests-{proved[0]}", proves=proved))
    for key, told in re.findall(r"(?m)^- ([\w-]+): (.+)$", _block(prompt, "# A person has decided")):
        if f"- ruling {key} " not in prompt:
            answer["rulings"].append(_ruling(key, default=told, about=False))
    if not patching:
        answer["approach"] = ["Settings and data come first, then what rests on them.", "Tests follow the part that they prove."]
    return answer


def _after(prompt: str, mark: str) -> str:
    return "\n".join(part.partition("\n")[0] for part in prompt.split(mark)[1:])


def _block(prompt: str, heading: str) -> str:
    return prompt.rpartition(heading)[2].partition("\n# ")[0] if heading in prompt else ""


def _ruling(key: str, default: str = "Nothing of it is built yet.", *, about: bool = True) -> dict[str, Any]:
    name = f"open-{re.sub(r'[^a-z0-9]+', '-', key)}" if about else key
    return {
        "key": name, "kind": "gap", "title": "An open point", "found": "The specs leave it open.", "default": default, "why": "", "options": [],
        "waits": True, "about": [key] if about else [],
    }  # fmt: skip


def _planned(section: int, keys: list[str], name: str = "", proves: list[str] | None = None) -> dict[str, Any]:
    key = name or f"do-{section}-{re.sub(r'[^a-z0-9]+', '-', keys[0].lower()).strip('-') or 'it'}"
    return {
        "key": key[:50], "section": section, "title": f"Build part {key[:40]}", "file": "", "phase": "Tests" if section == 9 else "Work", "needs": [],
        "covers": keys, "gives": [], "rulings": [], **({"proves": proves, "condition": ""} if proves else {}),
    }  # fmt: skip


def _write(prompt: str) -> dict[str, Any]:
    answer: dict[str, list[dict[str, Any]]] = {}
    for key, body in _TASK.findall(prompt.rpartition("# Tasks to write")[2]):
        found = re.search(r"\(section (\d)", body)
        section = int(found[1]) if found else 6
        statements = _STATEMENT.findall(body)
        steps = [f"Do part {n}: {_values(s[4])}." for n, s in enumerate(statements)] or ["Run every case."]
        entry = {"key": key, "steps": steps, "done_when": f"A test of `{key}` passes.", "items": list(_items(section, statements))}
        answer.setdefault(f"section_{section}", []).append(entry)
    return answer


def _values(text: str) -> str:
    told = re.sub(r" \((?:[^()\s]+:\d+(?:-\d+)?(?:, )?)+\)$", "", text)
    quoted = [f"“{t.text}”" if t.kind == "quote" else f"`{t.text}`" for t in exact_tokens(told)]
    return " ".join(quoted) or "as it is said"


def _items(section: int, statements: list[tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    own = {"operation": 5, "record": 3, "setting": 2}
    fields = list(ITEMS[section].lines)
    for key, kind, _, _, text in statements:
        if own.get(kind) == section:
            yield {"title": key, "covers": [key], **{n: [] for n in fields}, fields[0]: [_values(text)]}
