"""What of the specs says something else than when a plan was made, line by line, and which tasks rest on it. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from planagent.corpus.markdown import content, content_digest
from planagent.model import Corpus, Document, Passage, Unit
from planagent.plan.plan import Plan, Source, Task
from planagent.statements.runs import expanded
from planagent.statements.statement import Ref

_SHOWN, _MOST = 120, 3
"""Characters of a changed line that are shown, and how many of them."""


def unit_digests(document: Document, passage: Passage) -> str:
    """The units of a passage, each with a short hash of what it says: `L8 1f0a3c,L10 93be07`."""
    return ",".join(f"{u.id} {_digest(u)}" for u in document.units_by_anchor.get(passage.anchor, ()))


def digests(told: str) -> dict[str, str]:
    """The same as a mapping of units to hashes."""
    parts = (part.partition(" ") for part in told.split(",") if part)
    return {unit: digest for unit, _, digest in parts}


def _digest(unit: Unit) -> str:
    return hashlib.sha256(content(unit.text).encode()).hexdigest()[:6]


@dataclass(frozen=True)
class Changes:
    """`passages` are the anchors of the plan that say something else now, or are gone, each with a sentence on it. `gone` are units, by their
    lines of then, whose words are not there any more; of a passage of which no more is known, all of its units."""

    plan: Plan
    passages: dict[str, str] = field(default_factory=dict)
    gone: frozenset[Ref] = frozenset()
    unknown: frozenset[str] = frozenset()
    """Changed passages whose units the plan does not tell."""
    moved: dict[Ref, Ref] = field(default_factory=dict)
    """Units of then as they are called now."""

    @classmethod
    def of(cls, plan: Plan, corpus: Corpus) -> Changes:
        told: dict[str, str] = {}
        gone: set[Ref] = set()
        moved: dict[Ref, Ref] = {}
        units = dict(plan.units)
        for anchor, digest in plan.passages:
            path, before = anchor.partition("#")[0], digests(units.get(anchor, ""))
            passage = corpus.passage(anchor)
            document = corpus.document(passage.file) if passage else None
            if passage is None or document is None or document.left_out:
                told[anchor] = f"{anchor} is gone."
                gone |= {(path, unit) for unit in before}
                continue
            moved |= {(path, was): (passage.file, now) for was, now in _matched(before, document.units_by_anchor.get(anchor, ()))}
            if content_digest(document.said(passage)) != digest:
                left, fresh = _differ(before, document.units_by_anchor.get(passage.anchor, ()))
                told[anchor] = _sentence(anchor, passage, left, fresh, known=bool(before))
                gone |= {(path, unit) for unit in (left if left or fresh else before)}
        return cls(plan, told, frozenset(gone), frozenset(a for a in told if not units.get(a)), moved)

    def now(self, units: Iterable[str]) -> tuple[Ref, ...]:
        """What the plan's references to units (`specs/a.md L3-L5`) name now; what has changed since is left out."""
        then = (ref for told in units for ref in self._named(told))
        return tuple(self.moved[ref] for ref in then if ref in self.moved)

    def touching(self, task: Task) -> list[str]:
        """Sentences on what a task rests on and that says something else now."""
        return self.resting(task.covers, task.sources)

    def resting(self, keys: Iterable[str], sources: Sequence[Source]) -> list[str]:
        """The same of anything that rests on some statements and cites some places."""
        if not self.passages:
            return []
        cited = [s.anchor for s in sources]
        anchors = {anchor: None for anchor in cited if anchor in self.unknown}
        for key in keys:
            anchors |= {self._home[ref]: None for ref in self._rests.get(key, ()) if ref in self.gone}
        return [self.passages[a] for a in sorted(anchors, key=lambda a: cited.index(a) if a in cited else len(cited))]

    def rests_in(self, task: Task, anchor: str) -> list[str]:
        """The units of a passage that a task rests on, as they were called when the plan was made."""
        refs = dict.fromkeys(ref for key in task.covers for ref in self._rests.get(key, ()))
        return [unit for path, unit in refs if self._home.get((path, unit)) == anchor]

    @cached_property
    def units(self) -> dict[str, str]:
        """Of the plan, by the anchors of their passages."""
        return dict(self.plan.units)

    @cached_property
    def _home(self) -> dict[Ref, str]:
        return {(a.partition("#")[0], unit): a for a, told in self.plan.units for unit in digests(told)}

    @cached_property
    def _rests(self) -> dict[str, tuple[Ref, ...]]:
        """The units of each statement, as they were called then."""
        return {s.key: tuple(ref for told in s.units for ref in self._named(told)) for s in self.plan.statements}

    def _named(self, told: str) -> Iterator[Ref]:
        path, _, ids = told.rpartition(" ")
        order, places = self._order.get(path, ([], {}))
        yield from ((path, unit) for unit in expanded(ids, order, places) or ())

    @cached_property
    def _order(self) -> dict[str, tuple[list[str], dict[str, int]]]:
        """The units of each document, in their order of then, and the place of each."""
        order: dict[str, list[str]] = {}
        for path, unit in self._home:
            order.setdefault(path, []).append(unit)
        return {path: (ids, {unit: n for n, unit in enumerate(ids)}) for path, ids in order.items()}


def _matched(before: Mapping[str, str], now: Sequence[Unit]) -> Iterator[tuple[str, str]]:
    """Units of then and of now that say the same, in their order."""
    free: dict[str, list[str]] = {}
    for unit in reversed(now):
        free.setdefault(_digest(unit), []).append(unit.id)
    for was, digest in before.items():
        if free.get(digest):
            yield was, free[digest].pop()


def _differ(before: dict[str, str], now: Sequence[Unit]) -> tuple[list[str], list[Unit]]:
    """Units of then whose words are gone, and units of now whose words are new."""
    had, has = Counter(before.values()), Counter(map(_digest, now))
    left = [unit for unit, digest in before.items() if not _taken(has, digest)]
    fresh = [unit for unit in now if not _taken(had, _digest(unit))]
    return left, fresh


def _taken(counts: Counter[str], digest: str) -> bool:
    counts[digest] -= 1
    return counts[digest] >= 0


def _sentence(anchor: str, passage: Passage, left: Sequence[str], fresh: Sequence[Unit], *, known: bool) -> str:
    if not known or not (left or fresh):
        return f"{anchor} (L{passage.start}-L{passage.end}) has changed."
    shown = [f"L{u.line} says now “{_short(u.text)}”" for u in fresh[:_MOST]]
    if len(fresh) > _MOST:
        shown.append(f"{len(fresh) - _MOST} more are new")
    if len(left) > len(fresh):
        shown.append(f"{_counted(len(left) - len(fresh))} gone")
    return f"{anchor} has changed: {', '.join(shown)}."


def _counted(many: int) -> str:
    return "one line is" if many == 1 else f"{many} lines are"


def _short(text: str) -> str:
    told = " ".join(text.split())
    return told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"


def edited_lines(then: Changes, now: Changes, was: Task, task: Task, anchors: Iterable[str]) -> list[str]:
    """Of two plans: the passages of which lines that a task rests on have changed in between, each in a few words."""
    found = []
    for anchor in anchors:
        had, has = (digests(c.units.get(anchor, "")) for c in (then, now))
        if not had or not has:
            found.append(f"{anchor} has changed")
            continue
        fresh = [i for i in now.rests_in(task, anchor) if has[i] not in had.values()]
        left = [i for i in then.rests_in(was, anchor) if had[i] not in has.values()]
        if fresh or left:
            found.append(f"{anchor} has changed" + (f": {', '.join(fresh)}" if fresh else ""))
    return found
