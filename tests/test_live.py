"""What a person sees while a plan is made: bars on a terminal, a line for each stage elsewhere, nothing when it is not wanted."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.commands.live import watched
from planagent.pipeline import Session, make_plan
from planagent.settings import load_settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_terminal_shows_the_stages_with_their_parts(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    session = Session(load_settings(workspace))
    with watched(session, to=stream):
        make_plan(session)
    shown = stream.getvalue()
    assert "reading" in shown
    assert "writing" in shown
    if width > 40:
        assert "39/39" in shown
        assert "tokens" in shown


@pytest.mark.parametrize("plain", [True, False])
def test_colour_is_there_unless_none_is_wanted(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, *, plain: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    session = Session(load_settings(workspace))
    with watched(session, to=stream):
        make_plan(session)
    coloured = re.search(r"\x1b\[(?:\d+;)*[39]\d(?:;\d+)*m", stream.getvalue()) is not None
    assert coloured is not plain


def test_without_a_terminal_each_stage_has_one_line(workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "-w", str(workspace)]) == 0
    lines = [line for line in capsys.readouterr().err.split("\n") if line.startswith("· ") and "calls" in line]
    assert [line.split()[1] for line in lines] == ["reading", "deciding", "writing", "reviewing"]
    assert "reading 39/39" in lines[0]


def test_quiet_says_where_the_plan_is_and_nothing_else(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "-q", "-w", str(workspace)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out == f"{workspace / 'plan/backend_implementation_plan.md'}\n"
    assert run(["plan", "-q", "-w", str(workspace / "specs" / "nowhere")]) == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal there")
@pytest.mark.parametrize(("command", "plain"), [("rule PA101", True), ("rule PA101", False), ("next T999", True), ("next T999", False)])
def test_words_have_no_colour_on_a_terminal_where_none_is_wanted(workspace: Path, command: str, *, plain: bool) -> None:
    import pty

    environment = {n: v for n, v in os.environ.items() if n != "NO_COLOR"} | ({"NO_COLOR": "1"} if plain else {})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "planagent", *command.split()], cwd=workspace, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )  # fmt: skip
    process.wait(60)
    os.close(theirs)
    shown = os.read(ours, 65_536)
    os.close(ours)
    assert shown
    assert (b"\x1b[" in shown) is not plain
