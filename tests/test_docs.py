"""The documentation: pages made from the code are of this code, every link leads somewhere, every command that is named is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bench.__main__ import GROUPS, MEASURES
from bench.pages import FOLDERS, pages
from planagent.cli import main
from planagent.settings import FIELDS
from tests.conftest import ROOT

FILES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_pages_that_are_made_from_the_code_are_of_this_code() -> None:
    made = pages()
    there = {p.relative_to(ROOT / "docs").as_posix() for f in FOLDERS for p in (ROOT / "docs" / f).iterdir()}
    assert there | {f"{f}.md" for f in FOLDERS} == made.keys(), "run: python -m bench.pages"
    for name, text in made.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, f"{name}; run: python -m bench.pages"


def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--nitpicky", "-q", "-d", str(tmp_path / "state"), str(ROOT / "docs"), str(tmp_path / "site")],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="tutorial.html"' in home
    assert (tmp_path / "site" / "commands" / "plan.html").exists()


def headings(path: Path) -> set[str]:
    """The anchors of a page, as forges make them."""
    found = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in found}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        place, _, anchor = target.partition("#")
        file = (path.parent / place).resolve() if place else path
        assert file.exists(), target
        assert not anchor or anchor in headings(file), target


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_command_that_is_named_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    context = click.Context(main)
    known = {name: main.get_command(context, name) for name in main.list_commands(context)}
    shown = "\n".join([*re.findall(r"(?ms)^```(?:sh|text)?\n(.*?)^```", text), *re.findall(r"`([^`\n]+)`", text)])
    for line in re.findall(r"(?m)^planagent ((?!-)[^\n#]*)", shown):
        words = line.split()
        command = known.get(words[0])
        assert command is not None, line
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands.get(words[1])
            assert command is not None, line
        options = {o for p in command.params for o in p.opts} | {"--help"}
        assert {w.partition("=")[0] for w in words if w.startswith("--")} <= options, line
    for measure in re.findall(r"python -m bench (\w+)", text):
        assert measure in {*MEASURES, *GROUPS}, measure


def test_the_guide_names_every_setting() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    missing = [n for n in FIELDS if not re.search(rf"\b{n}\b", text) and not n.startswith("check_") and n != "api_key"]
    assert not missing


def test_the_table_of_exit_codes_is_that_of_the_help() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"(?m)^\| (\d+) \| (.+?) \|$", text))
    assert told.keys() == set(re.findall(r"(?m)^  (\d+)  ", main.epilog or ""))
