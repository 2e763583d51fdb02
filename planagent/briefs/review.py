"""The last stage: somebody who has only the plan reads it as its builder. Quotes are checked; what stands is mended once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from planagent.answers import arr, dicts, obj, one_of, text, txt
from planagent.briefs.brief import Brief, BriefKind, Outcome, Part, Record, Shape, fingerprint, told_lines
from planagent.briefs.prompts import prompt, words
from planagent.corpus.markdown import plain
from planagent.model import Finding

KINDS = ("question", "contradiction", "wrong", "missing", "repeated", "unprovable")


@dataclass(frozen=True)
class Chapter:
    """A part of the plan as its builder sees it: the tasks with their items, and what the specs say of them.

    `tasks` are keys; `text` is their Markdown, `specs` the statements in one line each, `lines` what these rest on, which may be quoted as well.
    """

    key: str
    tasks: tuple[str, ...]
    text: str
    specs: str
    lines: str = ""


@dataclass(frozen=True)
class ReviewStage:
    """Reviewing chapters.

    `head` is what every builder reads first: approach, conventions, rulings and the list of tasks. `decided` are names of what is decided
    there, which a point may be about as well as about a task.
    """

    head: str
    chapters: tuple[Chapter, ...]
    decided: tuple[str, ...] = ()

    @property
    def kind(self) -> BriefKind:
        return "review"

    @cached_property
    def words(self) -> str:
        return words("review.md")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(c.key, [self.head, c.text, c.specs], (len(c.text) + len(c.specs)) // 3, c) for c in self.chapters)

    def brief(self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Finding] = ()) -> Brief:
        blocks = [f"# Plan, part {p.key}\n\n{p.payload.text}\n\n# What the specs say\n\n{p.payload.specs}" for p in parts]
        request = "\n\n".join(b for b in (*blocks, told_lines(told)) if b)
        keys = [*(t for p in parts for t in p.payload.tasks), *self.decided]
        point = obj(about=one_of(keys), kind=one_of(KINDS), plan=txt(400), spec=txt(400), problem=txt(600), mend=txt(600))
        name = f"review-{fingerprint([p.material for p in parts])[:6]}"
        return Brief(
            name, "review", tuple(parts), prompt("review.md"), self.head, request, obj(points=arr(point, 60)), min(shape.answer_tokens, 8_000), self,
        )  # fmt: skip

    def accept(self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False) -> Outcome:
        """Points whose quotes do not stand where they say are left out; a review without points is a good one."""
        outcome = Outcome()
        given = value if isinstance(value, dict) else {}
        if not isinstance(given.get("points"), list):
            outcome.refuse("", "the review", "it has no list `points`", "Answer with one; it may be empty.")
            return outcome
        decided = frozenset(self.decided)
        told, specs = (
            _flat("\n".join(t))
            for t in ([self.head, *(p.payload.text for p in parts)], [t for p in parts for t in (p.payload.specs, p.payload.lines)])
        )
        for number, part in enumerate(parts):
            chapter: Chapter = part.payload
            mine = decided.union(chapter.tasks) if not number else frozenset(chapter.tasks)
            points = [p for e in dicts(given["points"]) if text(e.get("about")) in mine and (p := self._point(e, told, specs, outcome))]
            outcome.records[part.key] = {"points": points}
        return outcome

    @staticmethod
    def _point(entry: dict[str, Any], told: str, specs: str, outcome: Outcome) -> dict[str, str] | None:
        point = {n: text(entry.get(n)) for n in ("about", "kind", "plan", "spec", "problem", "mend")}
        place = f"point on {point['about']}"
        if point["kind"] not in KINDS or not point["problem"]:
            outcome.left_out.append(Finding("PA907", place, "its kind or problem is missing", "Name both."))
            return None
        for name, where in (("plan", told), ("spec", specs)):
            if point[name] and _flat(point[name]) not in where:
                outcome.left_out.append(
                    Finding("PA602", place, f"the quote {point[name][:60]!r} does not stand in the {name}", "Quote exactly.")
                )
                return None
        return point if point["plan"] or point["spec"] else None

    def whole(self, part: Part, record: Record) -> bool:
        return isinstance(record.get("points"), list)


def _flat(told: str) -> str:
    return " ".join(plain(told).casefold().split())


def notes_of(records: Mapping[str, Record]) -> dict[str, tuple[str, ...]]:
    """What reviewers said, by a task's key or the name of what is decided."""
    found: dict[str, list[str]] = {}
    for record in records.values():
        for point in record["points"]:
            found.setdefault(point["about"], []).append(_note(point))
    return {k: tuple(v) for k, v in found.items()}


def _note(point: Mapping[str, str]) -> str:
    quotes = [f"plan: “{point['plan']}”"] * bool(point["plan"]) + [f"specs: “{point['spec']}”"] * bool(point["spec"])
    return f"{point['kind']}: {point['problem']} ({'; '.join(quotes)})" + (f" Mend: {point['mend']}" if point["mend"] else "")


def chapters_of(tasks: Sequence[tuple[str, ...]], most: int) -> Iterator[Chapter]:
    """Chapters of tasks (key, group, text, specs, lines) with at most so many tokens each; a group stays together where it fits."""
    batch: list[tuple[str, ...]] = []
    size = 0
    for task in tasks:
        cost = (len(task[2]) + len(task[3])) // 3
        if batch and size + cost > most:
            yield _chapter(batch)
            batch, size = [], 0
        batch.append(task)
        size += cost
    if batch:
        yield _chapter(batch)


def _chapter(batch: Sequence[tuple[str, ...]]) -> Chapter:
    keys = tuple(t[0] for t in batch)
    specs, lines = ("\n".join(dict.fromkeys(line for t in batch for line in t[n].split("\n") if line)) for n in (3, 4))
    return Chapter(f"{keys[0]}…{keys[-1]}" if len(keys) > 1 else keys[0], keys, "\n\n".join(t[2] for t in batch), specs, lines)
