"""The JSON schemas of answers: keys and sources are enums, every string and list is bounded."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from planagent.planning.drafts import MOST_EXTRA, SECTIONS, Gap, OwnTask, Risk, SectionDraft
from planagent.planning.parts import Part

_SENTENCE = {"type": "string", "maxLength": 360}
_SOURCE = {"$ref": "#/$defs/source"}


def items_name(section: int, sections: Sequence[int]) -> str:
    """Property that holds a section's items: each section has an item schema of its own."""
    return "items" if len(sections) < 2 else f"items_{section}"


def section_schema(
    parts: Sequence[Part],
    sources: Iterable[str],
    tasks: Iterable[str],
    *,
    lean: bool,
    may_keep: bool = False,
) -> dict[str, Any]:
    """The schema of an answer to parts of sections.

    Args:
        sources: ids of the passages that the request shows.
        tasks: keys of the tasks that a task of the writer's own may need.
        lean: without room for the writer's own insight.
        may_keep: drafts may be kept by naming their keys.
    """
    sections = sorted({p.section for p in parts})
    properties: dict[str, Any] = {}
    for number in sections:
        keys = [p.key for p in parts if p.section == number and p.kind == "item"]
        if keys:
            properties[items_name(number, sections)] = _array(
                {"key": {"type": "string", "enum": keys}, **_written(number)},
                0 if may_keep else len(keys),
                len(keys),
            )
    keys = [p.key for p in parts if p.kind == "task"]
    if keys:
        text = _fields(SectionDraft, "TaskText")
        least = 0 if may_keep else len(keys)
        properties["tasks"] = _array({**text, "key": {"type": "string", "enum": keys}}, least, len(keys))
    if may_keep:
        every = {"type": "string", "enum": [p.key for p in parts]}
        properties["keep"] = {"type": "array", "items": every, "maxItems": len(parts)}
    known = list(sources)
    if lean or not known:
        return _object(properties)
    for name, model in (("risks", Risk), ("gaps", Gap), ("own_tasks", OwnTask)):
        fields = {n: _clean(p) for n, p in model.model_json_schema()["properties"].items()}
        fields["sources"] = _cited()
        if "needs" in fields:
            fields["needs"] = {
                "type": "array",
                "items": {"type": "string", "enum": sorted(tasks) or ["-"]},
                "maxItems": 6,
            }
        properties[name] = _array(fields, 0, MOST_EXTRA[name])
    return _object(properties, known)


def deciding_schema(
    ids: Sequence[str], sources: Sequence[str], *, approach: bool, most_traps: int
) -> dict[str, Any]:
    """The schema of the deciding answer: only the rulings that it words anew, the approach when it is asked for."""
    entry = {"id": {"type": "string", "enum": list(ids) or ["-"]}, "default": _SENTENCE, "why": _SENTENCE}
    properties: dict[str, Any] = {"rulings": _array(entry, 0, len(ids))}
    if approach:
        properties["approach"] = {"type": "array", "items": _SENTENCE, "minItems": 3, "maxItems": 8}
    if sources:
        trap = {"text": _SENTENCE, "guard": _SENTENCE, "sources": _cited()}
        properties["traps"] = _array(trap, 0, most_traps)
    return _object(properties, sources)


def _cited() -> dict[str, Any]:
    return {"type": "array", "items": _SOURCE, "minItems": 1, "maxItems": 4}


def _object(properties: dict[str, Any], sources: Sequence[str] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    # One definition for all places that cite: an enum of a whole corpus, three times over, outweighs the request.
    return schema | ({"$defs": {"source": {"type": "string", "enum": list(sources)}}} if sources else {})


def _written(number: int) -> dict[str, Any]:
    kind = SECTIONS[number].item_type
    source = _fields(SECTIONS[number], kind.__name__)
    return {name: source[name] for name in kind.labelled() if name in kind.written_fields()}


def _fields(section: type[SectionDraft], model: str) -> dict[str, Any]:
    return {n: _clean(p) for n, p in section.model_json_schema()["$defs"][model]["properties"].items()}


def _array(fields: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    entry = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"type": "array", "items": entry, "minItems": least, "maxItems": most}


def _clean(schema: dict[str, Any]) -> dict[str, Any]:
    """A property without titles, defaults and our own marks, which strict servers refuse."""
    allowed = ("type", "items", "maxItems", "minItems", "maxLength", "minLength", "enum")
    kept = {k: copy.deepcopy(v) for k, v in schema.items() if k in allowed}
    if "items" in kept:
        kept["items"] = _clean(kept["items"])
    return kept
