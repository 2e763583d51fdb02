"""Shared fixtures. No test reaches beyond loopback: the lock below makes an attempt fail at once."""

from __future__ import annotations

import functools
import gc
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bench.simulated_server import SimulatedServer
from planagent.corpus.read import read_corpus
from planagent.model import Corpus, Finding

# The same examples each time: what fails, fails for everybody. `HYPOTHESIS_PROFILE=explore` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
CASES = ROOT.parent / "shared" / "cases"

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else ""
    if self.family in (socket.AF_INET, socket.AF_INET6) and host not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a test tried to reach {address}")
    _connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _closed_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)
    for name in list(os.environ):
        if name.startswith(("PLANAGENT_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _nothing_remembered() -> None:
    """What a run before this one in the same process has cached must not answer for the code as it is now."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and str(getattr(found, "__module__", "")).startswith("planagent"):
            found.cache_clear()


@pytest.fixture(autouse=True)
def _well_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test is about: each finding says in words what is wrong, where, and in a sentence what to do."""
    made = Finding.__init__

    def checked(self: Finding, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        assert re.fullmatch(r"PA\d{3}", self.rule)
        assert self.place.strip()
        assert self.key is not None
        assert self.line is not None
        assert any(map(str.islower, self.message)), self.message
        assert re.fullmatch(r"[A-Z`(\[].*[a-z].*[.`)]", self.remedy, re.DOTALL), self.remedy

    monkeypatch.setattr(Finding, "__init__", checked)


@pytest.fixture(scope="session")
def sample_corpus() -> Corpus:
    return read_corpus(ROOT)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the sample corpus to plan in."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    return tmp_path


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes files below an empty workspace and gives its path."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedServer]:
    """A simulated model server that the environment points at."""
    with SimulatedServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        monkeypatch.setenv("PLANAGENT_MODEL", "simulated")
        yield running


def corpus_path(name: str) -> Path:
    """A real corpus beside the checkout; the test is skipped where there is none."""
    path = CORPORA / name
    if not path.is_dir():
        pytest.skip(f"no corpora beside the checkout ({path})")
    return path
