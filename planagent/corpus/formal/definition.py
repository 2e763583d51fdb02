"""What a formal source defines, whichever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Lookup = Callable[[str], str]
"""The text of another document by its path in the workspace, '' when there is none."""

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """An operation or a record, with the 1-based lines that define it.

    `facts` are exact values by name, in the order of the source; a name may come more than once (`field`, `status`); `about` is
    what people wrote beside it. `shared` are first and last lines of what it refers to, which others may refer to as well.
    """

    kind: Literal["operation", "record"]
    name: str
    start: int
    end: int
    facts: Facts = ()
    says: str = ""
    shared: tuple[tuple[int, int], ...] = ()


class Broken(ValueError):
    """The source does not parse; the message says where."""


def field_text(name: str, kind: str, notes: Iterable[str]) -> str:
    """One field in words: `email: string, required, maxLength 80`."""
    told = [n for n in (kind, *notes) if n]
    return f"{name}: {', '.join(told)}" if told else name
