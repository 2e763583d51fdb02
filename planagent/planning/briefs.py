"""Briefs: one request each, with what it needs to read, the draft to revise, and the schema of its answer.

Two shapes: *whole*, a small corpus entire at the head of every request, byte for byte the same, so that a provider's
prefix cache pays for it; and *focused*, only the lines that the parts rest on, for large corpora and small models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from planagent import tokens
from planagent.model import Corpus
from planagent.planning.drafts import MOST_EXTRA, SECTION_TITLES
from planagent.planning.outline import Outline
from planagent.planning.parts import Part, fingerprint
from planagent.planning.plan import Ruling, Source
from planagent.planning.profile import Profile, prompt
from planagent.planning.schemas import deciding_schema, items_name, section_schema

WHOLE_CORPUS = 12_000
"""Up to this many tokens the whole corpus goes into the common part. Measured with cached tokens at a tenth of the price
(`python -m bench reading`): up to there it costs about what the focused shape costs, of 20,000 tokens half as much again."""
MOST_TRAPS = 8
_ENVELOPE = 400


@dataclass(frozen=True, slots=True)
class Shape:
    """How much one brief may hold, in tokens. `lean` leaves the room for a model's own insight out of the schema."""

    answer_tokens: int = 1_400
    passage_tokens: int = 2_000
    whole: bool = True
    lean: bool = False
    lasting: bool = False
    """The answer may come much later and in pieces: passages are cited by ids that hold, and parts may stay as drafted."""
    most_tokens: int = 0
    """Bound on a whole request with its schema, 0 for none."""


SMALL = Shape(answer_tokens=700, passage_tokens=0, whole=False, lean=True)
"""For local models. Measured on a 1.5B model: short answers that revise a draft hold where long ones drift; passages of
the specs get copied into the answer, and reading them takes most of the time."""

HOST = Shape(whole=False, lasting=True, most_tokens=5_400)
"""For a coding agent, which reads every request into the context that it works in."""


@dataclass(frozen=True, slots=True)
class Common:
    """The head of every request of a run. `sources` maps the ids in it to passages, empty in the focused shape."""

    text: str
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return bool(self.sources)


@dataclass(frozen=True, slots=True)
class Brief:
    """One request. `parts` are asked for; `base` is the rule-made answer to revise; `sources` the ids it may cite."""

    id: str
    parts: tuple[Part, ...]
    system: str
    common: str
    request: str
    schema: dict[str, Any] = field(repr=False)
    base: dict[str, Any] = field(repr=False)
    sources: dict[str, str] = field(default_factory=dict, repr=False)
    max_tokens: int = 0
    lean: bool = False
    may_keep: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(p.key for p in self.parts)

    @property
    def sections(self) -> tuple[int, ...]:
        return tuple(sorted({p.section for p in self.parts}))

    @property
    def size(self) -> int:
        """Tokens of the request with its schema."""
        return tokens.count("\n".join((self.system, self.common, self.request, json.dumps(self.schema))))

    def messages(self) -> list[dict[str, str]]:
        user = "\n\n".join(t for t in (self.common, self.request) if t)
        return [{"role": "system", "content": self.system}, {"role": "user", "content": user}]


def common_part(outline: Outline, shape: Shape) -> Common:
    """The specs, blueprint and rulings where the corpus is small enough to go before every request."""
    if not shape.whole:
        return Common("")
    text, sources = _corpus(outline.corpus)
    # The vocabulary takes its time to load: it waits until the first call is under way, where a rough count will do.
    if tokens.bound(text) > WHOLE_CORPUS and tokens.count(text) > WHOLE_CORPUS:
        return Common("")
    # Rulings come last: they are all that the deciding call changes, so what it read before stays cached.
    parts = ["# The specs", text, "# Blueprint", _blueprint(outline), "# Rulings", _rulings(outline.docket.rulings)]  # fmt: skip
    return Common("\n\n".join(parts), sources)


def _corpus(corpus: Corpus) -> tuple[str, dict[str, str]]:
    blocks: list[str] = []
    sources: dict[str, str] = {}
    for document in corpus.read:
        lines = [f"<document path={json.dumps(document.path)} role={document.role}>"]
        for passage in document.passages:
            name = f"S{len(sources) + 1}"
            sources[name] = str(Source(anchor=passage.anchor, start=passage.start, end=passage.end))
            lines += [f"[{name}]", passage.text.strip("\n")]
        blocks.append("\n".join([*lines, "</document>"]))
    return "\n".join(blocks), sources


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


def _rulings(rulings: Sequence[Ruling]) -> str:
    lines = []
    for ruling in rulings:
        told = f"a person decided: {ruling.answer}" if ruling.answer else ruling.default
        lines.append(f"- {ruling.id} {ruling.title}: {told}")
    return "\n".join(lines) or "- none"


# -- packing ------------------------------------------------------------------------------------


def make_briefs(
    outline: Outline, parts: Sequence[Part], common: Common, shape: Shape, *, again: bool = False
) -> list[Brief]:
    """Briefs for parts of sections, in their order.

    A first plan is asked for section by section. `again`, when most is known and a few parts are not, parts of several
    sections share a brief: one changed requirement touches many sections, and costs one call.
    """
    groups: list[list[Part]] = []
    if again:
        groups = _packed(parts, common, shape)
    else:
        for _, members in groupby(parts, key=lambda p: p.section):
            groups += _packed(list(members), common, shape)
    counts: dict[str, int] = {}
    briefs = []
    for group in groups:
        name = "+".join(dict.fromkeys(str(p.section) for p in group))

        for brief in _within(lambda some: section_brief(outline, some, common, shape, ""), group, shape):
            counts[name] = counts.get(name, 0) + 1
            briefs.append(replace(brief, id=f"{name}.{counts[name]}"))
    return briefs


def _within(build: Callable[[Sequence[Part]], Brief], parts: Sequence[Part], shape: Shape) -> list[Brief]:
    """One brief, or as many as the bound on a whole request takes; a lone part has its own, however large."""
    brief = build(parts)
    if len(parts) < 2 or not shape.most_tokens or brief.size <= shape.most_tokens:
        return [brief]
    middle = (len(parts) + 1) // 2
    return _within(build, parts[:middle], shape) + _within(build, parts[middle:], shape)


def _packed(parts: Sequence[Part], common: Common, shape: Shape) -> list[list[Part]]:
    """Groups of about equal size within the budget: the longest answer is what a run waits for."""
    costs = [_cost(p) for p in parts]
    budget = shape.answer_tokens
    if sum(costs) > budget:
        budget = min(budget, math.ceil(sum(costs) / math.ceil(sum(costs) / budget)) + max(costs) // 2)
    groups: list[list[Part]] = []
    size, read = 0, 0
    seen: set[str] = set()
    for part, cost in zip(parts, costs, strict=True):
        # Parts that read the same lines share them.
        new = [] if common.whole else [e for e in part.reads if e.source not in seen]
        reading = sum(tokens.count(e.text) for e in new) if shape.passage_tokens else 0
        full = size + cost > budget or (reading and read + reading > shape.passage_tokens)
        if not groups or full:
            groups.append([])
            size, read, seen = 0, 0, set()
            new = list(part.reads)
            reading = sum(tokens.count(e.text) for e in new) if shape.passage_tokens else 0
        groups[-1].append(part)
        size, read = size + cost, read + reading
        seen |= {e.source for e in new}
    return groups


def _cost(part: Part) -> int:
    """Tokens that the answer to a part is expected to take."""
    return int(tokens.count(json.dumps(part.base, ensure_ascii=False)) * 1.2)


# -- one brief ----------------------------------------------------------------------------------


def section_brief(
    outline: Outline, parts: Sequence[Part], common: Common, shape: Shape, brief_id: str, note: str = ""
) -> Brief:
    """One brief for chosen parts; `note` carries findings when it is a repair."""
    sections = sorted({p.section for p in parts})
    answer: dict[str, Any] = {}
    for number in sections:
        items = [p.base for p in parts if p.section == number and p.kind == "item"]
        answer |= {items_name(number, sections): items} if items else {}
    answer |= {"tasks": [p.base for p in parts if p.kind == "task"]}
    # A small model answers indented whatever it reads, and its tokens are easier to guess ahead from an indented draft.
    shown = _shown(answer, indent=1 if shape.lean else None)
    passages, sources = ("", common.sources) if common.whole else _passages(parts, shape)
    rulings = {r.id: r for p in parts for r in p.rulings}
    blocks = [f"# Section {n}: {SECTION_TITLES[n]}\n\n{outline.profile.briefs[n]}" for n in sections]
    above = list(dict.fromkeys(line for p in parts for line in p.above))
    if above and not shape.lean:
        lines = "\n".join(f"- {line}" for line in above)
        blocks.append(f"# Stands above the items, for all of them\n\n{lines}")
    if not common.whole and rulings:
        blocks.append(f"# Rulings\n\n{_rulings(list(rulings.values()))}")
    if passages:
        blocks.append(f"# Passages of the specs\n\n{passages}")
    blocks += [f"# Fixed facts\n\n{_facts(parts)}", f"# Draft made by rule\n\n{shown}"]
    blocks.append(note or _ASK[shape.lean])
    if shape.lasting:
        blocks.append(_KEEP)
    needs = {k for p in parts if p.kind == "task" for k in (p.key, *outline.tasks[p.key].needs)}
    return Brief(
        id=brief_id,
        parts=tuple(parts),
        system=prompt("system.md").strip(),
        common=common.text,
        request="\n\n".join(blocks),
        schema=section_schema(parts, sources, needs, lean=shape.lean, may_keep=shape.lasting),
        base=answer if shape.lean or not sources else answer | {name: [] for name in MOST_EXTRA},
        sources=sources,
        max_tokens=int(tokens.count(shown) * 2.2) + _ENVELOPE,
        lean=shape.lean,
        may_keep=shape.lasting,
    )


def _shown(value: Any, indent: int | None = None) -> str:
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)


_ASK = {
    True: "Revise the draft: keep every key, keep every value and name, and make sentences clearer where they are not. Do not lengthen it.",
    False: "Revise the draft: keep every key, keep what is right, put in what it misses (order of errors, races, exact values), and take out "
    "what this project does not need. Risks, gaps and own tasks are for what you see beyond it, each with a cited passage; leave them empty otherwise. "
    "Be exact, not long: an entry may have half as many words again as its draft, and 15 more.",
}


_KEEP = "Name in `keep` the keys of drafts that you have held against the passages and would not change; give only the others in full."


def asked(profile: Profile, section: int, *, lean: bool) -> str:
    """The words with which a section is asked for; section 0 is the deciding."""
    own = f"{_ASK[lean]}\n{profile.briefs[section]}" if section else prompt("deciding.md")
    return f"{prompt('system.md')}\n{own}"


def _facts(parts: Sequence[Part]) -> str:
    lines = []
    for part in parts:
        rulings = f" [rulings {', '.join(r.id for r in part.rulings)}]" if part.rulings else ""
        lines.append(f"- {part.key}: {part.facts}{rulings}")
    return "\n".join(lines)


def _passages(parts: Sequence[Part], shape: Shape) -> tuple[str, dict[str, str]]:
    """The lines that the parts rest on, each once, cut to the budget; and the ids to cite them by."""
    if not shape.passage_tokens:
        return "", {}
    blocks: list[str] = []
    sources: dict[str, str] = {}
    left = int(shape.passage_tokens * 1.25)
    for excerpt in dict.fromkeys(e for p in parts for e in p.reads):
        cost = tokens.count(excerpt.text)
        text = excerpt.text
        if left < 60:
            break
        if cost > left:
            text = text[: max(200, int(len(text) * left / cost))] + "\n[cut]"
        # By what it says where an answer may come after its lines have moved.
        name = (
            f"S{fingerprint(excerpt.anchor, excerpt.digest)[:5]}" if shape.lasting else f"S{len(sources) + 1}"
        )
        sources[name] = excerpt.source
        blocks.append(f"<passage id={name} source={json.dumps(excerpt.source)}>\n{text}\n</passage>")
        left -= min(cost, left)
    return "\n".join(blocks), sources


def deciding_briefs(outline: Outline, parts: Sequence[Part], common: Common, shape: Shape) -> list[Brief]:
    """The first call: the rulings and the approach that are not known yet; several requests where a shape bounds them."""
    found = _within(lambda some: _deciding(outline, some, common, shape), parts, shape)
    return [replace(brief, id=f"0.{n}") for n, brief in enumerate(found, 1)]


def _deciding(outline: Outline, parts: Sequence[Part], common: Common, shape: Shape) -> Brief:
    rulings = {f"ruling:{r.topic}": r for r in outline.docket.rulings}
    asked_for = [p for p in parts if p.kind == "ruling"]
    ids = {p.key: rulings[p.key].id for p in asked_for}
    found = []
    for part in asked_for:
        cited = "; ".join(map(str, rulings[part.key].sources)) or "none"
        found.append(f"- {ids[part.key]} {part.facts} Sources: {cited}")
    shown = _shown({"rulings": [{"id": ids[p.key], **p.base} for p in asked_for]})
    approach = any(p.kind == "approach" for p in parts)
    passages, sources = ("", common.sources) if common.whole else _passages(asked_for, shape)
    blocks = [prompt("deciding.md").strip(), "# Conflicts and gaps", "\n".join(found) or "- none"]
    if passages:
        blocks += ["# Passages of the specs", passages]
    blocks += ["# Defaults by rule", shown]
    if not approach:
        blocks.append("The approach stands already: only rulings and traps are asked for.")
    return Brief(
        id="0.1",
        parts=tuple(parts),
        system=prompt("system.md").strip(),
        common=common.text,
        request="\n\n".join(blocks),
        schema=deciding_schema(list(ids.values()), list(sources), approach=approach, most_traps=MOST_TRAPS),
        base={"rulings": [], "traps": []} | ({"approach": list(outline.approach)} if approach else {}),
        sources=sources,
        max_tokens=int(tokens.bound(shown) * 1.2) + 1500,
    )
