"""What the database knows of each workspace: when it is due, who works on it, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from planagent.errors import UsageError, WorkspaceError
from planagent.fleet.config import Fleet, next_due
from planagent.fleet.database import Database

DONE = ("planned", "unchanged", "fresh")
"""Outcomes after which a due time is over."""
WAITING = "waiting"
"""The outcome of a turn whose batch is with the provider: no failure, and it is looked at again."""


_IN_USE = 60
"""Seconds since a command that works by a file was last there."""
_SEEN = "INSERT INTO planagent_files (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET seen_at = now()"
_NEXT_FENCE = "greatest(fence + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
"""Higher than all before, those too that a database restored from a backup has forgotten."""


class FencedError(WorkspaceError):
    """Somebody else has taken the workspace over since; this run must change nothing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to work on a workspace, until a higher `fence` is given out."""

    name: str
    due: datetime
    fence: int
    place: dict[str, Any]
    attempts: int
    worker: str
    started: datetime


def check_fence(cursor: Any, turn: Turn) -> None:
    """Keeps the workspace with the turn until the transaction ends.

    Raises:
        FencedError: somebody else has it.
    """
    cursor.execute("SELECT fence FROM planagent_workspaces WHERE name = %s FOR UPDATE", (turn.name,))
    row = cursor.fetchone()
    if row is None or row["fence"] != turn.fence:
        raise FencedError(f"{turn.name}: another worker has taken over since.", "Nothing was written; its run counts.")


class Roster:
    """The workspaces of a fleet. Every change is one transaction; those of a run count only while its fence is the highest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enroll(self, fleet: Fleet) -> None:
        """Takes over what a file lists: new workspaces are due at once, those that it lists no more are removed. Those of other files stay.

        Raises:
            UsageError: another file that is in use lists one of them.
        """
        common = {"retries": fleet.retries, "backoff": fleet.backoff, "requests_per_minute": fleet.requests_per_minute}
        rows = [(e.name, json.dumps({**e.as_dict(), **common}), e.cron) for e in fleet.entries]
        now = datetime.now(UTC)
        with self._database.transaction() as cursor:
            cursor.execute(_SEEN, (fleet.name,))
            cursor.execute(
                "SELECT w.name, cron, file, coalesce(seen_at > now() - %s * interval '1 second', false) AS used "
                "FROM planagent_workspaces AS w LEFT JOIN planagent_files AS f ON f.name = w.file FOR UPDATE OF w",
                (_IN_USE,),
            )
            found = cursor.fetchall()
            for row in found:
                if row["used"] and row["file"] != fleet.name and row["name"] in {name for name, _, _ in rows}:
                    raise UsageError(
                        f"{row['name']}: {row['file']} lists it too, and is in use on this database.",
                        "List it in one file; or give both files the same `name` in [fleet], where they are copies of one.",
                    )
            known = {r["name"]: r["cron"] for r in found}
            for name, place, cron in rows:
                cursor.execute(
                    "INSERT INTO planagent_workspaces (name, place, cron, file) VALUES (%s, %s, %s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET place = excluded.place, cron = excluded.cron, file = excluded.file",
                    (name, place, cron, fleet.name),
                )
                if name in known and known[name] != cron:
                    cursor.execute("UPDATE planagent_workspaces SET due_at = %s WHERE name = %s", (next_due(cron, now), name))
            cursor.execute(
                "DELETE FROM planagent_workspaces WHERE file = %s AND name <> ALL(%s)", (fleet.name, [name for name, _, _ in rows])
            )

    def seen(self, file: str) -> None:
        """A command works by this file, still."""
        with self._database.transaction() as cursor:
            cursor.execute(_SEEN, (file,))

    def due(self) -> list[tuple[str, datetime]]:
        """Workspaces that are due, each once however many of its times were missed; and those whose job is lost, since somebody died
        between ending one and queueing the next."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT name, CASE WHEN due_at <= now() THEN due_at ELSE pending END AS due FROM planagent_workspaces AS w "
                "WHERE state IN ('waiting', 'running') AND (due_at <= now() OR pending IS NOT NULL AND NOT EXISTS ("
                "SELECT 1 FROM procrastinate_jobs AS j WHERE j.lock = w.name AND j.status IN ('todo', 'doing'))) ORDER BY due"
            )
            return [(row["name"], row["due"]) for row in cursor.fetchall()]

    def queued(self, name: str, due: datetime) -> None:
        """Notes that a due time is in the queue, and sets the next one. Who dies before that queues it once more, which `begin`
        makes harmless."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT cron FROM planagent_workspaces WHERE name = %s AND due_at = %s FOR UPDATE", (name, due))
            row = cursor.fetchone()
            if row:
                cursor.execute(
                    "UPDATE planagent_workspaces SET due_at = %s, pending = %s WHERE name = %s",
                    (next_due(row["cron"], datetime.now(UTC)), due, name),
                )

    def begin(self, name: str, due: datetime, worker: str) -> Turn | None:
        """The turn of a worker; None when the due time is over already, or the workspace is paused, parked or gone."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT 1 FROM planagent_runs WHERE workspace = %s AND due_at = %s AND outcome = ANY(%s)", (name, due, list(DONE))
            )
            if cursor.fetchone():
                cursor.execute("UPDATE planagent_workspaces SET pending = NULL WHERE name = %s AND pending <= %s", (name, due))
                return None
            cursor.execute(
                f"UPDATE planagent_workspaces SET fence = {_NEXT_FENCE}, state = 'running', worker = %s, started_at = now() "  # noqa: S608
                "WHERE name = %s AND state IN ('waiting', 'running') RETURNING fence, place, attempts, started_at",
                (worker, name),
            )
            row = cursor.fetchone()
        return Turn(name, due, row["fence"], row["place"], row["attempts"], worker, row["started_at"]) if row else None

    def holds(self, turn: Turn) -> bool:
        """True while a turn is wanted: nobody else has it, and the workspace is not paused."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT state, fence FROM planagent_workspaces WHERE name = %s", (turn.name,))
            row = cursor.fetchone()
        return bool(row) and row["fence"] == turn.fence and row["state"] == "running"

    @contextmanager
    def fenced(self, turn: Turn) -> Iterator[None]:
        """What is done inside is done while nobody else can take the workspace over.

        Raises:
            FencedError: somebody has.
        """
        with self._database.transaction() as cursor:
            # A worker that stands still in here must not keep the others out for good.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '15s'")
            check_fence(cursor, turn)
            yield

    def finish(self, turn: Turn, outcome: str, *, error: str = "", stale: list[int], used: dict[str, Any], parked: bool) -> None:
        """Records what came of a turn; without effect when somebody has taken the workspace over."""
        good = outcome in DONE
        state = "parked" if parked else "waiting"
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO planagent_runs (workspace, due_at, fence, worker, started_at, outcome, error, calls) "
                "SELECT name, %s, fence, %s, %s, %s, %s, %s FROM planagent_workspaces WHERE name = %s AND fence = %s FOR UPDATE",
                (turn.due, turn.worker, turn.started, outcome, error, used.get("calls", 0), turn.name, turn.fence),
            )
            cursor.execute(
                "UPDATE planagent_workspaces SET state = CASE WHEN state = 'running' THEN %s ELSE state END, worker = '', "
                "pending = CASE WHEN %s AND pending <= %s THEN NULL ELSE pending END, "
                "finished_at = now(), outcome = %s, error = %s, stale = %s, attempts = %s, runs = runs + 1, calls = calls + %s, "
                "input_tokens = input_tokens + %s, output_tokens = output_tokens + %s, cost = cost + %s "
                "WHERE name = %s AND fence = %s",
                (
                    state, good or parked, turn.due, outcome, error, json.dumps(stale),
                    0 if good else turn.attempts + (outcome != WAITING), used.get("calls", 0),
                    used.get("input_tokens", 0), used.get("output_tokens", 0), used.get("cost") or 0.0, turn.name, turn.fence,
                ),
            )  # fmt: skip

    def unfinished(self) -> int:
        """How many workspaces are due or being worked on."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT count(*) AS many FROM planagent_workspaces WHERE state IN ('waiting', 'running') "
                "AND (due_at <= now() OR pending IS NOT NULL)"
            )
            return int(cursor.fetchone()["many"])

    def hand_back(self, turn: Turn) -> None:
        """The workspace waits again, for another worker."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE planagent_workspaces SET state = 'waiting', worker = '' WHERE name = %s AND fence = %s AND state = 'running'",
                (turn.name, turn.fence),
            )

    def hold(self, provider: str, seconds: float) -> None:
        """A provider has refused for so long: no worker asks it before."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO planagent_rates VALUES (%(p)s, clock_timestamp() + %(s)s * interval '1 second') ON CONFLICT (provider) DO UPDATE "
                "SET next_at = greatest(planagent_rates.next_at, excluded.next_at)",
                {"p": provider, "s": seconds},
            )

    def pace(self, provider: str, per_minute: float) -> float:
        """Seconds to wait before the next call to a provider, so that all workers together keep to its rate, each call in turn, and ask
        nothing while it refuses.

        Args:
            per_minute: 0 for no rate.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO planagent_rates VALUES (%(p)s, clock_timestamp() + %(s)s * interval '1 second') "
                "ON CONFLICT (provider) DO UPDATE SET "
                "next_at = greatest(planagent_rates.next_at, clock_timestamp()) + %(s)s * interval '1 second' "
                "RETURNING extract(epoch FROM next_at - clock_timestamp()) - %(s)s AS wait",
                {"p": provider, "s": 60.0 / per_minute if per_minute else 0.0},
            )
            return max(0.0, float(cursor.fetchone()["wait"]))

    # -- for people -----------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        with self._database.transaction() as cursor:
            cursor.execute("SELECT * FROM planagent_workspaces ORDER BY name")
            return list(cursor.fetchall())

    def set_state(self, names: Iterable[str], state: str, *, due: bool = False) -> list[str]:
        """Pauses workspaces, or lets them wait again.

        Args:
            due: make them due at once, with their failures forgotten.

        Raises:
            UsageError: there is no such workspace.
        """
        wanted = list(names)
        with self._database.transaction() as cursor:
            cursor.execute("SELECT name FROM planagent_workspaces")
            known = [r["name"] for r in cursor.fetchall()]
            for name in wanted:
                if name not in known:
                    shown = ", ".join(known[:20]) or "none"
                    raise UsageError(f"The fleet has no workspace {name!r}.", f"Known: {shown}.")
            if due:  # a retry that waits for its time would stand for the one that is wanted now
                cursor.execute(
                    "SELECT procrastinate_cancel_job_v1(id, false, true) FROM procrastinate_jobs WHERE lock = ANY(%s) AND status = 'todo'",
                    (wanted,),
                )
            more = ", due_at = now(), attempts = 0, error = ''" if due else ""
            cursor.execute(
                f"UPDATE planagent_workspaces SET state = %s{more} WHERE name = ANY(%s)",  # noqa: S608  (no words from outside)
                (state, wanted),
            )
        return wanted
