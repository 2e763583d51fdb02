"""Briefs: one request each, with what it needs to read, the draft to revise, and the schema of its answer.

What is common to all briefs of a run comes first, byte for byte, so that prefix caches hit.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from planagent import tokens
from planagent.model import Corpus
from planagent.planning.drafts import MOST_EXTRA, SECTION_TITLES, SECTIONS, Item, SectionDraft
from planagent.planning.outline import Outline
from planagent.planning.plan import Source
from planagent.planning.profile import prompt

WHOLE_CORPUS = 24_000
"""Up to this many tokens the whole corpus goes into the common part; a provider's cache pays for it."""
_ENVELOPE = 400


@dataclass(frozen=True, slots=True)
class Shape:
    """How much one brief may hold. `lean` leaves the room for a model's own insight out of the schema."""

    answer_tokens: int = 3_500
    passage_tokens: int = 4_000
    whole: bool = True
    lean: bool = False


SMALL = Shape(answer_tokens=700, passage_tokens=0, whole=False, lean=True)
"""For local models. Measured on a 1.5B model: short answers that revise a draft hold where long ones drift; passages of
the specs get copied into the answer, and reading them takes most of the time."""


@dataclass(frozen=True, slots=True)
class Brief:
    """One request. `keys` are the items and tasks asked for; `base` is the rule-made answer to revise."""

    id: str
    section: int
    keys: tuple[str, ...]
    system: str
    common: str
    request: str
    schema: dict[str, Any] = field(repr=False)
    base: dict[str, Any] = field(repr=False)
    max_tokens: int = 0
    lean: bool = False

    def messages(self) -> list[dict[str, str]]:
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": self.common + "\n\n" + self.request},
        ]


def common_part(outline: Outline, shape: Shape) -> str:
    """Blueprint and rulings, and the corpus itself where it is small enough."""
    parts = ["# Blueprint", _blueprint(outline), "# Rulings", _rulings(outline)]
    if shape.whole:
        text = _whole(outline.corpus)
        if tokens.count(text) <= WHOLE_CORPUS:
            parts = ["# The specs", text, *parts]
    return "\n\n".join(parts)


def is_whole(common: str) -> bool:
    return common.startswith("# The specs")


def _whole(corpus: Corpus) -> str:
    blocks = []
    for document in corpus.read:
        numbered = "\n".join(f"{n:>4} {line}" for n, line in enumerate(document.lines, 1))
        blocks.append(
            f"<document path={json.dumps(document.path)} role={document.role}>\n{numbered}\n</document>"
        )
    return "\n".join(blocks)


def _blueprint(outline: Outline) -> str:
    lines = []
    for handler in outline.blueprint.handlers.values():
        names = [handler.controller + "()", handler.file]
        if handler.operation:
            names.append(f"calls {handler.operation}()")
        if handler.request or handler.response:
            names.append(f"schemas {handler.request or '-'} / {handler.response or '-'}")
        lines.append(f"- {handler.endpoint.label}: " + ", ".join(names))
    lines += [f"- entity {name}: {file}" for name, file in outline.blueprint.models.items()]
    return "\n".join(lines[:400]) or "- no endpoint, no entity"


def _rulings(outline: Outline) -> str:
    lines = []
    for ruling in outline.docket.rulings:
        told = f"a person decided: {ruling.answer}" if ruling.answer else ruling.default
        lines.append(f"- {ruling.id} {ruling.title}: {told}")
    return "\n".join(lines) or "- none"


def make_briefs(outline: Outline, number: int, base: SectionDraft, common: str, shape: Shape) -> list[Brief]:
    """The briefs of one section: items are packed until the expected answer or the passages are full."""
    groups: list[list[str]] = [[]]
    size = 0
    texts = {t.key: t for t in base.tasks}
    items = {i.key: i for i in base.items}
    for key in (*items, *texts):
        entry = _written(items[key]) if key in items else texts[key].model_dump(mode="json")
        cost = int(tokens.count(json.dumps(entry, ensure_ascii=False)) * 1.5)
        # Items that read the same passage share it, so the group's passages are counted together.
        read = (
            0
            if is_whole(common) or not shape.passage_tokens
            else tokens.count(_passages(outline, [*groups[-1], key], items, 4 * shape.passage_tokens))
        )
        if groups[-1] and (size + cost > shape.answer_tokens or read > shape.passage_tokens):
            groups.append([])
            size = 0
        groups[-1].append(key)
        size += cost
    return [
        make_brief(outline, number, base, common, shape, keys, f"{number}.{i}")
        for i, keys in enumerate(groups, 1)
        if keys
    ]


def make_brief(
    outline: Outline,
    number: int,
    base: SectionDraft,
    common: str,
    shape: Shape,
    keys: Sequence[str],
    brief_id: str,
    note: str = "",
) -> Brief:
    """One brief for chosen items and tasks of a section; `note` carries findings when it is a repair."""
    wanted = set(keys)
    items = {i.key: i for i in base.items if i.key in wanted}
    texts = [t for t in base.tasks if t.key in wanted]
    answer: dict[str, Any] = {
        "items": [_written(i) for i in items.values()],
        "tasks": [t.model_dump(mode="json") for t in texts],
    }
    # Indented as models write: a compact draft made a small model no shorter, and its tokens harder to guess ahead.
    shown = json.dumps(answer, ensure_ascii=False, indent=1)
    if not shape.lean:
        answer |= {name: [] for name in MOST_EXTRA}
    parts = [f"# Section {number}: {SECTION_TITLES[number]}", outline.profile.briefs[number]]
    if not is_whole(common) and shape.passage_tokens:
        parts += ["# Passages of the specs", _passages(outline, list(keys), items, shape.passage_tokens)]
    parts += ["# Fixed facts of the items", _facts(items.values())] if items else []
    parts += ["# Draft made by rule", shown]
    parts.append(note or _ASK[shape.lean])
    return Brief(
        id=brief_id,
        section=number,
        keys=tuple(keys),
        system=prompt("system.md").strip(),
        common=common,
        request="\n\n".join(parts),
        schema=answer_schema(outline, number, items.values(), [t.key for t in texts], lean=shape.lean),
        base=answer,
        max_tokens=int(tokens.count(shown) * 2.2) + _ENVELOPE,
        lean=shape.lean,
    )


_ASK = {
    True: "Revise the draft: keep every key, keep every value and name, and make sentences clearer where they are not. Do not lengthen it.",
    False: "Revise the draft: keep every key, keep what is right, put in what it misses (order of errors, races, exact values), and take out "
    "what this project does not need. Risks, gaps and own tasks are for what you see beyond it, each with a cited passage; leave them empty otherwise.",
}


def _written(item: Item) -> dict[str, Any]:
    data = item.model_dump(mode="json")
    return {
        "key": item.key,
        **{name: data[name] for name in item.labelled() if name in item.written_fields()},
    }


def _facts(items: Any) -> str:
    lines = []
    for item in items:
        written = set(item.written_fields())
        fixed = []
        for name, label in item.labelled().items():
            value = getattr(item, name)
            if name not in written and value:
                fixed.append(f"{label}: {value if isinstance(value, str) else '; '.join(value)}")
        lines.append(
            f"- {item.key}: "
            + ". ".join([item.title, *fixed])
            + (f" [rulings {', '.join(item.rulings)}]" if item.rulings else "")
        )
    return "\n".join(lines)


def _passages(outline: Outline, keys: list[str], items: dict[str, Item], most: int) -> str:
    """The passages that the obligations of these keys rest on, whole ones first come, cut to the budget."""
    anchors: list[str] = []
    for key in keys:
        cited = items[key].sources if key in items else ()
        anchors += [s.anchor for t in cited if (s := Source.parse(t))]
        spec = outline.tasks.get(key)
        for covered in spec.covers if spec else ():
            anchors += [s.anchor for s in outline.sources(outline.obligations[covered].evidence[:1])]
    blocks, left = [], most
    for anchor in dict.fromkeys(anchors):
        passage = outline.corpus.passage(anchor)
        if passage is None or left < 60:
            continue
        text = passage.text.strip()
        cost = tokens.count(text)
        if cost > left:
            text = text[: max(200, int(len(text) * left / cost))] + "\n[cut]"
        blocks.append(
            f"<passage source={json.dumps(f'{anchor} (L{passage.start}-L{passage.end})')}>\n{text}\n</passage>"
        )
        left -= min(cost, left)
    return "\n".join(blocks) or "(none beyond the facts below)"


def answer_schema(
    outline: Outline, number: int, items: Any, tasks: list[str], *, lean: bool
) -> dict[str, Any]:
    """The JSON schema of an answer: keys and anchors are enums, every string and list is bounded."""
    item_type = SECTIONS[number].item_type
    full = SECTIONS[number].model_json_schema()
    defs = full["$defs"]
    keys = [i.key for i in items]
    properties: dict[str, Any] = {}
    if keys:
        source = defs[item_type.__name__]["properties"]
        written = {
            name: _clean(source[name]) for name in item_type.labelled() if name in item_type.written_fields()
        }
        properties["items"] = _array({"key": {"type": "string", "enum": keys}, **written}, len(keys))
    if tasks:
        text = {name: _clean(p) for name, p in defs["TaskText"]["properties"].items()}
        properties["tasks"] = _array({**text, "key": {"type": "string", "enum": tasks}}, len(tasks))
    if not lean:
        anchors = _anchors(outline)
        for name, model in (("risks", "Risk"), ("gaps", "Gap"), ("own_tasks", "OwnTask")):
            fields = {n: _clean(p) for n, p in defs[model]["properties"].items()}
            fields["sources"] = {
                "type": "array",
                "items": {"type": "string", "enum": anchors},
                "minItems": 1,
                "maxItems": 4,
            }
            if "needs" in fields:
                fields["needs"] = {
                    "type": "array",
                    "items": {"type": "string", "enum": sorted(outline.tasks)[:400]},
                    "maxItems": 6,
                }
            properties[name] = _array(fields, 0, most=MOST_EXTRA[name])
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _anchors(outline: Outline) -> list[str]:
    found = [f"{p.anchor} (L{p.start}-L{p.end})" for d in outline.corpus.read for p in d.passages]
    return found[:400] or ["-"]


def _array(fields: dict[str, Any], least: int, most: int | None = None) -> dict[str, Any]:
    entry = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "type": "array",
        "items": entry,
        "minItems": least,
        "maxItems": most if most is not None else least,
    }


def _clean(schema: dict[str, Any]) -> dict[str, Any]:
    """A property without titles, defaults and our own marks, which strict servers refuse."""
    kept = {
        k: copy.deepcopy(v)
        for k, v in schema.items()
        if k in ("type", "items", "maxItems", "minItems", "maxLength", "minLength", "enum")
    }
    if "items" in kept:
        kept["items"] = _clean(kept["items"])
    return kept


def deciding_brief(outline: Outline, common: str, shape: Shape) -> Brief:
    """The first call: rulings and approach with the whole corpus in view, or its blueprint where it is too large."""
    rulings = [
        {"id": r.id, "default": r.default, "why": r.why} for r in outline.docket.rulings if not r.answer
    ]
    found = "\n".join(
        f"- {r.id} {r.title}: {r.statement} Sources: {'; '.join(map(str, r.sources)) or 'none'}"
        for r in outline.docket.rulings
    )
    base = {"rulings": rulings, "approach": list(outline.approach), "traps": []}
    shown = json.dumps({"rulings": rulings}, ensure_ascii=False, indent=1)
    ids = [r["id"] for r in rulings]
    sentence = {"type": "string", "maxLength": 360}
    anchors = {
        "type": "array",
        "items": {"type": "string", "enum": _anchors(outline)},
        "minItems": 1,
        "maxItems": 4,
    }
    schema = {
        "type": "object",
        "properties": {
            "rulings": _array(
                {"id": {"type": "string", "enum": ids or ["-"]}, "default": sentence, "why": sentence},
                len(ids),
                len(ids),
            ),
            "approach": {"type": "array", "items": sentence, "minItems": 3, "maxItems": 8},
            "traps": _array({"text": sentence, "guard": sentence, "sources": anchors}, 0, 8),
        },
        "required": ["rulings", "approach", "traps"],
        "additionalProperties": False,
    }
    request = "\n\n".join(
        [
            prompt("deciding.md").strip(),
            "# Conflicts and gaps",
            found or "- none",
            "# Defaults by rule",
            shown,
        ]
    )
    return Brief(
        "0.1",
        0,
        tuple(ids),
        prompt("system.md").strip(),
        common,
        request,
        schema,
        base,
        int(tokens.count(shown) * 1.6) + 1500,
    )
