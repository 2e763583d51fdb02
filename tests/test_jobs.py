"""The third caller: a job that nobody watches. Exit codes, one line of JSON for each run, the workflow, and watching."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.errors import PlanagentError
from planagent.installing import workflow
from planagent.plan.markdown_in import parse
from planagent.settings import load_settings
from planagent.watching import Seen, watch

PLAN = "plan/backend_implementation_plan.md"
API = "specs/backend/api.md"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def edit(workspace: Path) -> None:
    path = workspace / API
    path.write_text(path.read_text().replace("oldest first", "newest first"))


def test_each_run_leaves_one_line_whatever_comes_of_it(workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    log = workspace / "runs.jsonl"

    def job(*more: str) -> int:
        return run(["plan", "--if-stale", "--exit-code", "--log", str(log), "-w", str(workspace), *more])

    assert job() == 10
    assert job() == 0
    edit(workspace)
    assert job() == 10
    monkeypatch.setenv("PLANAGENT_MAX_CALLS", "1")
    assert job("--scope", "the admin API") == 8
    monkeypatch.delenv("PLANAGENT_MAX_CALLS")
    assert job("--scope", "everything") in (0, 10)
    shutil.rmtree(workspace / "specs")
    assert job() == 5
    (workspace / "planagent.toml").write_text("what = 1\n")
    assert job() == 2
    told = records(log)
    assert [r["outcome"] for r in told[:4]] == ["planned", "fresh", "planned", "failed"]
    assert [r["exit_code"] for r in told] == [0, 0, 0, 8, told[4]["exit_code"], 5, 2]
    assert told[0]["calls"] > 5
    assert told[2]["calls"] <= 4
    assert told[0]["tasks"] == told[2]["tasks"] > 10
    assert told[-2]["error"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", r["time"]) for r in told)


def test_findings_are_an_outcome_of_their_own(workspace: Path, server: SimulatedServer) -> None:
    def broken(value: dict[str, Any], request: object) -> dict[str, Any]:
        for entries in value.values():
            for entry in entries if "steps" in str(entries) else ():
                entry["done_when"] = "It works, TBD"
        return value

    server.edit = broken
    log = workspace / "runs.jsonl"
    assert run(["plan", "--if-stale", "--log", str(log), "-w", str(workspace)]) == 1
    assert not (workspace / PLAN).exists()
    assert run(["plan", "--allow-findings", "--log", str(log), "-w", str(workspace)]) == 1
    assert [(r["outcome"], r["exit_code"]) for r in records(log)] == [("findings", 1), ("findings", 1)]


def test_the_log_may_stand_in_the_settings(workspace: Path) -> None:
    (workspace / "planagent.toml").write_text('log = ".planagent/runs.jsonl"\n')
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    assert [r["outcome"] for r in records(workspace / ".planagent" / "runs.jsonl")] == ["planned", "unchanged"]


def test_runs_at_once_do_not_mix_their_lines(workspace: Path) -> None:
    log = workspace / "runs.jsonl"
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "planagent", "plan", "--offline", "--if-stale", "--log", str(log), "-w", str(workspace)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    assert {job.wait(240) for job in jobs} == {0}
    assert len(records(log)) == 4


# -- the workflow -------------------------------------------------------------------------------


def tool(*command: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*more.pop("first", "").split(), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path, **more}, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(workspace: Path) -> Path:
    assert run(["init", "--ci", "github", "--branch", "trunk", "-w", str(workspace)]) == 0
    return workspace


def test_the_workflow_passes_a_linter_and_fits_its_schema(installed: Path) -> None:
    path = str(installed / ".github" / "workflows" / "planagent.yml")
    linted = tool("zizmor", "--offline", "--no-progress", path, cwd=installed)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    fits = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path, cwd=installed)
    assert fits.returncode == 0, fits.stdout + fits.stderr
    value = yaml.safe_load(Path(path).read_text())
    assert value[True]["push"]["branches"] == ["trunk"]
    assert value[True]["schedule"]
    assert "{branch}" not in Path(path).read_text()


def test_the_workflow_is_installed_once_and_kept_when_changed(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = installed / ".github" / "workflows" / "planagent.yml"
    path.write_text(path.read_text().replace("17 5 * * 1-5", "0 3 * * *"))
    before = path.read_bytes()
    assert run(["init", "--ci", "github", "--branch", "trunk", "-w", str(installed)]) == 0
    assert path.read_bytes() == before
    assert "left alone" in capsys.readouterr().err


def test_the_branch_is_the_remote_s_main_one(workspace: Path) -> None:
    git = workspace / ".git"
    (git / "refs" / "remotes" / "origin").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/feature/x\n")
    (git / "refs" / "remotes" / "origin" / "HEAD").write_text("ref: refs/remotes/origin/trunk\n")
    assert run(["init", "--ci", "github", "-w", str(workspace)]) == 0
    assert 'branches: ["trunk"]' in (workspace / ".github/workflows/planagent.yml").read_text()
    assert run(["init", "--ci", "github", "--branch", "x; rm -rf", "-w", str(workspace)]) == 2


@pytest.mark.skipif(shutil.which("git") is None or shutil.which("bash") is None, reason="git and bash")
def test_the_workflow_s_steps_plan_and_open_one_pull_request(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The steps run as they stand, in a clone, with a forge's command that only writes down how it was called."""
    far, tools = tmp_path_factory.mktemp("far") / "far.git", tmp_path_factory.mktemp("tools")
    gh = tools / "gh"
    gh.write_text(
        f'#!/bin/sh\necho "$*" >> {tools}/called\nif [ "$1 $2" = "pr list" ]; then cat {tools}/open 2>/dev/null; fi\n'
        f'for a in "$@"; do if [ "$last" = --body-file ]; then cp "$a" {tools}/body; fi; last="$a"; done\n'
    )
    gh.chmod(0o755)
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}

    def git(*arguments: str) -> str:
        done = tool("git", *arguments, cwd=workspace, **names)
        assert done.returncode == 0, done.stderr
        return done.stdout

    tool("git", "init", "--quiet", "--bare", str(far), cwd=workspace)
    for line in ("init --quiet", "checkout --quiet -b trunk", "add .", "commit --quiet -m specs", f"remote add origin {far}"):
        git(*line.split())
    file = workflow("github", branch="trunk", plan=PLAN)
    steps = {s.get("name"): s.get("run", "") for s in yaml.safe_load(file.text)["jobs"]["plan"]["steps"]}

    def job() -> None:
        for name in ("Plan", "Check", "Coverage and report", "Open a pull request"):
            runner = {"RUNNER_TEMP": str(tools), "GITHUB_STEP_SUMMARY": str(tools / "summary")}
            done = tool("bash", "-e", "-c", steps[name], cwd=workspace, first=str(tools), **runner, **names)
            assert done.returncode == 0, (name, done.stdout, done.stderr)

    job()
    assert "pr create --head planagent/plan --base trunk" in (tools / "called").read_text()
    assert PLAN in tool("git", "ls-tree", "-r", "--name-only", "planagent/plan", cwd=far).stdout
    assert json.loads((workspace / "planagent.sarif").read_text())["runs"]
    # The next day: the branch was merged, a spec changed, and a pull request is open.
    git("checkout", "--quiet", "trunk")
    git("merge", "--quiet", "planagent/plan")
    edit(workspace)
    git("commit", "--quiet", "-am", "newest first")
    (tools / "open").write_text("7\n")
    (tools / "called").write_text("")
    job()
    assert "pr edit planagent/plan --body-file" in (tools / "called").read_text()
    assert "pr create" not in (tools / "called").read_text()
    assert "T0" in (tools / "body").read_text()
    assert "specs/backend/api.md" in (tools / "body").read_text()
    assert (tools / "summary").read_text().count("TOTAL") == 2
    assert (tools / "planagent-report.html").is_file()
    # Nothing has changed: nothing is opened.
    git("checkout", "--quiet", "trunk")
    git("merge", "--quiet", "planagent/plan")
    (tools / "called").write_text("")
    job()
    assert (tools / "called").read_text() == ""


# -- watching -----------------------------------------------------------------------------------


class Watcher:
    """Watches in a thread, and waits for what is seen."""

    def __init__(self, workspace: Path, **options: Any) -> None:
        self.seen: list[Seen] = []
        self._stop = threading.Event()
        self._options = {"offline": True, "debounce": 0.1, **options}
        self._thread = threading.Thread(target=self._run, args=(workspace,))
        self._thread.start()

    def _run(self, workspace: Path) -> None:
        for seen in watch(lambda: load_settings(workspace), stop=self._stop, **self._options):
            self.seen.append(seen)

    def wait(self, true: Callable[[list[Seen]], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not true(self.seen):
            assert time.monotonic() < end, self.seen
            time.sleep(0.05)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)


def test_watching_plans_at_the_start_and_after_a_change(workspace: Path) -> None:
    watcher = Watcher(workspace)
    try:
        watcher.wait(lambda seen: [s for s in seen if s.session])
        first = (workspace / PLAN).read_text()
        time.sleep(1)
        assert len(watcher.seen) == 2, "its own plan is no change"
        edit(workspace)
        watcher.wait(lambda seen: len([s for s in seen if s.session]) == 2)
        told = watcher.seen[-2]
        assert told.files == (API,)
        assert told.status is not None
        assert told.status.state == "stale"
        assert any(API in reason for section in told.status.sections for reason in section.reasons)
        assert (workspace / PLAN).read_text() != first
        assert parse((workspace / PLAN).read_text()).tasks
    finally:
        watcher.close()


def test_watching_without_planning_tells_what_becomes_stale(workspace: Path) -> None:
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    before = (workspace / PLAN).read_bytes()
    watcher = Watcher(workspace, plan=False)
    try:
        time.sleep(1)
        assert watcher.seen == []
        edit(workspace)
        watcher.wait(lambda seen: seen)
        assert watcher.seen[0].status is not None
        assert (workspace / PLAN).read_bytes() == before
    finally:
        watcher.close()


def test_watching_goes_on_after_a_change_that_cannot_be_planned(workspace: Path) -> None:
    watcher = Watcher(workspace)
    try:
        watcher.wait(lambda seen: [s for s in seen if s.session])
        (workspace / "planagent.toml").write_text("scope = [\n")
        watcher.wait(lambda seen: seen[-1].error)
        error = watcher.seen[-1].error
        assert isinstance(error, PlanagentError)
        assert "planagent.toml" in error.message
        (workspace / "planagent.toml").unlink()
        edit(workspace)
        watcher.wait(lambda seen: seen[-1].session)
    finally:
        watcher.close()


def test_the_command_tells_one_object_a_line_and_ends_with_ctrl_c(workspace: Path) -> None:
    job = subprocess.Popen(
        [sys.executable, "-m", "planagent", "watch", "--offline", "--json", "--debounce", "0.1", "-w", str(workspace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert job.stdout is not None
    absent, planned = json.loads(job.stdout.readline()), json.loads(job.stdout.readline())
    assert absent["status"]["state"] == "absent"
    assert planned["planned"]["tasks"] > 10
    edit(workspace)
    assert json.loads(job.stdout.readline())["files"] == [API]
    assert json.loads(job.stdout.readline())["planned"]
    job.send_signal(signal.SIGINT)
    assert job.wait(90) == 130
