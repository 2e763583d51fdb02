"""Commands for coding agents: each in its place and format, and nobody's own file touched."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from planagent import installing
from planagent.cli import main, run
from planagent.model import have

FILES = 3 * len({a.folder for a in installing.agents().values()})


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["init", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def everything(workspace: Path) -> dict[str, bytes]:
    return {p.relative_to(workspace).as_posix(): p.read_bytes() for p in workspace.rglob("*") if p.is_file()}


@pytest.mark.parametrize("key", installing.agents())
def test_each_agent_gets_three_commands_in_its_own_form(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = call(capsys, "--agent", key, "-w", str(tmp_path))
    assert code == 0
    agent = installing.agents()[key]
    assert {f["action"] for f in told["files"]} == {"written"}
    found = everything(tmp_path)
    assert {f["path"] for f in told["files"]} == found.keys()
    for path, data in found.items():
        assert path.startswith(agent.folder + "/")
        text = data.decode()
        if agent.form == "toml":
            value = tomllib.loads(text)
            body, description = value["prompt"], value["description"]
        else:
            front, body = re.fullmatch(r"---\n(.*?)---\n(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
            head = yaml.safe_load(front)
            description = head["description"]
            if agent.form == "skill":
                assert head["name"] == path.split("/")[-2]
                assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
        assert 20 < len(description) < 200
        assert "planagent" in body
        assert "{arguments}" not in body
        if agent.arguments:
            assert agent.arguments in body


def test_the_plan_command_speaks_of_commands_and_options_that_exist() -> None:
    context = click.Context(main)
    known = {name: main.get_command(context, name) for name in main.list_commands(context)}
    for command in installing.COMMANDS:
        text = installing.rendered(installing.agents()["claude"], command, "sp")
        for line in re.findall(r"`planagent ([^`]*)`", text):
            words = line.split()
            assert words[0] in known, line
            options = {o for p in have(known[words[0]]).params for o in p.opts}
            assert {w for w in words if w.startswith("--")} <= options, line


def test_the_plan_command_says_what_counts() -> None:
    text = installing.rendered(installing.agents()["claude"], "plan", "sp")
    for said in ("Never write or change the plan yourself", "planagent check", "planagent plan", "planagent brief", "planagent merge"):
        assert said in text
    assert not re.search(r"\.sh\b|&&|\|\s|\$\(|<<", text), "no shell script: it runs on Windows too"


def test_it_is_idempotent_and_can_be_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ",".join(installing.agents())
    assert call(capsys, "--agent", names, "-w", str(tmp_path))[0] == 0
    first = everything(tmp_path)
    _, again = call(capsys, "--agent", names, "-w", str(tmp_path))
    assert {f["action"] for f in again["files"]} == {"unchanged"}
    assert everything(tmp_path) == first
    assert len(first) == FILES
    call(capsys, "--agent", names, "--uninstall", "-w", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_changed_is_never_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "--agent", "claude", "-w", str(tmp_path))
    mine = tmp_path / ".claude" / "skills" / "sp-plan" / "SKILL.md"
    mine.write_text(mine.read_text().replace("## Steps", "## Our steps"))
    before = mine.read_bytes()
    code, told = call(capsys, "--agent", "claude", "-w", str(tmp_path))
    assert code == 0
    assert [f["action"] for f in told["files"]] == ["kept", "unchanged", "unchanged"]
    _, told = call(capsys, "--agent", "claude", "--uninstall", "-w", str(tmp_path))
    assert [f["action"] for f in told["files"]] == ["kept", "removed", "removed"]
    assert everything(tmp_path) == {".claude/skills/sp-plan/SKILL.md": before}


def test_another_tool_s_command_of_that_name_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".qwen" / "commands" / "sp.plan.md"
    path.parent.mkdir(parents=True)
    path.write_text("---\ndescription: another\n---\nDo something else.\n")
    _, told = call(capsys, "--agent", "qwen", "-w", str(tmp_path))
    assert [f["action"] for f in told["files"]] == ["kept", "written", "written"]
    assert "Do something else" in path.read_text()
    _, told = call(capsys, "--agent", "qwen", "--prefix", "pa", "-w", str(tmp_path))
    assert {f["action"] for f in told["files"]} == {"written"}
    assert (path.parent / "pa.plan.md").is_file()


def test_an_older_version_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(capsys, "--agent", "gemini,claude", "-w", str(tmp_path))
    now = installing.rendered

    def later(agent: installing.Agent, command: str, prefix: str) -> str:
        text = now(agent, command, prefix).replace("sources", "places").replace("planagent drives", "it drives")
        return text + "\n# more\n"

    # Line ends that version control changed are no change.
    path = tmp_path / ".claude" / "skills" / "sp-next" / "SKILL.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(installing, "rendered", later)
    _, told = call(capsys, "--agent", "gemini,claude", "-w", str(tmp_path))
    assert {f["action"] for f in told["files"]} == {"updated"}


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told = call(capsys, "--agent", "claude", "--dry-run", "-w", str(tmp_path))
    assert {f["action"] for f in told["files"]} == {"written"}
    assert told["dry_run"]
    assert list(tmp_path.iterdir()) == []


def test_agents_are_found_by_their_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = call(capsys, "-w", str(tmp_path))
    assert code == 2
    assert "claude" in told["error"]["remedy"]
    (tmp_path / "GEMINI.md").touch()
    (tmp_path / ".cursor").mkdir()
    _, told = call(capsys, "-w", str(tmp_path))
    assert {f["for"] for f in told["files"]} == {"gemini", "cursor"}


def test_the_list_tells_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "--agent", "codex", "-w", str(tmp_path))
    _, told = call(capsys, "--list", "-w", str(tmp_path))
    states = {a["agent"]: a["state"] for a in told["agents"]}
    assert len(states) >= 10
    assert states["codex"] == "installed"
    assert states["zed"] == "installed", "they share a folder"
    assert states["claude"] == "absent"


@pytest.mark.parametrize(
    "arguments", [("--agent", "emacs"), ("--agent", "claude", "--prefix", "../x"), ("--agent", "claude", "--prefix", "Sp")]
)
def test_wrong_names_are_refused(tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, told = call(capsys, *arguments, "-w", str(tmp_path))
    assert code == 2
    assert told["error"]["remedy"]
    assert list(tmp_path.iterdir()) == []
