"""`status`, `plan --if-stale`, `diff`, `plan --dry-run`, ceilings, and two runs at once."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import Fault, SimulatedServer
from planagent import workspace as workspace_module
from planagent.cli import run
from planagent.plan.markdown_in import parse
from planagent.settings import load_settings
from planagent.workspace import locked

PLAN = "plan/backend_implementation_plan.md"
API = "specs/backend/api.md"


def edit(workspace: Path, file: str, old: str, new: str) -> None:
    path = workspace / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def reformatted(text: str) -> str:
    """The same words in other bullets, with more space between them."""
    return text.replace("\n- ", "\n* ").replace("\n\n", "\n\n\n")


@pytest.fixture
def planned(workspace: Path) -> Path:
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    return workspace


def status(workspace: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["status", "-w", str(workspace), "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def test_no_plan_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = status(workspace, capsys)
    assert (code, told["state"]) == (3, "absent")


def test_a_new_plan_is_fresh_ticks_or_not_and_without_the_state_folder(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / PLAN
    path.write_text(path.read_text().replace("- [ ] T001", "- [x] T001"))
    shutil.rmtree(planned / ".planagent")
    code, told = status(planned, capsys)
    assert (code, told["state"], told["sections"]) == (0, "fresh", [])


def test_an_edited_passage_is_named_with_the_sections_below_it(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-60 characters")
    code, told = status(planned, capsys)
    assert (code, told["state"]) == (3, "stale")
    sections = {s["number"]: s["reasons"] for s in told["sections"]}
    assert {0, 5} <= sections.keys()
    assert not {1, 2, 8} & sections.keys()
    assert any("specs/backend/api.md#post-apilists" in r for r in sections[5])


def test_moved_lines_are_told_apart(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (planned / "specs").rglob("*.md"):
        path.write_text(reformatted(path.read_text()))
    code, told = status(planned, capsys)
    assert (code, told["state"]) == (3, "moved")
    run(["plan", "--offline", "-w", str(planned)])
    assert status(planned, capsys)[0] == 0


def test_a_new_passage_is_told(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / API
    path.write_text(path.read_text() + "\n### GET /api/version\n\nAnswers 200.\n")
    code, told = status(planned, capsys)
    assert code == 3
    assert any(r.endswith("#get-apiversion is new.") for r in told["sections"][0]["reasons"])


def test_a_new_document_that_says_nothing_new_is_fresh(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (planned / "specs" / "tasks.md").write_text("# Tasks\n\n- [ ] T001 Do it\n")
    code, told = status(planned, capsys)
    assert (code, told["state"]) == (3, "moved")
    run(["plan", "--offline", "-w", str(planned)])
    assert status(planned, capsys)[0] == 0


def test_an_answer_makes_the_decisions_stale(project: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = project(
        {"specs/a.md": "# A\n\n- **FR-1**: It MUST list boats by `GET /boats`.\n- Which currency? [NEEDS CLARIFICATION: which]\n"}
    )
    assert run(["plan", "--offline", "-w", str(path)]) == 0
    assert run(["decide", "G1", "Euro", "-w", str(path)]) == 0
    code, told = status(path, capsys)
    assert code == 3
    assert any("is answered now: Euro" in r for s in told["sections"] for r in s["reasons"])
    assert run(["plan", "--offline", "-w", str(path)]) == 0
    assert status(path, capsys)[0] == 0


def test_another_writer_is_a_reason_where_one_is_configured(
    planned: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = status(planned, capsys)
    assert code == 3
    assert told["reasons"] == ["The writer is now model simulated, with these settings."]
    assert status(planned, capsys, "--offline")[0] == 0
    run(["plan", "-w", str(planned)])
    assert status(planned, capsys)[0] == 0
    monkeypatch.delenv("PLANAGENT_MODEL")
    assert status(planned, capsys)[0] == 0  # who has no model cannot do better


def test_a_file_that_is_no_plan_is_a_usage_error(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "plan").mkdir()
    (workspace / PLAN).write_text("# Mine\n")
    assert run(["status", "-w", str(workspace)]) == 2
    assert run(["diff", "-w", str(workspace)]) == 2


def test_if_stale_plans_only_then(planned: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    before = (planned / PLAN).stat().st_mtime_ns
    assert run(["plan", "--offline", "--if-stale", "-w", str(planned), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"plan": str(planned / PLAN), "fresh": True}
    assert (planned / PLAN).stat().st_mtime_ns == before
    edit(planned, API, "1-80 characters", "1-60 characters")
    assert run(["plan", "--offline", "--if-stale", "-w", str(planned)]) == 0
    assert (planned / PLAN).stat().st_mtime_ns != before
    assert server.requests == []


# -- diff ---------------------------------------------------------------------------------------


def test_a_re_plan_is_told_in_tasks(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / PLAN
    task = next(t for t in parse(path.read_text()).tasks if "post-api-lists" in t.covers)
    path.write_text(path.read_text().replace(f"- [ ] {task.id}", f"- [x] {task.id}"))
    (planned / "specs/backend/boats.md").write_text("# Boats\n\n### GET /api/boats\n\nAnswers 200.\n")
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-60 characters")
    run(["plan", "--offline", "-w", str(planned)])
    capsys.readouterr()
    assert run(["diff", "-w", str(planned), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "Provide the operations on boats" in [t["title"] for t in told["added"]]
    assert told["removed"] == []
    assert task.id in {t["id"] for t in told["changed"]}
    assert run(["diff", "-w", str(planned), "--exit-code"]) == 1
    text = capsys.readouterr().out
    assert f"Done before this change, to be looked at again: {task.id}." in text
    assert "specs/backend/api.md#post-apilists has changed" in text


def test_a_plan_does_not_differ_from_itself(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(planned / PLAN)
    assert run(["diff", path, path, "--exit-code", "-w", str(planned)]) == 0
    assert "No task and no ruling differs" in capsys.readouterr().out


def test_diff_against_a_revision(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(planned), *command], check=True)
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-60 characters")
    run(["plan", "--offline", "-w", str(planned)])
    capsys.readouterr()
    assert run(["diff", "--rev", "HEAD", "-w", str(planned)]) == 0
    assert "Provide the operations on lists" in capsys.readouterr().out
    assert run(["diff", "--rev", "nowhere", "-w", str(planned)]) == 2


def test_diff_without_a_plan_before_says_what_to_do(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "-w", str(planned)]) == 2
    assert "--rev HEAD" in capsys.readouterr().err


def test_plans_at_two_places_are_compared_each_with_its_own(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ["plan", "--offline", "-w", str(planned), "-o", "other/plan.md"]
    run(other)
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-60 characters")
    run(other)
    assert run(["diff", "-w", str(planned)]) == 2  # the plan at the usual place was never replaced


# -- damage -------------------------------------------------------------------------------------


def test_a_cut_off_plan_is_not_fresh(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / PLAN
    whole = path.read_text().split("\n")
    for kept in (len(whole) // 3, len(whole) // 2, len(whole) - 3):
        path.write_text("\n".join(whole[:kept]))
        assert run(["status", "-w", str(planned)]) in (2, 3)


def test_a_plan_edited_by_hand_is_told_apart_from_ticks_and_line_ends(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / PLAN
    text = path.read_text()
    path.write_bytes(text.replace("- [ ] T004", "- [X] T004").replace("\n", "\r\n").encode())
    assert status(planned, capsys)[0] == 0
    path.write_text(text.replace("80 characters", "800 characters").replace("Scope", "Scopes"))
    path.write_text(path.read_text() + "\nA note.\n")
    code, told = status(planned, capsys)
    assert (code, told["state"]) == (3, "edited")


def test_a_file_of_the_system_that_fails_is_named_with_code_7(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (planned / ".planagent" / "lock").unlink(missing_ok=True)
    (planned / ".planagent" / "lock").mkdir()
    capsys.readouterr()
    assert run(["plan", "--offline", "-w", str(planned), "--json"]) == 7
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["exit_code"] == 7
    assert "lock" in told["message"]
    assert told["remedy"]


def test_marks_of_a_merge_are_named_with_their_line(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planned / PLAN
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    for command in ("status", "plan"):
        assert run([command, "-w", str(planned)]) == 2
        told = capsys.readouterr().err
        assert "line 1 is a mark of a merge" in told
        assert "version control" in told


# -- cost ---------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_the_run_then_costs(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANAGENT_PRICE_INPUT", "2")
    monkeypatch.setenv("PLANAGENT_PRICE_OUTPUT", "10")
    assert run(["plan", "--dry-run", "-w", str(workspace), "--json"]) == 0
    ahead = json.loads(capsys.readouterr().out)
    assert server.requests == []
    assert not (workspace / PLAN).exists()
    assert run(["plan", "-w", str(workspace), "--json"]) == 0
    spent = json.loads(capsys.readouterr().out)["usage"]
    assert 0.2 < ahead["input_tokens"] / spent["input_tokens"] < 5  # what follows from answers is estimated
    assert spent["cost"] > 0
    assert ahead["cost"] > 0
    assert run(["plan", "--dry-run", "-w", str(workspace), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calls"] == 0


def test_a_listed_price_is_found_and_an_unknown_one_said(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["plan", "--dry-run", "-w", str(workspace)])
    assert "No price is known" in capsys.readouterr().err
    assert run(["plan", "--max-cost", "1", "-w", str(workspace)]) == 2
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("PLANAGENT_MODEL", "gpt-4o")
    run(["plan", "--dry-run", "-w", str(workspace), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert sum(s["cost"] for s in told["stages"]) == pytest.approx(told["cost"])


@pytest.mark.parametrize(
    ("name", "value", "told"), [("PLANAGENT_MAX_TOKENS", "90000", "max_tokens"), ("PLANAGENT_MAX_COST", "0.18", "--max-cost")]
)
def test_a_ceiling_stops_cleanly_and_the_next_run_goes_on(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, value: str, told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PLANAGENT_PRICE_INPUT", "2")
    monkeypatch.setenv("PLANAGENT_PRICE_OUTPUT", "2")
    monkeypatch.setenv("PLANAGENT_CONCURRENCY", "2")
    monkeypatch.setenv(name, value)
    assert run(["plan", "-w", str(workspace)]) == 8
    error = capsys.readouterr().err
    assert told in error
    assert "run again to go on" in error
    assert not (workspace / PLAN).exists()
    first = len(server.requests)
    assert first > 0
    runs = 1
    while run(["plan", "-w", str(workspace)]) == 8:
        runs += 1
        assert runs < 12
    assert (workspace / PLAN).exists()
    assert len({r.prompt for r in server.requests}) == len(server.requests), "nothing is asked twice"


# -- how fast is too fast -----------------------------------------------------------------------


def test_a_server_that_says_429_is_asked_more_slowly_and_not_given_up_on(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANAGENT_RETRIES", "0")
    with SimulatedServer(first_token=0.1, most_under_way=2) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("PLANAGENT_MODEL", "m")
        assert run(["plan", "-w", str(workspace), "--json"]) == 0
        spent = json.loads(capsys.readouterr().out)["usage"]
        assert spent["retries"] == server.refused > 0
        assert server.refused < spent["calls"]


def test_a_server_that_only_says_429_ends_the_run(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANAGENT_PATIENCE", "1")
    server.script = [Fault("status", 429)] * 500
    assert run(["plan", "-w", str(workspace)]) == 6
    assert "rate limit" in capsys.readouterr().err


def test_a_server_with_slots_is_asked_as_many_at_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SimulatedServer(first_token=0.05, slots=1) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("PLANAGENT_MODEL", "m")
        assert run(["plan", "-w", str(workspace)]) == 0
        assert server.most_at_once == 1


# -- two at once --------------------------------------------------------------------------------


def test_a_second_run_waits_for_the_first(planned: Path) -> None:
    with locked(load_settings(planned)):
        second = subprocess.Popen([sys.executable, "-m", "planagent", "plan", "--offline", "-w", str(planned)], stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(3)
    assert second.wait(60) == 0
    assert second.stderr is not None
    assert b"waiting up to 10 s" in second.stderr.read()


def test_a_second_run_says_so_when_it_takes_too_long(
    planned: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workspace_module, "LONGEST_WAIT", 0.2)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(load_settings(planned)):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        assert run(["plan", "--offline", "-w", str(planned)]) == 7
    finally:
        done.set()
        thread.join()
    assert "another run" in capsys.readouterr().err
    assert parse((planned / PLAN).read_text()).tasks


def test_a_plan_of_another_format_is_said_to_be_one(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "plan").mkdir()
    text = "<!-- planagent plan, format 1; next task 5; state a; writer b; text c -->\n# Backend Implementation Plan: Tidy\n"
    (workspace / "plan/backend_implementation_plan.md").write_text(text, encoding="utf-8")
    for command in (["plan", "--offline"], ["status"], ["check"]):
        assert run([*command, "-w", str(workspace)]) == 2
        assert "format 1" in capsys.readouterr().err


def test_a_new_plan_tells_what_it_changed_and_what_nobody_read(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    assert "Tasks:" not in capsys.readouterr().err, "there is nothing to compare the first with"
    api = workspace / "specs/backend/api.md"
    api.write_text(api.read_text(encoding="utf-8").replace("1-80 characters", "1-90 characters"), encoding="utf-8")
    assert run(["doctor", "-w", str(workspace)]) == 0
    assert "look  plan" in capsys.readouterr().out
    assert run(["plan", "--offline", "--dry-run", "-w", str(workspace)]) == 0
    assert "nothing is spent" in capsys.readouterr().err
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    assert re.search(r"Tasks: \d+ changed, \d+ as before\. `planagent diff` tells more\.", capsys.readouterr().err)
    assert run(["coverage", "-w", str(workspace)]) == 0
    assert "are covered unread" in capsys.readouterr().err
