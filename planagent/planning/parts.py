"""The parts of a plan that a writer is asked for, each with everything that its answer may depend on.

A part is one item or task of a section, or one ruling. Its `material` is all that the answer may depend on and nothing
else: line numbers, the order of parts and what stands beside them in a request are left out. So an answer holds as
long as the material of its part is the same, however requests are cut.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from planagent.model import Evidence
from planagent.planning.drafts import Item, SectionDraft, TaskText
from planagent.planning.outline import Outline
from planagent.planning.plan import Ruling, Source
from planagent.planning.tasks import TaskSpec
from planagent.reading.excerpts import Excerpt, excerpts

_NAMED = ("endpoint:", "entity:", "operation:")


@dataclass(frozen=True)
class Part:
    """`base` is the rule-made answer, `facts` what is fixed around it, `reads` the lines that it rests on."""

    key: str
    section: int
    kind: Literal["item", "task", "ruling", "approach"]
    base: dict[str, Any]
    facts: str
    rulings: tuple[Ruling, ...]
    reads: tuple[Excerpt, ...]
    above: tuple[str, ...] = ()
    """Lines that the rules write above the items of its section."""

    @cached_property
    def material(self) -> str:
        """Hash of all that the answer may depend on."""
        said = [(r.id, r.title, r.answer or r.default) for r in self.rulings]
        # Sorted, since a passage that moves within its file says the same.
        reads = sorted(e.digest for e in self.reads)
        return fingerprint(self.key, self.base, self.facts, said, reads, self.above)


def fingerprint(*parts: object) -> str:
    """A short stable hash of JSON-like values."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def section_parts(outline: Outline, number: int, base: SectionDraft) -> list[Part]:
    """The parts of one section in the order of its draft."""
    rulings = {r.id: r for r in outline.docket.rulings}
    parts = [
        *(_item(outline, number, item, rulings) for item in base.items),
        *(_task(outline, number, text, rulings) for text in base.tasks),
    ]
    return [replace(part, above=tuple(base.intro)) for part in parts]


def inputs(outline: Outline, number: int, base: SectionDraft) -> str:
    """What a section is made from, as one hash: its parts, and the lines above them that the rules write."""
    parts = sorted((p.key, p.material) for p in section_parts(outline, number, base))
    return fingerprint(parts, base.intro)[:16]


def written(item: Item) -> dict[str, Any]:
    """The fields of an item that a writer fills, with its key."""
    data = item.model_dump(mode="json")
    return {"key": item.key, **{n: data[n] for n in item.labelled() if n in item.written_fields()}}


def _item(outline: Outline, number: int, item: Item, rulings: dict[str, Ruling]) -> Part:
    own = set(item.written_fields())
    fixed = []
    for name, label in item.labelled().items():
        value = getattr(item, name)
        if name not in own and value:
            fixed.append(f"{label}: {value if isinstance(value, str) else '; '.join(value)}")
    places = [
        Evidence(s.path, s.start, s.end if s.end > s.start else 0)
        for text in item.sources
        if (s := Source.parse(text))
    ]
    obligation = outline.obligations.get(item.key)
    places += obligation.evidence if obligation else ()
    return Part(
        item.key,
        number,
        "item",
        written(item),
        ". ".join([item.title, *fixed]),
        tuple(rulings[r] for r in item.rulings if r in rulings),
        excerpts(outline.corpus, places, deep=item.key.startswith(_NAMED)),
    )


def _task(outline: Outline, number: int, text: TaskText, rulings: dict[str, Ruling]) -> Part:
    spec = outline.tasks[text.key]
    covered = [outline.obligations[c] for c in spec.covers]
    # The item beside it carries the contract of what is named; the task needs its place alone.
    places = [p for o in covered for p in o.evidence[:1]]
    labels = [o.label for o in covered if o.kind != "topic"][:8]
    facts = f"{spec.title}, in {spec.file}" if spec.file else spec.title
    facts += f"; gives {', '.join(g.partition(':')[0] for g in spec.gives)}" if spec.gives else ""
    facts += f"; comes after: {', '.join(after)}" if (after := _after(outline, spec)) else "; comes first"
    return Part(
        text.key,
        number,
        "task",
        text.model_dump(mode="json"),
        facts + (f"; covers {', '.join(labels)}" if labels else ""),
        tuple(rulings[r] for r in outline.rulings(*spec.tags) if r in rulings),
        excerpts(outline.corpus, places),
    )


def _after(outline: Outline, spec: TaskSpec) -> list[str]:
    """What is there before a task: who words its proof must know. Many routes are one thing, so that another one
    changes no words of the last tests."""
    needs = [n for n in spec.needs if n in outline.tasks]
    routes = [n for n in needs if n.startswith("endpoint.")]
    others = [outline.tasks[n].title for n in needs if n not in routes or len(routes) < 3]
    return others[:6] + (["the routes"] if len(routes) > 2 else [])


def deciding_parts(outline: Outline) -> list[Part]:
    """What is decided before the sections are written: every ruling that no person has answered, and the approach."""
    return [
        *(ruling_part(outline, r) for r in outline.docket.rulings if not r.answer),
        approach_part(outline),
    ]


def ruling_part(outline: Outline, ruling: Ruling) -> Part:
    """A ruling by rule, which a writer may word better."""
    places = [Evidence(s.path, s.start, s.end if s.end > s.start else 0) for s in ruling.sources]
    return Part(
        f"ruling:{ruling.topic}",
        0,
        "ruling",
        {"default": ruling.default, "why": ruling.why},
        f"{ruling.title}: {ruling.statement}",
        (),
        excerpts(outline.corpus, places),
    )


def approach_part(outline: Outline) -> Part:
    """The approach of the whole plan: it changes with the stack, the stored things and the questions, not with a line."""
    facts = outline.corpus.facts
    stack = sorted({t.name for t in facts.technologies if t.side != "frontend"})
    topics = sorted(r.topic for r in outline.docket.rulings)
    about = {"stack": stack, "entities": sorted(e.name for e in facts.entities), "topics": topics}
    return Part("approach", 0, "approach", {"approach": []}, json.dumps(about), (), ())
