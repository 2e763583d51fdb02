"""What was worked out before, under the hash of everything it depends on. In the user's cache folder, never the truth."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from planagent.errors import WorkspaceError
from planagent.files import write_atomically

KEPT = 64
"""Entries of one kind; the oldest go first."""


class Cache:
    """Bytes by kind and key. A folder that cannot be written, or a damaged entry, costs time and nothing else."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> Cache:
        """The user's own; none when PLANAGENT_NO_CACHE is set."""
        if os.environ.get("PLANAGENT_NO_CACHE"):
            return cls(None)
        from platformdirs import user_cache_path

        return cls(user_cache_path("planagent", appauthor=False))

    def get(self, kind: str, key: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return (self._folder / kind / key).read_bytes()
        except OSError:
            return None

    def put(self, kind: str, key: str, data: bytes) -> None:
        if self._folder is None:
            return
        try:
            write_atomically(self._folder / kind / key, data, 0o600)
            self._prune(self._folder / kind)
        except (WorkspaceError, OSError):
            return

    @staticmethod
    def _prune(folder: Path) -> None:
        entries = sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in entries[:-KEPT]:
            old.unlink(missing_ok=True)


@cache
def code_digest() -> str:
    """Changes with every change of this program: an entry of another version is never used."""
    root = Path(__file__).parent
    state = hashlib.sha256()
    folders = (root, root.parent / "prompts") if not (root / "prompts").is_dir() else (root,)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".toml", ".md"):
                stat = path.stat()
                state.update(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return state.hexdigest()


def digest(*parts: object) -> str:
    """One hash over texts, bytes and anything with a stable `repr`."""
    state = hashlib.sha256(code_digest().encode())
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        state.update(b"%d:" % len(data) + data)
    return state.hexdigest()
