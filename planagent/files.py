"""The only module that reads spec files and writes plan files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from planagent.errors import CorpusError, WorkspaceError

MAX_FILE_BYTES = 8 * 1024 * 1024
"""A larger file is no spec that anyone wrote; it is reported and left out."""
MAX_PLAN_BYTES = 16 * MAX_FILE_BYTES


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_plan(path: Path) -> bytes:
    """The bytes of a plan, which is as long as what it plans."""
    return read_bytes(path, MAX_PLAN_BYTES)


def read_bytes(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """The file's bytes.

    Raises:
        CorpusError: the file vanished, is unreadable or larger than `most`.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise CorpusError(
                f"{path}: {size:,} bytes, more than the {most:,} that may be read of one file.",
                "Split the file, or leave it out with `exclude` in planagent.toml.",
            )
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror or error}).", "Check that it exists and its permissions.") from error


def decode(data: bytes) -> tuple[str, list[str]]:
    """Text of a spec file with LF line ends, and notes on what had to be mended."""
    notes: list[str] = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
        notes.append("UTF-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
            notes.append("not valid UTF-8; undecodable bytes were replaced")
    if "\x00" in text:
        text = text.replace("\x00", "")
        notes.append("NUL characters were dropped")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace `path` by `content` in one rename: a reader sees the old file or the new one.

    Args:
        mode: of a new file; that of one which is there stays.

    Raises:
        WorkspaceError: the directory cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content.encode() if isinstance(content, str) else content)
                out.flush()
                os.fsync(out.fileno())
            mode = path.stat().st_mode & 0o777 if path.exists() else mode
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written ({error.strerror or error}).",
            "Check the directory's permissions and free space, or choose another place with --output.",
        ) from error
