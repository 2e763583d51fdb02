"""The shared vocabulary: places in the specs, documents and their units, findings. Values without behaviour beyond naming themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, TypeVar

T = TypeVar("T")
Role = Literal["constitution", "spec", "other"]
UnitKind = Literal["text", "heading", "row", "header", "code", "data", "comment", "mark"]

_PARAMETER = re.compile(r"\{[^}/]*\}|(?<=/):[A-Za-z_]\w*|<[^>/]*>|\[[^\]/]*\]")


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """A place in the corpus: a path relative to the workspace and 1-based line numbers, both inclusive."""

    file: str
    line: int
    end: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f"-{self.end}" if self.end > self.line else "")


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of a document that is accounted for: a sentence, a list item's sentence, a table row, a line of a fence.

    `line` and `end` are 1-based; `part` numbers the units that begin in one line, 0 where there is only one. `text` is
    what stands there, without the marks of lists and quotes.
    """

    line: int
    end: int
    part: int
    kind: UnitKind
    text: str
    passage: int = 0
    """Index of the document's passage that it stands in."""

    @property
    def id(self) -> str:
        return f"L{self.line}.{self.part}" if self.part else f"L{self.line}"


@dataclass(frozen=True, slots=True)
class Passage:
    """The text under one heading (or one definition of a contract), up to the next.

    `anchor` is unique in the corpus: `path#slug`, GitHub's slug rule. `start` and `end` are 1-based lines.
    `trail` holds the headings above it, outermost first, its own last.
    """

    file: str
    slug: str
    trail: tuple[str, ...]
    start: int
    end: int

    @property
    def anchor(self) -> str:
        return f"{self.file}#{self.slug}" if self.slug else self.file

    @property
    def heading(self) -> str:
        return self.trail[-1] if self.trail else self.file.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Document:
    """One file of the corpus, secrets masked.

    `feature` is its folder below the spec root, or ''; `component` the folder of the project that the spec root lies in,
    '' for the workspace itself. `left_out` says why it is not read, '' when it is.
    """

    path: str
    role: Role
    why: str
    text: str
    digest: str
    form: str = "markdown"
    feature: str = ""
    component: str = ""
    left_out: str = ""
    notes: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    units: tuple[Unit, ...] = ()

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))

    @cached_property
    def by_id(self) -> dict[str, Unit]:
        return {u.id: u for u in self.units}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Of the units, in their order."""
        return tuple(u.id for u in self.units)

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each unit among all, by its id."""
        return {u.id: n for n, u in enumerate(self.units)}

    @cached_property
    def units_by_anchor(self) -> dict[str, tuple[Unit, ...]]:
        """The units that say anything, by the anchors of their passages."""
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            if unit.kind != "mark" and unit.passage < len(self.passages):
                found.setdefault(self.passages[unit.passage].anchor, []).append(unit)
        return {anchor: tuple(units) for anchor, units in found.items()}

    @property
    def read_units(self) -> int:
        """How many units say anything: what every count of units means."""
        return sum(u.kind != "mark" for u in self.units)

    @cached_property
    def by_anchor(self) -> dict[str, Passage]:
        return {p.anchor: p for p in reversed(self.passages)}

    def said(self, passage: Passage) -> str:
        """The passage's text as it stands in the file."""
        return "\n".join(self.lines[passage.start - 1 : passage.end])


@dataclass(frozen=True)
class Corpus:
    """Everything that was found, and what was left out with the reason."""

    name: str
    documents: tuple[Document, ...]
    scope: str = ""
    """What is planned of it, as a person or the settings say; '' for everything."""
    roots: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secrets: tuple[Evidence, ...] = ()
    _by_path: dict[str, Document] = field(default_factory=dict, init=False, compare=False, repr=False)

    def document(self, path: str) -> Document | None:
        if not self._by_path:
            self._by_path.update({d.path: d for d in reversed(self.documents)})
        return self._by_path.get(path)

    @cached_property
    def read(self) -> tuple[Document, ...]:
        """The documents that the plan is made from."""
        return tuple(d for d in self.documents if not d.left_out)

    def passage(self, anchor: str) -> Passage | None:
        document = self.document(anchor.partition("#")[0])
        return document.by_anchor.get(anchor) if document else None

    def unit(self, file: str, unit_id: str) -> Unit | None:
        document = self.document(file)
        return document.by_id.get(unit_id) if document else None


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that is broken at a place. `place` is an entry of an answer, a task id or `line N`.

    `line` is 1-based, 0 when the place is an answer or the whole plan; `column` is 1-based, 0 when unknown.
    """

    rule: str
    place: str
    message: str
    remedy: str
    line: int = 0
    key: str = field(default="", compare=False)
    """The part at fault, so that a writer is asked again for that one only."""
    excerpt: str = field(default="", compare=False)
    """The words at fault as they stand in the file, '' when the whole line or part is."""
    column: int = field(default=0, compare=False)


@lru_cache(maxsize=65_536)
def normalize_path(path: str) -> str:
    """`/Tasks/{task_id}/` and `/Tasks/:id` are one path: parameters lose their names, the last slash goes."""
    path = _PARAMETER.sub("{}", path.split("?", 1)[0]).rstrip("/")
    return path or "/"


def have(value: T | None) -> T:
    """A value that a step before has made."""
    assert value is not None, "the steps run in order"  # noqa: S101
    return value
