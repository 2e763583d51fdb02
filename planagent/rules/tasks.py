"""Tasks from statements by kind and place: what a file has that is exact tells when the rest of it is done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from planagent.corpus.markdown import slugify
from planagent.model import Corpus, Passage
from planagent.plan.graph import reaches
from planagent.statements.statement import Ref, Statement, slug

T = TypeVar("T")
_MOST = 12
"""Statements of one task; what is more goes into a second one."""
_OPERATIONS, _REST = "Operations", "Everything else the specs say"
Place = tuple[str, tuple[str, ...]]
"""A file and the headings above a passage in it, its own last."""


def tasks_of(corpus: Corpus, live: Sequence[Statement]) -> list[dict[str, Any]]:
    """The tasks for all statements, each need before what needs it: what binds all components first."""
    shop = _Shop(corpus, live)
    components = sorted(dict.fromkeys(s.component for s in live), key=bool)
    for component in components:
        mine = [s for s in live if s.component == component]
        shop.build(mine, f" of {component}" if len(components) > 1 and component else "", f"{slug(component, 16)}-" if component else "")
    return shop.made


class _Shop:
    """Builds task by task; what is built is no longer left."""

    def __init__(self, corpus: Corpus, live: Sequence[Statement]) -> None:
        self.made: list[dict[str, Any]] = []
        self._corpus = corpus
        self._left = {s.key: s for s in live}
        self._keys: set[str] = set()
        self._shared: list[str] = []
        self._label = self._prefix = ""
        self._homes = {s.key: p for s in live if s.units and (p := self._passage(s.units[0]))}
        self._things: Counter[Place] = Counter()
        """How many operations and records stand below each heading."""
        for statement in (s for s in live if s.kind in ("operation", "record")):
            self._things.update(self._above(statement))

    def build(self, mine: Sequence[Statement], label: str, prefix: str) -> None:
        """The tasks of one component, in five steps of which each needs the one before."""
        self._label, self._prefix = label, prefix
        exact = self._exact_files(mine)
        first = [*self._rules(mine), *self._settings(mine), *self._rest(mine, exact["settings"], "Settings", 2, self._shared)]
        base = [*self._shared, *first]
        if not prefix:
            self._shared = base
        data = [*self._records(mine, base), *self._messages(mine, base)]
        data += self._rest(mine, exact["data"], "Data", 3, data or base)
        work = list(self._operations(mine, data or base))
        work += self._rest(mine, None, _REST, 6, work or data or base)
        self._verify([*data, *work])

    def _exact_files(self, mine: Sequence[Statement]) -> dict[str, set[str]]:
        """The files that define settings, and those that define what is stored; those with operations are neither."""
        files: dict[str, set[str]] = {"settings": set(), "data": set(), "operations": set()}
        for statement in mine:
            kind = (
                "settings"
                if statement.kind == "setting"
                else "data"
                if statement.stored
                else "operations"
                if statement.kind == "operation"
                else ""
            )
            files.get(kind, set()).update(file for file, _ in statement.units)
        data = files["data"] - files["operations"]
        return {"settings": files["settings"] - files["operations"] - data, "data": data}

    # -- steps ----------------------------------------------------------------------------------

    def _rules(self, mine: Iterable[Statement]) -> Iterator[str]:
        exact = ("setting", "record", "operation")  # wherever they are defined, each has its own section
        found = self._take(s for s in mine if s.kind not in exact and self._is_constitution(s))
        for number, batch in enumerate(_batches(found), 1):
            title = f"Keep the rules of the project{self._label}: {self._headings(batch)}"
            yield self._add(f"rules-{number}", 1, title, "Rules of the project", batch, self._shared)

    def _settings(self, mine: Iterable[Statement]) -> Iterator[str]:
        found = self._take(s for s in mine if s.kind == "setting")
        if found:
            yield self._add("settings", 2, f"Read the settings{self._label}", "Settings", found, self._shared)

    def _records(self, mine: Iterable[Statement], needs: Sequence[str]) -> Iterator[str]:
        stored = self._take(s for s in mine if s.stored)
        named, made = _named_in(stored), dict[str, str]()
        for statement in stored:
            covers = [statement, *self._beside(statement)]
            made[statement.key] = self._add(
                f"record-{slug(statement.name)}", 3, f"Create the record {statement.name}{self._label}", "Data", covers, needs
            )
        for statement, task in zip(stored, self.made[len(self.made) - len(stored) :], strict=True):
            task["needs"] += [made[n] for n in named[statement.key]]
        yield from made.values()

    def _messages(self, mine: Iterable[Statement], needs: Sequence[str]) -> Iterator[str]:
        found = self._take(s for s in mine if s.kind == "record")
        for number, batch in enumerate(_batches(found), 1):
            yield self._add(f"messages-{number}", 5, f"Define the messages{self._label}", "Data", batch, needs)

    def _operations(self, mine: Iterable[Statement], needs: Sequence[str]) -> Iterator[str]:
        for name, batch in _by_resource(self._take(s for s in mine if s.kind == "operation")):
            around = [x for s in batch for x in self._beside(s)]
            title = f"Provide the operations on {name}{self._label}"
            yield self._add(f"operations-{slug(name) or 'root'}", 5, title, _OPERATIONS, [*batch, *around], needs)

    def _rest(self, mine: Iterable[Statement], files: set[str] | None, phase: str, section: int, needs: Sequence[str]) -> list[str]:
        """What is left, of some files or of all, file by file in the order of the specs.

        Args:
            files: None for all of them.
        """
        found = self._take(s for s in mine if files is None or (s.units and s.units[0][0] in files))
        return [
            self._add(f"apply-{slug(name.rpartition('#')[2]) or slug(name)}", section, f"Work by {shown}{self._label}", phase, batch, needs)
            for name, shown, batch in self._by_place(found)
        ]

    def _verify(self, proved: Sequence[str]) -> None:
        operations = [t["key"] for t in self.made if t["phase"] == _OPERATIONS and t["key"] in set(proved)]
        for number, some in enumerate(_batches(proved), 1):
            title = f"Verify what was built{self._label}, part {number}"
            self._add(f"verify-{number}", 9, title, "Verification", [], dict.fromkeys((*operations, *some)))
            self.made[-1]["proves"] = list(some)

    def _add(self, key: str, section: int, title: str, phase: str, covers: Iterable[Statement], needs: Iterable[str]) -> str:
        key = base = f"{self._prefix}{key}"
        number = 2
        while key in self._keys:
            key, number = f"{base}-{number}", number + 1
        self._keys.add(key)
        self.made.append(
            {
                "key": key, "section": section, "title": title, "file": "", "phase": phase, "needs": list(needs),
                "covers": list(dict.fromkeys(s.key for s in covers)), "gives": [], "rulings": [], "proves": [], "condition": "",
            }
        )  # fmt: skip
        return key

    # -- places ---------------------------------------------------------------------------------

    def _take(self, wanted: Iterable[Statement]) -> list[Statement]:
        return [self._left.pop(s.key) for s in wanted if s.key in self._left]

    def _headings(self, batch: Sequence[Statement]) -> str:
        """The first and the last heading of what is done together."""
        found = [home.heading or home.file for s in (batch[0], batch[-1]) if (home := self._homes.get(s.key))]
        return " to ".join(dict.fromkeys(found))

    def _is_constitution(self, statement: Statement) -> bool:
        documents = [self._corpus.document(file) for file, _ in statement.units]
        return bool(documents) and all(d is not None and d.role == "constitution" for d in documents)

    def _beside(self, statement: Statement) -> list[Statement]:
        """Rules and passages that stand under the same heading as a thing, or under one below it, where it is the heading's only thing."""
        home = self._homes.get(statement.key)
        if home is None or not home.trail or self._things[home.file, home.trail] != 1:
            return []
        return self._take([s for s in self._left.values() if s.kind in ("rule", "passage") and (home.file, home.trail) in self._above(s)])

    def _above(self, statement: Statement) -> Iterator[Place]:
        """The headings that a statement stands under, its own first."""
        home = self._homes.get(statement.key)
        if home:
            yield from ((home.file, home.trail[:depth]) for depth in range(len(home.trail), 0, -1))

    def _passage(self, ref: Ref) -> Passage | None:
        document = self._corpus.document(ref[0])
        unit = document.by_id.get(ref[1]) if document else None
        return document.passages[unit.passage] if document and unit and document.passages else None

    def _by_place(self, statements: Sequence[Statement]) -> Iterator[tuple[str, str, Sequence[Statement]]]:
        """Statements by file and second heading, as many together as make a task: the place, how it is shown, and what stands there."""
        groups: dict[Place, list[Statement]] = {}
        for statement in statements:
            home = self._homes.get(statement.key)
            groups.setdefault((home.file, home.trail[:2]) if home else (statement.units[0][0] if statement.units else "", ()), []).append(
                statement
            )
        for packed in _packed(groups):
            batch = [s for place in packed for s in groups[place]]
            parts = list(_batches(batch))
            for number, part in enumerate(parts, 1):
                name, shown = self._named_place(packed, whole=all(p in packed for p in groups if p[0] == packed[0][0]))
                yield name, shown + (f", part {number} of {len(parts)}" if len(parts) > 1 else ""), part

    def _named_place(self, places: Sequence[Place], *, whole: bool) -> tuple[str, str]:
        """A name for what stands at some places, and how it is shown: by anchors, which are nobody's words."""
        file = places[0][0]
        first, last = (self._anchor(p) for p in (places[0], places[-1]))
        if len(places) == 1:
            return first, f"`{first}`"
        return (file, f"`{file}`") if whole else (first, f"`{first}` to `{last.removeprefix(file)}`")

    def _anchor(self, place: Place) -> str:
        file, trail = place
        document = self._corpus.document(file)
        found = next((p.anchor for p in document.passages if p.trail == trail), "") if document else ""
        return found or (f"{file}#{slugify(trail[-1])}" if trail else file)


def _batches(entries: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(entries), _MOST):
        yield entries[start : start + _MOST]


def _packed(groups: dict[Place, list[Statement]]) -> Iterator[list[Place]]:
    """Neighbours of one file, as long as they fit into one task."""
    packed: list[Place] = []
    size = 0
    for place, batch in groups.items():
        if packed and (packed[0][0] != place[0] or size + len(batch) > _MOST):
            yield packed
            packed, size = [], 0
        packed.append(place)
        size += len(batch)
    if packed:
        yield packed


def _by_resource(operations: list[Statement]) -> Iterator[tuple[str, Sequence[Statement]]]:
    """Operations by the first part of their paths in which they differ, without prefixes that many share."""
    paths = {s.key: [p for p in s.name.partition(" ")[2].split("/") if p and p[0] not in "{:<["] for s in operations if "/" in s.name}
    routed = [s for s in operations if s.key in paths]
    others: dict[str, list[Statement]] = {}
    for statement in (s for s in operations if s.key not in paths):
        others.setdefault(statement.name.partition(".")[0].split(" ")[0], []).append(statement)
    for name, found in [*_split(routed, paths, 0), *others.items()]:
        for batch in _batches(found):
            yield name, batch


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


def _named_in(records: Sequence[Statement]) -> dict[str, list[str]]:
    """By record, the records that its fields and constraints name; where they name each other in a circle, only those before."""
    told = {r.key: " ".join(v.partition(":")[2] or v for _, v in r.facts) for r in records}
    place = {r.key: n for n, r in enumerate(records)}
    found = {
        key: [r.key for r in records if r.key != key and re.search(rf"(?<!\w){re.escape(r.name)}(?!\w)", text)]
        for key, text in told.items()
    }
    return {key: [n for n in names if place[n] < place[key] or not reaches(found, n, key)] for key, names in found.items()}
