"""What writers have answered, under the hash of everything that could change it. A cache, never the truth."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from planagent.errors import WorkspaceError
from planagent.files import sha256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT NOT NULL, run INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
KEPT_RUNS = 50
"""An answer that so many runs had no use for is forgotten."""


class Ledger:
    """Accepted answers and small notes in `.planagent/ledger.db`.

    SQLite, because a process that is killed in the middle of anything leaves the answers before it whole, and
    because a thousand answers are one file. A damaged file is put aside and begun anew: it holds nothing that
    cannot be asked again.
    """

    def __init__(self, state: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        """
        Args:
            tell: takes a warning, when a damaged file is put aside.
        """
        self._tell = tell
        self._state = state
        self._path = state / "ledger.db"
        self._open: sqlite3.Connection | None = None
        self._run = 0

    @staticmethod
    def key(*parts: object) -> str:
        """Hash of JSON-like values."""
        return sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str).encode())

    def get(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The known answers among the keys; a damaged one counts as unknown."""
        wanted = list(keys)
        if not self._path.exists() or not wanted:
            return {}
        found: dict[str, dict[str, Any]] = {}
        with self._connection() as db:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                rows = db.execute(f"SELECT key, value FROM answers WHERE key IN ({marks})", some).fetchall()  # noqa: S608
                for key, text in rows:
                    with contextlib.suppress(ValueError):
                        value = json.loads(text)
                        if isinstance(value, dict):
                            found[key] = value
        return found

    def put(self, answers: dict[str, dict[str, Any]]) -> None:
        """Keeps answers, all of them or none.

        Raises:
            WorkspaceError: the file cannot be written.
        """
        rows = [(k, json.dumps(v, ensure_ascii=False), self._number()) for k, v in answers.items()]
        with self._connection() as db:
            db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)

    def used(self, keys: Iterable[str]) -> None:
        """Marks what this run had a use for, and forgets what the last runs had none for."""
        with self._connection() as db:
            db.executemany("UPDATE answers SET run = ? WHERE key = ?", [(self._number(), k) for k in keys])
            db.execute("DELETE FROM answers WHERE run < ?", (self._number() - KEPT_RUNS,))
            db.execute("INSERT OR REPLACE INTO notes VALUES ('run', ?)", (str(self._number()),))

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Small facts about the world outside (what a server can do), kept beside the answers."""
        with self._connection() as db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str) -> dict[str, Any]:
        value = self._noted(name)
        return value if isinstance(value, dict) else {}

    def notes(self, prefix: str) -> dict[str, dict[str, Any]]:
        """All notes whose names begin so, without the prefix; a damaged one is left out."""
        if not self._path.exists():
            return {}
        with self._connection() as db:
            rows = db.execute("SELECT name, value FROM notes WHERE substr(name, 1, ?) = ? ORDER BY name", (len(prefix), prefix)).fetchall()
        found = {}
        for name, text in rows:
            with contextlib.suppress(ValueError):
                value = json.loads(text)
                if isinstance(value, dict):
                    found[name[len(prefix) :]] = value
        return found

    def forget_notes(self, prefix: str) -> None:
        if self._path.exists():
            with self._connection() as db:
                db.execute("DELETE FROM notes WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _number(self) -> int:
        """Number of this run, one more than that of the last which reached its end."""
        if not self._run:
            last = self._noted("run")
            self._run = (last if isinstance(last, int) else 0) + 1
        return self._run

    def _noted(self, name: str) -> Any:
        if not self._path.exists():
            return None
        with self._connection() as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        try:
            return json.loads(row[0]) if row else None
        except ValueError:
            return None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            if self._open is None:
                self._open = self._connect()
            with self._open as db:
                yield db
        except sqlite3.Error as error:
            raise WorkspaceError(
                f"{self._path}: cannot be used ({error}).",
                "Check the folder's permissions and free space; the file may be deleted, answers are then asked anew.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        with contextlib.suppress(OSError):  # the connection below says what is wrong
            self._state.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # locked, full, read-only: not the file's fault
            self._path.replace(self._path.with_suffix(".damaged"))
            self._tell(f"warning: {self._path} was damaged and is put aside; what it held is asked for anew.")
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        if not self._path.exists():
            with contextlib.suppress(OSError):
                self._path.touch(0o600)  # what models said of a project is its owner's business
        db = sqlite3.connect(self._path, timeout=30)
        try:
            db.executescript(_SCHEMA)
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db
