"""The state folder of a workspace: one run at a time, and the plan that was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from planagent.errors import WorkspaceError
from planagent.files import sha256, write_atomically
from planagent.settings import Settings

LONGEST_WAIT = 10.0
"""Seconds that a run waits for another one in the same workspace."""


def previous_path(settings: Settings) -> Path:
    """Where the plan is kept that the last one at the configured place replaced."""
    name = sha256(str(settings.output_path.resolve()).encode())[:12]
    return settings.state / "previous" / f"{name}.md"


def written_path(settings: Settings) -> Path:
    """Where the plan is kept as it was written: what a person changed since is told from it."""
    return previous_path(settings).with_suffix(".written.md")


def prepare_state(settings: Settings) -> None:
    """Makes the state folder, which version control leaves out."""
    ignore = settings.state / ".gitignore"
    if not ignore.is_file():
        write_atomically(ignore, "*\n")


def answers_folder(settings: Settings) -> Path:
    """Where a coding agent puts its answers before it hands them in; made when it is missing."""
    prepare_state(settings)
    folder = settings.state / "answers"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{folder}: cannot be made ({error.strerror or error}).", "Check the folder's permissions.") from error
    return folder


@contextmanager
def locked(settings: Settings, tell: Callable[[str], None] = lambda _: None, of: str = "lock") -> Iterator[None]:
    """Keeps other runs out of the workspace. The system frees the lock of a process that dies, however it dies.

    Args:
        tell: hears that another run is waited for.
        of: the lock's file in the state folder.

    Raises:
        WorkspaceError: another run holds it for longer than `LONGEST_WAIT`, or the folder cannot be written.
    """
    import filelock

    prepare_state(settings)
    try:
        lock = filelock.FileLock(settings.state / of)
        try:
            lock.acquire(timeout=0.1)
        except filelock.Timeout:
            tell(f"Another run is at work in {settings.workspace}; waiting up to {LONGEST_WAIT:.0f} s.")
            lock.acquire(timeout=LONGEST_WAIT)
        try:
            yield
        finally:
            lock.release()
    except filelock.Timeout as error:
        raise WorkspaceError(
            f"{settings.workspace}: another run of planagent is at work here.",
            "Wait until it is done, then run again; nothing was changed.",
        ) from error
