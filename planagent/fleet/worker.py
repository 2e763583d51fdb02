"""A worker: takes due workspaces from the queue, and looks after the queue itself where no other worker does.

The queue, its locks, periodic tasks, heartbeats and the finding of stalled jobs are procrastinate's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planagent.errors import PlanagentError, StoppedError, UsageError
from planagent.fleet.config import load_fleet
from planagent.fleet.database import Database, DatabaseError
from planagent.fleet.roster import WAITING, FencedError, Roster, Turn
from planagent.fleet.work import Result, work

if TYPE_CHECKING:
    from procrastinate import App, JobContext

log = logging.getLogger("planagent.fleet")
_TASK = "plan"
_LONGEST_WAIT = 3600.0
_LOOK = 2.0
"""Seconds between two looks whether a turn is still wanted."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Seconds: between heartbeats, until a silent worker counts as dead, between looks at what is due, and how long calls that are
    under way are waited for when the worker was asked to end."""

    beat: float = 5.0
    dead: float = 30.0
    tick: int = 5
    grace: float = 10.0


class Worker:
    """One process of the fleet. Any number of them, on any machine, share one database."""

    def __init__(self, database: Database, *, concurrency: int = 4, pulse: Pulse | None = None, name: str = "") -> None:
        self._database = database
        self._roster = Roster(database)
        self._concurrency = concurrency
        self._pulse = pulse or Pulse()
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"

    async def run(self, beside: Callable[[], Awaitable[None]] | None = None) -> None:
        """Works until it is asked to end. A database that goes away is waited for.

        Args:
            beside: runs beside the work; when it returns, the worker ends.
        """
        import procrastinate
        import psycopg

        ending = _asked_to_end()
        while not ending.is_set():
            app = self._app()
            try:
                async with app.open_async():
                    if await self._work(app, beside, ending):
                        return
                told = "its watch over the queue ended"
            except (procrastinate.exceptions.ConnectorException, psycopg.Error, PlanagentError) as error:
                told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            log.warning("the database is gone, trying again: %s", told, extra={"worker": self.name})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), 2)

    def run_alone(self, beside: Callable[[], Awaitable[None]] | None = None) -> None:
        """`run` in a process of its own."""
        asyncio.run(self.run(beside))

    async def _work(self, app: App, beside: Callable[[], Awaitable[None]] | None, ending: asyncio.Event) -> bool:
        """True when the work is over; False when the queue's own worker ended, as it does without an error once it loses the database."""
        log.info("worker %s is there", self.name, extra={"worker": self.name})
        pulse = self._pulse
        working = asyncio.create_task(
            app.run_worker_async(
                name=self.name, concurrency=self._concurrency, fetch_job_polling_interval=1.0, delete_jobs="successful",
                update_heartbeat_interval=pulse.beat, stalled_worker_timeout=pulse.dead * 4, install_signal_handlers=False,
                shutdown_graceful_timeout=0, abort_job_polling_interval=1.0,
            )
        )  # fmt: skip
        others = [asyncio.create_task(ending.wait()), *([asyncio.ensure_future(beside())] if beside else [])]
        done, _ = await asyncio.wait({working, *others}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, *others):
            task.cancel()
        await asyncio.gather(working, *others, return_exceptions=True)
        for task in done:
            task.result()
        return working not in done

    def _app(self) -> App:
        from procrastinate import App, PsycopgConnector

        app = App(connector=PsycopgConnector(conninfo=self._database.url))

        @app.task(name=_TASK, pass_context=True)
        async def plan(context: JobContext, name: str, due: str) -> None:
            await self._turn(app, name, datetime.fromisoformat(due))

        @app.periodic(cron=f"* * * * * */{self._pulse.tick}")
        # No lock: the one of a worker that died in here would keep all others out, and it is they who look for the dead.
        @app.task(name="tick", queueing_lock="tick")
        async def tick(timestamp: int) -> None:
            await self._recover(app)
            for name, due in await asyncio.to_thread(self._roster.due):
                await _defer(app, name, due)
                await asyncio.to_thread(self._roster.queued, name, due)

        return app

    async def _recover(self, app: App) -> None:
        """Jobs of workers that are dead go to others, as new jobs: one who comes back from the dead cannot end them."""
        from procrastinate import jobs

        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._pulse.dead):
            await app.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
            if job.task_name == _TASK:
                name = str(job.task_kwargs["name"])
                log.warning("taking over %s", name, extra={"workspace": name, "worker": self.name})
                await _defer(app, name, datetime.fromisoformat(str(job.task_kwargs["due"])))

    async def _turn(self, app: App, name: str, due: datetime) -> None:
        turn = await asyncio.to_thread(self._roster.begin, name, due, self.name)
        if turn is None:
            return
        log.info("begins %s", name, extra={"workspace": name, "due": due.isoformat(), "worker": self.name})
        stop = threading.Event()
        working = asyncio.ensure_future(asyncio.to_thread(work, self._database, self._roster, turn, stop))
        try:
            result = await self._watched(turn, working, stop)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({working}, timeout=self._pulse.grace)
            if working.done() and not working.exception():  # its last calls were under way: it came to its end
                await self._finish(app, turn, working.result())
                return
            await asyncio.to_thread(self._roster.hand_back, turn)
            await _defer(app, name, due)
            log.info("hands back %s", name, extra={"workspace": name, "worker": self.name})
            return
        except (FencedError, StoppedError) as error:
            log.warning("%s: %s", name, error.message, extra={"workspace": name, "worker": self.name})
            return
        except DatabaseError:
            await asyncio.to_thread(self._roster.hand_back, turn)
            await _defer(app, name, due)
            raise
        await self._finish(app, turn, result)

    async def _watched(self, turn: Turn, working: asyncio.Future[Result], stop: threading.Event) -> Result:
        """The turn's result; the turn is stopped when the workspace was paused, or somebody else has it."""
        while True:
            done, _ = await asyncio.wait({working}, timeout=_LOOK)
            if done:
                return working.result()
            with contextlib.suppress(PlanagentError):  # a database that is gone says nothing; the guard decides
                if not await asyncio.to_thread(self._roster.holds, turn):
                    stop.set()

    async def _finish(self, app: App, turn: Turn, result: Result) -> None:
        waits = result.outcome == WAITING
        failures = turn.attempts + (not waits)
        parked = not result.good and not waits and failures >= int(turn.place.get("retries", 5))
        await asyncio.to_thread(
            self._roster.finish, turn, result.outcome, error=result.error, stale=result.stale, used=result.used, parked=parked
        )
        told = {"workspace": turn.name, "outcome": result.outcome, "worker": self.name, **result.used}
        backoff = float(turn.place.get("backoff", 60.0))
        if result.good or waits:
            log.info("%s: %s", turn.name, result.outcome, extra=told)
            if waits:
                await _defer(app, turn.name, turn.due, backoff)
            return
        log.warning("%s: %s: %s", turn.name, result.outcome, result.error, extra={**told, "error": result.error, "parked": parked})
        if not parked:
            wait = min(backoff * 2 ** (failures - 1), _LONGEST_WAIT)
            await _defer(app, turn.name, turn.due, wait)


async def beside(file: Path, name: str, roster: Roster, *, once: bool) -> None:
    """Takes over changes of the file, and says that it is in use; with `once` returns when all is done."""
    before = file.stat().st_mtime_ns
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(roster.seen, name)
        now = file.stat().st_mtime_ns if file.is_file() else before
        if now != before:
            before = now
            try:
                await asyncio.to_thread(roster.enroll, load_fleet(file))
            except UsageError as error:
                log.warning("%s The fleet goes on as it was.", error.message)
        if once and not await asyncio.to_thread(roster.unfinished):
            return


def _asked_to_end() -> asyncio.Event:
    """Set once the process is told to end. The queue's own handlers would not tell that from a lost database."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, or in a thread
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
    return ending


async def _defer(app: App, name: str, due: datetime, wait: float = 0.0) -> None:
    """Queues a workspace, once: what is in the queue already stands for it."""
    from procrastinate import exceptions

    options: dict[str, Any] = {"lock": name, "queueing_lock": name}
    if wait:
        options["schedule_in"] = {"seconds": wait}
    with contextlib.suppress(exceptions.AlreadyEnqueued):
        await app.configure_task(_TASK, **options).defer_async(name=name, due=due.isoformat())
