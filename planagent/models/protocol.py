"""The one seam between what is asked and whoever answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from planagent.briefs.brief import Brief, Shape
from planagent.errors import WaitingError
from planagent.models.gate import Gate


@dataclass(slots=True)
class Usage:
    """What was spent: calls that were sent, tokens as the server counted them, transport retries."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    retries: int = 0

    def add(self, other: Usage) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def tokens(self) -> tuple[int, int]:
        """Read and written."""
        return self.input_tokens, self.output_tokens

    def take(self, other: Usage) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) - getattr(other, name))


@dataclass(slots=True)
class Answer:
    """A brief's answer as parsed JSON. `whole` is False when the server cut it off; finished entries are kept."""

    value: dict[str, Any]
    whole: bool = True
    usage: Usage = field(default_factory=Usage)


class Heard(Protocol):
    """Listens while an answer is written."""

    def begins(self) -> None:
        """An answer begins; what was heard before was one that came to nothing."""
        ...

    def piece(self, text: str) -> None: ...


class Model(Protocol):
    """Answers briefs. Implementations raise ModelError for what cannot be mended by asking again."""

    @property
    def name(self) -> str:
        """How the plan's header names who answered."""
        ...

    @property
    def identity(self) -> dict[str, Any]:
        """Everything of it that can change an answer: part of the ledger's key."""
        ...

    @property
    def shape(self) -> Shape: ...

    @property
    def usage(self) -> Usage:
        """All that was spent so far, on answers that were of no use too."""
        ...

    @property
    def gate(self) -> Gate:
        """What holds back briefs beyond those that may be under way at once."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """False for one whose answers are in the ledger or nowhere: there is no use in asking twice."""
        ...

    def cost(self, usage: Usage) -> float | None:
        """US dollars for what was used; None where no price is known."""
        ...

    async def ready(self) -> None:
        """Called before a brief waits for its turn: finds out what the server can do."""
        ...

    async def answer(self, brief: Brief, heard: Heard | None = None) -> Answer:
        """
        Args:
            heard: is told of an answer that comes piece by piece.
        """
        ...

    async def send_off(self) -> WaitingError:
        """Called when all of a stage that can be answered now is, and something waits: hands over what was asked for, where that is to be
        answered later. Gives what is to be told."""
        ...

    async def close(self) -> None: ...


class FreeModel:
    """What answerers without a server share: nothing is spent, and nothing is left to close."""

    can_be_asked = True

    @property
    def usage(self) -> Usage:
        return Usage()

    @property
    def gate(self) -> Gate:
        return Gate(1)

    def cost(self, usage: Usage) -> float | None:
        return 0.0

    async def ready(self) -> None:
        return None

    async def send_off(self) -> WaitingError:
        raise NotImplementedError  # nobody waits for one who answers at once

    async def close(self) -> None:
        return None
