"""Statements and accounts as values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from planagent.model import Corpus, Evidence, Unit
from planagent.statements.tokens import Said, Token, exact_tokens

Kind = Literal["operation", "record", "setting", "rule", "quality", "technology", "integration", "layout", "question", "passage"]
"""`passage` is what nobody has read: its lines are to be applied as they stand."""
Modality = Literal["must", "must-not", "may", "open"]
Reason = Literal[
    "structure", "context", "example", "repeats", "frontend", "other-scope", "future", "process", "superseded", "exists", "instruction"
]
Origin = Literal["formal", "joined", "model", "rules", "person"]
"""Who said it: a library that read a formal source, a library and a reader, a reader, the rules, a person."""

KINDS: tuple[str, ...] = get_args(Kind)
MODALITIES: tuple[str, ...] = get_args(Modality)
REASONS: tuple[str, ...] = get_args(Reason)
TRANSPORTS = ("http", "graphql", "grpc", "event in", "event out", "job", "command", "page", "webhook", "socket", "function")

MESSAGE = frozenset({("store", "message"), ("note", "message")})
"""Facts of a record that is sent and not kept."""

LETTERS = str.maketrans("0123456789", "ghijklmnop")
Ref = tuple[str, str]
"""A document's path and a unit's id."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the backend must do, hold, offer or refuse, resting on units.

    `says` is the reader's own words; `facts` are exact values by name (`status`, `field`, `access`), a name may come more than
    once; `labels` are the ids that its units begin with; `left_out` are tokens of its units that it leaves out on purpose.
    """

    key: str
    kind: Kind
    modality: Modality
    says: str
    units: tuple[Ref, ...]
    name: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    component: str = ""
    feature: str = ""
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    origin: Origin = "model"

    def fact(self, name: str) -> tuple[str, ...]:
        """All values of one name."""
        return tuple(v for n, v in self.facts if n == name)

    @property
    def title(self) -> str:
        """How people call it."""
        return self.name or (self.labels[0] if self.labels else "") or self.says[:60]

    @property
    def binds(self) -> bool:
        """False for what only asks."""
        return self.modality != "open" and self.kind != "question"

    @property
    def stored(self) -> bool:
        """A record that is kept, and not only sent."""
        return self.kind == "record" and MESSAGE.isdisjoint(self.facts)

    @property
    def material(self) -> tuple[object, ...]:
        """Everything that what rests on it rests on; where it stands is not in it."""
        return (self.key, self.kind, self.modality, self.component, self.says, self.name, self.facts, self.labels)

    def texts(self) -> Iterator[str]:
        """All that it says."""
        yield from (self.says, self.name, *(f"{n} {v}" for n, v in self.facts), *self.labels)

    def tokens(self) -> tuple[Token, ...]:
        """The exact tokens that a plan for it must carry."""
        found: dict[Token, None] = {}
        for text in (self.says, self.name, *(v for n, v in self.facts if n not in ("transport", "store", "id"))):
            found.update(dict.fromkeys(exact_tokens(text)))
        return tuple(t for t in found if t.text not in self.labels and t.text not in self.left_out)

    def places(self, corpus: Corpus) -> tuple[Evidence, ...]:
        """Its units as ranges of lines, neighbours joined."""
        return tuple(ranges(corpus, self.units))


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Units that demand nothing, with the reason; `of` is the statement that they repeat, show or give way to, or why they bind nobody."""

    reason: Reason
    units: tuple[Ref, ...]
    of: str = ""
    doubted: bool = False
    """It looked binding, was asked for again, and stays dismissed: a person should look."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a corpus says: every statement, and what became of every unit that none of them claims."""

    statements: tuple[Statement, ...]
    dismissed: tuple[Dismissal, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    """Definitions of formal sources that the reader took back, each with the reason."""
    notes: tuple[str, ...] = ()

    def by_key(self) -> dict[str, Statement]:
        return {s.key: s for s in self.statements}


def ranges(corpus: Corpus, units: Iterable[Ref]) -> Iterator[Evidence]:
    """Ranges of lines that units make, in the order of files; units with only marks or blank lines between are neighbours."""
    by_file: dict[str, list[Unit]] = {}
    for file, unit_id in units:
        unit = corpus.unit(file, unit_id)
        if unit is not None:
            by_file.setdefault(file, []).append(unit)
    for file, found in by_file.items():
        document = corpus.document(file)
        order = document.order if document else {}
        found.sort(key=lambda u: order[u.id])
        start, end, last = found[0].line, found[0].end, order[found[0].id]
        for unit in found[1:]:
            here = order[unit.id]
            between = document.units[last + 1 : here] if document else ()
            if all(u.kind == "mark" for u in between):
                end = max(end, unit.end)
            else:
                yield Evidence(file, start, end)
                start, end = unit.line, unit.end
            last = here
        yield Evidence(file, start, end)


def lettered(basis: str, size: int) -> str:
    """A short hash in letters alone: behind a word such as `password` letters and digits together look like a secret, and are masked in what is
    sent."""
    return hashlib.sha256(basis.encode()).hexdigest()[:size].translate(LETTERS)


def slug(text: str, most: int = 32) -> str:
    """A short name of letters, digits and hyphens in any script."""
    words = re.findall(r"[^\W_]+", text.lower())
    found = ""
    for word in words:
        if found and len(found) + len(word) >= most:
            break
        found = f"{found}-{word}" if found else word[:most]
    return found


def mentions(statement: Statement, said: Said) -> list[Token]:
    """The exact tokens of a statement that a text lacks."""
    return [t for t in statement.tokens() if not said.has(t)]


def by_ruling(kind: str, modality: str, *, used: bool) -> bool:
    """True where a ruling is enough: all work rests on one about a prohibition, a technology, a quality, a layout; a question is answered by
    one; a rule needs one that a task rests on.

    Args:
        used: some task rests on the ruling.
    """
    return modality in ("must-not", "open") or kind in ("technology", "quality", "layout", "question") or (kind == "rule" and used)


def unnamed(operation: Statement, said: Said) -> list[Token]:
    """The exact tokens of an operation's name that a text lacks; a name in plain words has none."""
    return [t for t in exact_tokens(operation.name) if not said.has(t)]


def joined(parts: Sequence[str]) -> str:
    return " ".join(p for p in parts if p)
