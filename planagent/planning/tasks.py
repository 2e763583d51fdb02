"""What a task is before anyone wrote its text, and the phases of execution."""

from __future__ import annotations

from dataclasses import dataclass

PHASES: tuple[str, ...] = (
    "Set up the repository",
    "Dependencies",
    "Environment and configuration",
    "Error handling",
    "Database and migrations",
    "Models",
    "Schemas",
    "Auth integration",
    "Services",
    "Middleware",
    "Routes",
    "Frontend connection",
    "Testing",
    "Final polish",
    "Only if a decision calls for it",
)
"""Execution order. The checklist has error handling, middleware and auth after the routes, and polish before the tests;
here each comes before what needs it or has to prove it."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task before anyone wrote its text. `needs` are task keys; `condition` is the answer that calls for it."""

    key: str
    section: int
    title: str
    file: str
    phase: str
    covers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    condition: str = ""
    ruling: str = ""
    """Topic of the ruling that a planned-for answer belongs to; with an empty `condition` a person chose it."""
    gives: tuple[str, ...] = ()
    """What other tasks take from this one: a name in code marks and what it is."""
    proof: str = ""
    """Key of the test task that proves what this one covers."""
