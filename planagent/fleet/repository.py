"""A workspace that lies in a git repository: a shallow clone for one run, and a push to a branch of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from planagent.errors import WorkspaceError

_AUTHOR = ("-c", "user.name=planagent", "-c", "user.email=planagent@users.noreply.localhost")
_SECONDS = 600


@contextmanager
def cloned(place: dict[str, Any]) -> Iterator[Path]:
    """A clone of the newest commit, for as long as it is needed. Credentials are those that git's own helpers have.

    Raises:
        WorkspaceError: git is missing, or cannot clone.
    """
    folder = Path(tempfile.mkdtemp(prefix="planagent-clone-"))
    try:
        _git(folder, "clone", "--quiet", "--depth", "1", "--branch", place["branch"], "--", place["git"], "clone")
        yield folder / "clone"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def push(folder: Path, place: dict[str, Any], plan: Path) -> None:
    """Commits the plan to the workspace's own branch and pushes it.

    Raises:
        WorkspaceError: git refuses.
    """
    _git(folder, "add", "--", str(plan.resolve().relative_to(folder.resolve())))
    _git(folder, *_AUTHOR, "commit", "--quiet", "--message", "Plan again")
    _git(folder, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{place['push']}")


def _git(folder: Path, *arguments: str) -> None:
    git = shutil.which("git")
    if git is None:
        raise WorkspaceError("git is not installed.", "Install it, or list folders in fleet.toml.")
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603
            [git, *arguments], cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WorkspaceError(f"git {arguments[0]}: no end after {_SECONDS} s.", "Check the repository's server.") from error
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["failed"])[-1]
        verb = next((a for a in arguments if a in ("clone", "add", "commit", "push")), arguments[0])
        raise WorkspaceError(
            f"git {verb}: {re.sub(r'//[^/@ ]*@', '//', told)}", "Check the address, the branch and git's credential helper."
        )
