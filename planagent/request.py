"""What a check is asked and what it answers: light, so that a known answer needs no check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planagent.model import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from planagent.corpus.sources import Sources


@dataclass(frozen=True, slots=True)
class Request:
    """A plan to check with all that it is checked against.

    `active` are the rules' codes; `by_default` is false when they were selected by name. `feature` is the feature
    folder that another program's plan lies in, `beside` are the design documents there.
    """

    path: Path
    text: str
    own: bool
    sources: Sources
    active: frozenset[str]
    by_default: bool
    feature: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in one plan. `notes` say what was not checked and why."""

    format: str
    tasks: int
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    notes: tuple[str, ...]
