"""Tasks into steps: exact values where a shape gave them, and for everything else which lines to apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planagent.briefs.brief import Brief
from planagent.briefs.write import APPLY, WritePart
from planagent.plan.sections import ITEMS, OWN_ITEM
from planagent.statements.statement import Ref, Statement

_VERBS = {"operation": "Provide", "record": "Create", "setting": "Read"}


def write(brief: Brief) -> dict[str, Any]:
    """The answer to a writing brief."""
    answer: dict[str, list[dict[str, Any]]] = {}
    for part in brief.parts:
        one: WritePart = part.payload
        entry = {"key": part.key, "steps": list(_steps(one)), "done_when": _done(one), "items": list(_items(one))}
        answer.setdefault(f"section_{one.task.section}", []).append(entry)
    return answer


def _steps(one: WritePart) -> Iterator[str]:
    told: set[Ref] = set()
    for statement in sorted(one.statements, key=lambda s: s.kind not in _VERBS):
        named = statement.kind in _VERBS
        verb = "Define" if statement.kind == "record" and not statement.stored else _VERBS.get(statement.kind, "")
        label = next((n for n in statement.labels if " " not in n or n == statement.name), "")
        if not named and not label and told.issuperset(statement.units):
            continue  # a remark beside what is done by its line already
        told.update(statement.units)
        what = f"{verb} `{statement.name}`: work by" if named else f"{label}: work by" if label else "Work by"
        yield f"{what} {APPLY.format(statement.key)}."
        if statement.kind == "record" and not statement.stored and (fields := statement.fact("field")):
            yield f"Fields of `{statement.name}`: {'; '.join(fields)}."
    if one.task.proves:
        yield "Go through the tasks that this one proves."
    if not one.statements and not one.task.proves:
        yield "Do what its title says."


def _done(one: WritePart) -> str:
    return "Each demand of their lines was seen to hold." if one.task.proves else "The cited lines are met, their exclusions included."


def _items(one: WritePart) -> Iterator[dict[str, Any]]:
    section = one.task.section
    for statement in one.statements:
        if OWN_ITEM.get(statement.kind) != section or (statement.kind == "record" and not statement.stored):
            continue
        fields: dict[str, Any] = {name: [] for name in ITEMS[section].lines}
        fields |= {"operation": _operation, "record": _record, "setting": _setting}[statement.kind](statement)
        yield {"title": statement.name, "covers": [statement.key], **fields}


def _operation(statement: Statement) -> dict[str, list[str]]:
    access = [f"access: {a}" for a in (*statement.fact("security"), *statement.fact("access"))]
    answers = [f"{n.partition(' ')[2]}: {v}" for n, v in statement.facts if n.startswith("answer ")]
    described = {a.partition(":")[0] for a in answers}
    answers += [f"answer: {v}" for v in statement.fact("answer")]
    answers += [s for s in statement.fact("status") if s not in described]
    return {
        "entry": [", ".join((f"`{statement.name}`", *statement.fact("transport"), *access))],
        "inputs": [
            *statement.fact("parameter"),
            *(f"body: {b}" for b in statement.fact("body")),
            *(f"field: {f}" for f in statement.fact("field")),
        ],
        "response": answers,
    }


def _record(statement: Statement) -> dict[str, list[str]]:
    rest = [f"{n}: `{v}`" for n, v in statement.facts if n in ("constraint", "relation", "index")]
    fields = [*statement.fact("field")]
    return {"fields": fields or ([] if rest else [f"As {APPLY.format(statement.key)} says."]), "steps": rest}


def _setting(statement: Statement) -> dict[str, list[str]]:
    return {"setup": [f"Read `{statement.name}`, see {APPLY.format(statement.key)}."]}
