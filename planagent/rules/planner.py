"""Statements into tasks by kind and place. No side is taken, no stack chosen, no name made up: what is not exact is applied as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from planagent.briefs.brief import Brief
from planagent.briefs.decide import DecideStage, Group
from planagent.corpus.markdown import slugify
from planagent.model import Corpus, Passage
from planagent.plan.graph import reaches
from planagent.statements.statement import Ref, Statement, slug

_MOST = 12
"""Statements of one task; what is more goes into a second one."""
_CHANGES = "openspec/changes/"


def decide(brief: Brief) -> dict[str, Any]:
    """The answer to a deciding brief."""
    stage, group, held = brief.payload
    if group.over:
        return _empty()
    planner = _Planner(stage, group)
    return planner.answer(keep={t.key for t in held.tasks} if held else set())


def _empty() -> dict[str, Any]:
    names = ("approach", "conventions", "layout", "rulings", "tasks", "withdrawn", "excluded", "removed")
    return {name: [] for name in names}


class _Planner:
    def __init__(self, stage: DecideStage, group: Group) -> None:
        self._stage = stage
        self._corpus: Corpus = stage.corpus
        self._statements = group.statements
        self._keys: set[str] = set()

    def answer(self, keep: set[str]) -> dict[str, Any]:
        withdrawn = dict(self._superseded())
        live = [s for s in self._statements if s.key not in withdrawn]
        rulings = [*self._questions(live), *self._seen(live)]
        held = {r["key"] for r in rulings}
        rulings += [
            self._ruling(key, "decision", key, "A person has decided.", answer, [])
            for key, answer in self._stage.answers.items()
            if key not in held
        ]
        asked = {a for r in rulings for a in r["about"] if r["kind"] == "gap"}
        tasks = list(self._tasks([s for s in live if s.key not in asked]))
        read = sum(s.origin == "formal" for s in live)
        sources = f"{read} statements come from formal sources. " if read else "There is no formal source. "
        told = f"{sources}The lines of the other {len(live) - read} were told by their shape or heading and are worked by as they stand, unread."
        return _empty() | {
            "approach": [
                told,
                "Order: the project's rules, then settings, data and messages, then operations and what surrounds them, then verification; below that "
                "the order of the specs. What has to come first by their words, nobody has read.",
            ],
            "rulings": rulings,
            "tasks": tasks,
            "withdrawn": [{"key": k, "why": why} for k, why in withdrawn.items()],
            "removed": sorted(keep - {t["key"] for t in tasks}),
        }

    # -- rulings --------------------------------------------------------------------------------

    def _questions(self, live: Iterable[Statement]) -> Iterator[dict[str, Any]]:
        for statement in live:
            if statement.kind == "question":
                place = next(iter(statement.places(self._corpus)), None)
                yield self._ruling(
                    f"open-{statement.key}", "gap", f"Open in the specs: {place}", f"The specs mark {place} as open.",
                    "Built no further than its words.", [statement.key],
                )  # fmt: skip

    def _seen(self, live: Iterable[Statement]) -> Iterator[dict[str, Any]]:
        keys = {s.key for s in live}
        for told, about in self._stage._conflicts:
            if keys.issuperset(about):
                yield self._ruling(
                    f"seen-{slug(told, 40)}", "decision", told, told, "The first of these values holds until a person decides otherwise.", list(about),
                )  # fmt: skip

    @staticmethod
    def _ruling(key: str, kind: str, title: str, found: str, default: str, about: list[str]) -> dict[str, Any]:
        return {
            "key": key, "kind": kind, "title": title, "found": found, "default": default, "why": "", "options": [], "waits": True, "about": about,
        }  # fmt: skip

    def _superseded(self) -> Iterator[tuple[str, str]]:
        """Statements of requirements that a change replaces or removes, by the heading that both have."""
        changed: dict[str, str] = {}
        for document in self._corpus.read:
            if _CHANGES in f"/{document.path}":
                for passage in document.passages:
                    kind = next((h for h in passage.trail[:-1] if h.endswith(" Requirements")), "")
                    if kind.startswith(("MODIFIED", "REMOVED")):
                        changed[passage.heading] = document.path
        for statement in self._statements:
            for file, unit_id in statement.units[:1]:
                home = self._passage((file, unit_id))
                if home and _CHANGES not in f"/{file}" and changed.keys() & set(home.trail):
                    yield statement.key, "superseded"

    # -- tasks ----------------------------------------------------------------------------------

    def _tasks(self, live: list[Statement]) -> Iterator[dict[str, Any]]:
        left = {s.key: s for s in live}

        def take(wanted: Iterable[Statement]) -> list[Statement]:
            return [left.pop(s.key) for s in wanted if s.key in left]

        made: list[dict[str, Any]] = []
        components = dict.fromkeys(s.component for s in live)
        for component in components:
            mine = [s for s in live if s.component == component]
            label = f" of {component}" if len(components) > 1 and component else ""
            prefix = f"{slug(component, 16)}-" if component else ""
            first: list[dict[str, Any]] = []
            for number, batch in enumerate(self._batches(take(s for s in mine if self._is_constitution(s))), 1):
                first.append(
                    self._task(
                        f"{prefix}rules-{number}",
                        1,
                        f"Keep the rules of the project{label}: {self._headings(batch)}",
                        "Rules of the project",
                        batch,
                        [],
                    )
                )
            settings = take(s for s in mine if s.kind == "setting")
            if settings:
                first.append(self._task(f"{prefix}settings", 2, f"Read the settings{label}", "Settings", settings, []))
            base = [t["key"] for t in first]
            stored = take(s for s in mine if s.stored)
            data = [
                self._task(f"{prefix}record-{slug(s.name)}", 3, f"Create the record {s.name}{label}", "Data", [s, *take(self._beside(s, left))], base)
                for s in stored
            ]  # fmt: skip
            made_by = {s.key: t["key"] for s, t in zip(stored, data, strict=True)}
            for task, named in zip(data, _named_in(stored), strict=True):
                task["needs"] += [made_by[n] for n in named]
            messages = take(s for s in mine if s.kind == "record")
            data += [
                self._task(f"{prefix}messages-{n}", 5, f"Define the messages{label}", "Data", batch, base)
                for n, batch in enumerate(self._batches(messages), 1)
            ]
            needs = [*base, *(t["key"] for t in data)]
            work = []
            for name, batch in self._by_resource(take(s for s in mine if s.kind == "operation")):
                around = [x for s in batch for x in take(self._beside(s, left))]
                work.append(
                    self._task(
                        f"{prefix}operations-{slug(name) or 'root'}",
                        5,
                        f"Provide the operations on {name}{label}",
                        "Operations",
                        [*batch, *around],
                        needs,
                    )
                )
            for name, batch in self._by_place(take(mine)):
                for part in self._batches(batch):
                    work.append(
                        self._task(
                            f"{prefix}apply-{slug(name.rpartition('#')[2] or name)}",
                            6,
                            f"Work by `{name}`{label}",
                            "What the specs say beside",
                            part,
                            base,
                        )
                    )
            proved = [*data, *work]
            made += [*first, *data, *work]
            for number in range(0, len(proved), _MOST):
                some = proved[number : number + _MOST]
                made.append(
                    self._task(f"{prefix}verify-{number // _MOST + 1}", 9, f"Verify what was built{label}, part {number // _MOST + 1}", "Verification", [], [])
                    | {"proves": [t["key"] for t in some], "needs": [t["key"] for t in work if t["section"] == 5]}
                )  # fmt: skip
        yield from made

    def _task(self, key: str, section: int, title: str, phase: str, covers: Iterable[Statement], needs: list[str]) -> dict[str, Any]:
        base, number = key, 2
        while key in self._keys:
            key, number = f"{base}-{number}", number + 1
        self._keys.add(key)
        return {
            "key": key, "section": section, "title": title, "file": "", "phase": phase, "needs": list(needs),
            "covers": list(dict.fromkeys(s.key for s in covers)), "gives": [], "rulings": [], "proves": [], "condition": "",
        }  # fmt: skip

    @staticmethod
    def _batches(statements: list[Statement]) -> Iterator[list[Statement]]:
        for start in range(0, len(statements), _MOST):
            yield statements[start : start + _MOST]

    def _headings(self, batch: Sequence[Statement]) -> str:
        """The first and the last heading of what is done together."""
        found = [p.heading or p.file for s in (batch[0], batch[-1]) if s.units and (p := self._passage(s.units[0]))]
        return " to ".join(dict.fromkeys(found))

    def _is_constitution(self, statement: Statement) -> bool:
        documents = [self._corpus.document(file) for file, _ in statement.units]
        return bool(documents) and all(d is not None and d.role == "constitution" for d in documents)

    def _beside(self, statement: Statement, left: dict[str, Statement]) -> list[Statement]:
        """Rules and passages that stand under the same heading as a thing, or under one below it, where it is the heading's only thing."""
        home = self._passage(statement.units[0])
        if home is None or not home.trail:
            return []
        here = [s for s in self._statements if s.kind in ("operation", "record") and self._within(s, home)]
        if len(here) != 1:
            return []
        return [s for s in left.values() if s.kind in ("rule", "passage") and self._within(s, home)]

    def _within(self, statement: Statement, home: Passage) -> bool:
        found = self._passage(statement.units[0]) if statement.units else None
        return found is not None and found.file == home.file and found.trail[: len(home.trail)] == home.trail

    def _passage(self, ref: Ref) -> Passage | None:
        document = self._corpus.document(ref[0])
        unit = document.by_id.get(ref[1]) if document else None
        return document.passages[unit.passage] if document and unit and document.passages else None

    @staticmethod
    def _by_resource(operations: list[Statement]) -> Iterator[tuple[str, list[Statement]]]:
        """Operations by the first part of their paths in which they differ, without prefixes that many share."""
        paths = {s.key: [p for p in s.name.partition(" ")[2].split("/") if p and p[0] not in "{:<["] for s in operations if "/" in s.name}
        routed = [s for s in operations if s.key in paths]
        others: dict[str, list[Statement]] = {}
        for statement in (s for s in operations if s.key not in paths):
            others.setdefault(statement.name.partition(".")[0].split(" ")[0], []).append(statement)
        for name, batch in [*_split(routed, paths, 0), *others.items()]:
            for start in range(0, len(batch), _MOST):
                yield name, batch[start : start + _MOST]

    def _by_place(self, statements: list[Statement]) -> Iterator[tuple[str, list[Statement]]]:
        """What is left by document and second heading, in the order of the specs."""
        groups: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
        for statement in statements:
            passage = self._passage(statement.units[0]) if statement.units else None
            trail = passage.trail[:2] if passage else ()
            groups.setdefault((statement.units[0][0] if statement.units else "", trail), []).append(statement)
        for (file, trail), batch in groups.items():
            home = self._passage(batch[0].units[0]) if batch[0].units else None
            yield ((home.anchor if home and len(home.trail) <= 2 else f"{file}#{slugify(trail[-1])}" if trail else file), batch)


def _named_in(records: Sequence[Statement]) -> list[list[str]]:
    """The keys of the records that the fields and constraints of each one name; where they name each other in a circle, only those before."""
    told = {r.key: " ".join(v.partition(":")[2] or v for _, v in r.facts) for r in records}
    place = {r.key: n for n, r in enumerate(records)}
    found = {
        key: [r.key for r in records if r.key != key and re.search(rf"(?<!\w){re.escape(r.name)}(?!\w)", text)]
        for key, text in told.items()
    }
    return [[n for n in names if place[n] < place[key] or not reaches(found, n, key)] for key, names in found.items()]


def _split(operations: list[Statement], paths: dict[str, list[str]], depth: int) -> Iterator[tuple[str, list[Statement]]]:
    groups: dict[str, list[Statement]] = {}
    for statement in operations:
        parts = paths[statement.key]
        groups.setdefault(parts[depth] if len(parts) > depth else parts[-1] if parts else "root", []).append(statement)
    for name, batch in groups.items():
        if len(batch) > 1 and all(len(paths[s.key]) > depth + 1 for s in batch):
            yield from _split(batch, paths, depth + 1)  # a prefix is no resource
        else:
            yield name, batch
