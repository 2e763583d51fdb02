"""What the four kinds of briefs share: parts, requests, shapes of answerers, and the stage that a kind is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from planagent import tokens
from planagent.corpus.secrets import guarded
from planagent.model import Finding

BriefKind = Literal["read", "decide", "write", "review"]
STAGES: dict[str, str] = {"read": "reading", "decide": "deciding", "write": "writing", "review": "reviewing"}
"""What a stage is called where people see it, by the kind of its briefs."""
Record = dict[str, Any]
"""An accepted answer to one part, as it is kept."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How somebody wants to be asked.

    Args:
        most_tokens: of the parts in one request, beside what all requests share.
        read_tokens: the same of reading, where that differs: all passages are read at once, and the longest answer is waited for.
        answer_tokens: the most that one answer may have.
        small: a model that needs short requests, and answers no review.
    """

    most_tokens: int = 3_000
    read_tokens: int = 0
    answer_tokens: int = 16_000
    small: bool = False

    def room(self, kind: BriefKind) -> int:
        """Tokens of the parts in one request of a kind."""
        return self.read_tokens if kind == "read" and self.read_tokens else self.most_tokens


API = Shape(read_tokens=1_500)
HOST = Shape(most_tokens=15_000, answer_tokens=32_000)
SMALL = Shape(most_tokens=900, answer_tokens=1_800, small=True)


@dataclass(frozen=True, slots=True)
class Part:
    """The smallest thing that is asked for and kept: a passage, a group's decisions, a task, a group's review.

    `material` is everything that its answer rests on, as JSON-like values: the ledger's key is made of it. `size` is in tokens.
    """

    key: str
    material: object
    size: int
    payload: Any = field(default=None, compare=False)
    group: str = ""
    """Parts of one group are packed into one brief where they fit."""
    alone: bool = False
    """Never in one brief with another."""


@dataclass(frozen=True, slots=True)
class Brief:
    """One request. `common` comes first in all requests of a wave, byte for byte, for the provider's prefix cache."""

    id: str
    kind: BriefKind
    parts: tuple[Part, ...]
    system: str
    common: str
    request: str
    schema: dict[str, Any]
    max_tokens: int
    payload: Any = field(default=None, compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(p.key for p in self.parts)

    @property
    def size(self) -> int:
        return sum(tokens.count(t) for t in (self.system, self.common, self.request))

    def messages(self) -> list[dict[str, str]]:
        told = f"{self.common}\n\n{self.request}" if self.common else self.request
        return [{"role": "system", "content": self.system}, {"role": "user", "content": guarded(told)}]


@dataclass(slots=True)
class Outcome:
    """What became of an answer: records by part, findings on what was not taken, and what was left out without need."""

    records: dict[str, Record] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    left_out: list[Finding] = field(default_factory=list)

    def refuse(self, key: str, place: str, message: str, remedy: str, rule: str = "PA907") -> None:
        self.findings.append(Finding(rule, place, message, remedy, 0, key))


class Stage(Protocol):
    """One kind of brief over one corpus. Pure: it asks nobody and keeps nothing."""

    @property
    def kind(self) -> BriefKind: ...

    @property
    def parts(self) -> Sequence[Part]: ...

    @property
    def words(self) -> str:
        """Hash of the prompts that it asks with."""
        ...

    def brief(self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Finding] = ()) -> Brief:
        """The request for what is open of some parts.

        Args:
            known: what is accepted of them already.
            told: findings on the answer before.
        """
        ...

    def accept(self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False) -> Outcome:
        """Takes what is right of an answer; a part's new record stands for the one before.

        Args:
            by_rule: the answer is the rules', who claim lines to be applied as they stand and say nothing of their own.
        """
        ...

    def whole(self, part: Part, record: Record) -> bool:
        """True when nothing is open of a part; false too for a record that no longer fits."""
        ...


def pack(parts: Sequence[Part], most: int) -> Iterator[list[Part]]:
    """Parts in their order, in as few requests of so many tokens as they need; a new group begins a new request once one is half full."""
    batch: list[Part] = []
    size = 0
    for part in parts:
        full = size + part.size > most
        turns = bool(batch) and part.group != batch[-1].group and size * 2 > most
        if batch and (full or turns or part.alone or batch[-1].alone):
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.size
    if batch:
        yield batch


def fingerprint(value: object) -> str:
    """Hash of JSON-like values."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()


def told_lines(told: Iterable[Finding]) -> str:
    """Findings on the answer before, for the request that asks again."""
    lines = [f"- {f.place}: {f.rule} {f.message}. {f.remedy}" for f in told]
    return "# What was wrong with the last answer\n\n" + "\n".join(lines) if lines else ""


Tell = Callable[[str], None]
