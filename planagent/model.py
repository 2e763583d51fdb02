"""The shared vocabulary: what was read (facts), what must be covered (obligations), what was found wrong.

Everything here is a value: frozen, comparable, without behaviour beyond naming itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Role = Literal["constitution", "backend", "frontend", "other"]
Side = Literal["backend", "frontend", "both"]

_PARAMETER = re.compile(r"\{[^}/]*\}|(?<=/):[A-Za-z_]\w*|<[^>/]*>")


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """A place in the corpus: a path relative to the workspace and 1-based line numbers, both inclusive."""

    file: str
    line: int
    end: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f"-{self.end}" if self.end > self.line else "")


@dataclass(frozen=True, slots=True)
class Passage:
    """The text under one heading (or one OpenAPI operation), up to the next heading.

    `anchor` is unique in the corpus: `path#slug`, GitHub's slug rule. `start` and `end` are 1-based lines.
    `trail` holds the headings above it, outermost first, its own last.
    """

    file: str
    slug: str
    trail: tuple[str, ...]
    start: int
    end: int
    text: str

    @property
    def anchor(self) -> str:
        return f"{self.file}#{self.slug}" if self.slug else self.file

    @property
    def heading(self) -> str:
        return self.trail[-1] if self.trail else self.file.rsplit("/", 1)[-1]


@lru_cache(maxsize=1024)
def _lines(text: str) -> tuple[str, ...]:
    """A document's lines are asked for at every place that is looked up: they are split once."""
    return tuple(text.split("\n"))


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the corpus, secrets masked. `feature` is its folder below the spec root, or ''."""

    path: str
    role: Role
    why: str
    text: str
    digest: str
    feature: str = ""
    phase: int | None = None
    in_scope: bool = True
    left_out: str = ""
    notes: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return _lines(self.text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path or query parameter, or a field of a body or entity, as the specs state it."""

    name: str
    type: str = ""
    required: bool | None = None
    note: str = ""
    where: Literal["path", "query", "body", "response", "field"] = "field"
    example: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One HTTP operation. `path` is shown as written, server prefix included; `key` is for comparison."""

    method: str
    path: str
    evidence: tuple[Evidence, ...]
    summary: str = ""
    auth: Literal["required", "public", "unknown"] = "unknown"
    statuses: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    operation_id: str = ""
    request_schema: str = ""
    response_schema: str = ""

    @property
    def key(self) -> str:
        return f"{self.method} {normalize_path(self.path)}"

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    def fields(self, where: str) -> tuple[Parameter, ...]:
        return tuple(p for p in self.parameters if p.where == where)


@dataclass(frozen=True, slots=True)
class Entity:
    """A stored thing. `managed_by` names an outside owner of its table (an auth library, say)."""

    name: str
    evidence: tuple[Evidence, ...]
    table: str = ""
    fields: tuple[Parameter, ...] = ()
    managed_by: str = ""
    side: Side = "backend"


@dataclass(frozen=True, slots=True)
class EnvVar:
    name: str
    side: Side
    evidence: tuple[Evidence, ...]
    default: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A numbered requirement. `name` is qualified by its feature: ids restart in every feature folder."""

    id: str
    feature: str
    text: str
    side: Side
    evidence: tuple[Evidence, ...]

    @property
    def name(self) -> str:
        return f"{self.feature}:{self.id}" if self.feature else self.id


@dataclass(frozen=True, slots=True)
class Technology:
    """A named technology. `kind`: language, framework, server, orm, database, driver, auth, test, …"""

    name: str
    kind: str
    side: Side
    evidence: tuple[Evidence, ...]
    version: str = ""
    versions: tuple[tuple[str, Evidence], ...] = ()
    """Every version that is said, each with its first place."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two places that disagree, something missing, or a trap.

    `topic` is a stable key (`auth.mechanism`); `blocks` ranks: 1 stops a backend engineer, 3 is good to know.
    """

    topic: str
    kind: Literal["conflict", "gap", "trap", "prerequisite"]
    message: str
    places: tuple[Evidence, ...]
    blocks: int = 2
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    endpoints: tuple[Endpoint, ...] = ()
    entities: tuple[Entity, ...] = ()
    env_vars: tuple[EnvVar, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    technologies: tuple[Technology, ...] = ()
    tree: tuple[tuple[str, str], ...] = ()
    """The project layout that the specs draw: (path, comment), folders end in '/'."""
    tree_evidence: tuple[Evidence, ...] = ()
    consumed: tuple[Endpoint, ...] = ()
    """Endpoints that frontend documents call and that no backend document defines."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that was read, and what was left out with the reason."""

    name: str
    documents: tuple[Document, ...]
    facts: Facts
    conflicts: tuple[Conflict, ...]
    scope: str = ""
    warnings: tuple[str, ...] = ()
    secrets: tuple[Evidence, ...] = ()
    _by_path: dict[str, Document] = field(default_factory=dict, init=False, compare=False, repr=False)

    def document(self, path: str) -> Document | None:
        if not self._by_path:
            self._by_path.update({d.path: d for d in reversed(self.documents)})
        return self._by_path.get(path)

    @property
    def read(self) -> tuple[Document, ...]:
        """The documents that the plan is made from."""
        return tuple(d for d in self.documents if d.in_scope and d.role != "other")

    def passage_at(self, place: Evidence) -> Passage | None:
        document = self.document(place.file)
        if document is None:
            return None
        passages = document.passages
        # In the order of lines, as every reader makes them: the last that begins at or above the line.
        found = passages[bisect_right(passages, place.line, key=lambda p: p.start) - 1] if passages else None
        return found if found and found.start <= place.line <= found.end else None

    def passage(self, anchor: str) -> Passage | None:
        document = self.document(anchor.partition("#")[0])
        return next((p for p in document.passages if p.anchor == anchor), None) if document else None


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that the plan must cover. `id` is stable; `label` is how plan and people call it."""

    id: str
    kind: Literal["topic", "endpoint", "entity", "env", "requirement", "operation"]
    section: int
    label: str
    evidence: tuple[Evidence, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that is broken at a place. `place` is a draft item, a task id or `line N`.

    `line` is 1-based, 0 when the place is a draft or the whole plan; `column` is 1-based, 0 when unknown.
    """

    rule: str
    place: str
    message: str
    remedy: str
    line: int = 0
    key: str = field(default="", compare=False)
    """The draft item or task at fault, so that a writer is asked again for that one only."""
    excerpt: str = field(default="", compare=False)
    """The words at fault as they stand in the file, '' when the whole line or part is."""
    column: int = field(default=0, compare=False)


@lru_cache(maxsize=65_536)
def normalize_path(path: str) -> str:
    """`/Tasks/{task_id}/` and `/Tasks/:id` are one path: parameters lose their names, the last slash goes."""
    path = _PARAMETER.sub("{}", path.split("?", 1)[0]).rstrip("/")
    return path or "/"


def unique_evidence(places: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Order kept, duplicates dropped."""
    return tuple(dict.fromkeys(places))
