"""One turn of a worker: the workspace brought up to date, or why it is not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planagent.errors import FindingsError, PlanagentError, StoppedError, WaitingError, WorkspaceError
from planagent.fleet.database import Database, DatabaseError
from planagent.fleet.ledger import FleetLedger
from planagent.fleet.repository import cloned, push
from planagent.fleet.roster import DONE, FencedError, Roster, Turn
from planagent.pipeline import Session, make_plan
from planagent.settings import Settings, load_settings
from planagent.staleness import status_of
from planagent.workspace import locked


@dataclass(slots=True)
class Result:
    """`outcome`: fresh, planned, unchanged, waiting (a batch is with the provider), findings, failed; `stale` are the numbers of the sections that were."""

    outcome: str = "failed"
    error: str = ""
    stale: list[int] = field(default_factory=list)
    used: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return self.outcome in DONE


def work(database: Database, roster: Roster, turn: Turn, stop: threading.Event) -> Result:
    """Plans a workspace when it is stale.

    Args:
        stop: set by whoever wants the turn to end between two calls.

    Raises:
        FencedError: somebody else has taken the workspace over; nothing was written.
        StoppedError: it was stopped; accepted answers are in the database.
        DatabaseError: the database is gone; no fault of the workspace.
    """
    result = Result()
    try:
        with _folder(turn.place) as folder:
            _plan(database, roster, turn, folder, stop, result)
    except (FencedError, StoppedError, DatabaseError):
        raise
    except PlanagentError as error:
        kinds = {FindingsError: "findings", WaitingError: "waiting"}
        result.outcome = next((name for kind, name in kinds.items() if isinstance(error, kind)), "failed")
        result.error = f"{error.message} {error.remedy}".strip()
    except Exception as error:  # a broken workspace must not take the worker along
        result.outcome, result.error = "failed", f"{type(error).__name__}: {error}"
    return result


@contextmanager
def _folder(place: dict[str, Any]) -> Iterator[Path]:
    if place["git"]:
        with cloned(place) as folder:
            yield folder
        return
    folder = Path(place["path"])
    if not folder.is_dir():
        raise WorkspaceError(f"{folder}: is not there.", "Mount it on this machine, or correct fleet.toml.")
    yield folder


def _plan(database: Database, roster: Roster, turn: Turn, folder: Path, stop: threading.Event, result: Result) -> None:
    given = dict(turn.place["settings"])
    offline, fill = bool(given.pop("offline", False)), bool(given.pop("fill_from_rules", False))
    settings = load_settings(folder, given)
    found = status_of(settings, offline=offline)
    result.stale = [s.number for s in found.sections]
    if found.state == "fresh":
        result.outcome = "fresh"
        return
    in_git = bool(turn.place["git"])
    session = Session(
        settings, offline=offline, fill_from_rules=fill, stop=stop, pace=_before_call(roster, turn, settings, stop),
        refused=_at_refusal(roster, settings),
        ledger=lambda: FleetLedger(database, turn), alone=nullcontext,
        guard=nullcontext if in_git else lambda: _guard(roster, turn, settings),
    )  # fmt: skip
    try:
        make_plan(session)
    finally:
        if session.runs:
            used = session.usage
            result.used = {
                "calls": used.calls,
                "input_tokens": used.input_tokens,
                "output_tokens": used.output_tokens,
                "cost": session.cost,
            }
    if in_git and not session.unchanged:
        with roster.fenced(turn):
            push(folder, turn.place, settings.output_path)
    result.outcome = "unchanged" if session.unchanged else "planned"


@contextmanager
def _guard(roster: Roster, turn: Turn, settings: Settings) -> Iterator[None]:
    """Around one rename: no run by hand is at work there, and nobody has taken the workspace over."""
    with locked(settings), roster.fenced(turn):
        yield


def _before_call(roster: Roster, turn: Turn, settings: Settings, stop: threading.Event) -> Callable[[], float]:
    """Asked before each call: one that is not wanted any more is not sent, and all workers share the provider's rate."""
    per_minute = float(turn.place.get("requests_per_minute") or 0)

    def wait() -> float:
        if not roster.holds(turn):
            stop.set()
            return 0.0
        return roster.pace(_provider(settings), per_minute)

    return wait


def _at_refusal(roster: Roster, settings: Settings) -> Callable[[float], None]:
    """A refusal of one worker's call keeps all workers from asking; noted beside the call, which waits by itself."""

    def hold(seconds: float) -> None:
        with suppress(DatabaseError):  # whoever waits for the server waits for the database, too
            roster.hold(_provider(settings), seconds)

    return lambda seconds: threading.Thread(target=hold, args=(seconds,), daemon=True).start()


def _provider(settings: Settings) -> str:
    return str(settings.base_url or settings.model)
