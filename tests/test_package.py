"""What is published: the wheel and the sdist hold all that a stranger needs, and the wheel works by itself."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bench.common import environment_of
from tests.conftest import ROOT

NEEDED = {
    "planagent/py.typed", "planagent/rules.toml", "planagent/corpus/places.toml", "planagent/rules/technologies.toml", "planagent/report/report.html.j2",
    "planagent/prompts/read.md", "planagent/prompts/sections/05-endpoints.md", "planagent/prompts/ci/github.yml",
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_all_that_is_needed_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= NEEDED
    top = {n.partition("/")[0] for n in names}
    assert {t for t in top if not t.endswith(".dist-info")} == {"planagent"}
    [metadata] = [zipfile.ZipFile(wheel).read(n).decode() for n in names if n.endswith("METADATA")]
    for line in ("Requires-Python: >=3.11", "License-Expression: MIT", "Description-Content-Type: text/markdown"):
        assert line in metadata, line


def test_an_index_would_take_it(built: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())], capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_source_can_be_tested_by_whoever_has_it(built: Path) -> None:
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert names >= {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "pyproject.toml",
        "prompts/read.md",
        "tests/conftest.py",
        "specs/constitution.md",
    }


def test_the_wheel_plans_by_itself(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")  # noqa: S202  (our own)
    specs = tmp_path / "project" / "specs"
    specs.mkdir(parents=True)
    (specs / "a.md").write_text("# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`; 200.\n")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        # Before everything else on the path, so that the checkout itself is not what runs.
        code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import planagent; assert planagent.__file__.startswith({str(tmp_path)!r}); "
        return subprocess.run(
            [sys.executable, "-c", code + "from planagent.cli import run; sys.exit(run(sys.argv[1:]))", *arguments], cwd=tmp_path / "project",
            env=environment_of(XDG_CACHE_HOME=str(tmp_path / "cache")), capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert "Turns a project's constitution" in call("--help").stdout
    done = call("plan", "--offline")
    assert done.returncode == 0, done.stderr
    assert call("check").returncode == 0
