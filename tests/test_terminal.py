"""What a person at a terminal gets: lines that fit it, names that complete, a hint at what was meant."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.cli import run
from planagent.commands.common import say
from planagent.known import known_of
from planagent.reporting import coverage, coverage_as_text, facts_as_text
from planagent.settings import load_settings

SPEC = (
    "# Boats\n\n## Requirements\n\n- **FR-001**: A guest MUST list boats by `GET /boats`; at most 25 of them, and never more than that on one page.\n\n"
    "## Questions\n\n[NEEDS CLARIFICATION: may guests list them, too?]\n"
)


@pytest.fixture
def planned(project: Callable[[dict[str, str]], Path]) -> Path:
    path = project({"specs/001-a-feature-with-a-very-long-name-indeed/spec.md": SPEC})
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    return path


def complete(root: Path, *words: str) -> list[str]:
    """What the shell is offered for the last of the words."""
    environment = os.environ | {"_PLANAGENT_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([sys.executable, "-c", "from planagent.cli import main; main(prog_name='planagent')"], cwd=root, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    assert not done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_names_complete(planned: Path) -> None:
    assert complete(planned, "planagent", "pl") == ["plan"]
    assert "--batch" in complete(planned, "planagent", "plan", "--ba")
    assert complete(planned, "planagent", "done", "T00")[0] == "T001"
    assert run(["done", "T001", "-w", str(planned)]) == 0
    assert "T001" not in complete(planned, "planagent", "next", "t")
    assert complete(planned, "planagent", "decide", "g") == ["G1"]
    assert complete(planned, "planagent", "rule", "PA80")[0] == "PA801"
    assert complete(planned, "planagent", "schema", "sta") == ["status"]


def test_where_there_is_no_plan_nothing_completes_and_nothing_fails(tmp_path: Path) -> None:
    assert complete(tmp_path, "planagent", "done", "T") == []
    (tmp_path / "planagent.toml").write_text("[")
    assert complete(tmp_path, "planagent", "done", "T") == []


def test_a_slip_of_the_pen_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pln"]) == 2
    assert "Did you mean plan?" in capsys.readouterr().err
    assert run(["xyzzy"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
def test_tables_fit_the_terminal(planned: Path, columns: int) -> None:
    known = known_of(load_settings(planned))
    lines = [*coverage_as_text(known, coverage(known), missing=False, dismissed=False, columns=columns)]
    if columns >= 60:  # below, names are kept that tell one thing from another
        assert max(map(len, lines)) <= columns
    assert "Cover" in lines[0]
    assert lines[-1].endswith("100.0%")
    shown = [*facts_as_text(known, columns=columns)]
    listed = shown[next(n for n, line in enumerate(shown) if line.startswith("Operations")) :]
    assert columns < 60 or max(len(line) for line in listed[:4] if line.startswith("  ")) <= columns
    assert shown[1] == f"{len(known.reading.statements)} statements of {sum(r.units for r in coverage(known))} units in 1 documents"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_line_is_broken_between_words_where_somebody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    line = "  model: none is configured: the rules answer/everything/that/is/asked"
    say(line)
    told = capsys.readouterr().out
    if not terminal:
        assert told == f"{line}\n"
    else:
        assert told.splitlines() == ["  model: none is configured:", "      the rules", "      answer/everything/that/is/asked"]


def test_coverage_says_the_same_of_unread_specs_before_and_after_they_are_planned(project: Callable[[dict[str, str]], Path]) -> None:
    """Rows that look binding and are dismissed for their place are asked for twice, with a plan and without."""
    path = project({"specs/a.md": SPEC, "specs/frontend/board.md": "# Board\n\n| Panel | Shows |\n|---|---|\n| Today | bookings |\n"})
    before = coverage(known_of(load_settings(path)))
    assert not any(row.missing for row in before)
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    after = coverage(known_of(load_settings(path)))
    assert [(r.units, r.claimed, r.dismissed, r.handed_on) for r in before] == [
        (r.units, r.claimed, r.dismissed, r.handed_on) for r in after
    ]
