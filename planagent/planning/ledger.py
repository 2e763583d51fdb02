"""Accepted answers under the hash of everything that could change them. A cache, never the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from planagent.files import sha256, write_atomically


class Ledger:
    """Answers in `.planagent/answers/`; a crash or a failed section costs no answer that was accepted."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "answers"
        self._state = state

    @staticmethod
    def key(*parts: object) -> str:
        """Hash of a brief, its schema, model and parameters."""
        return sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str).encode())

    def get(self, key: str) -> dict[str, Any] | None:
        """The accepted answer, or None; a damaged entry counts as none."""
        try:
            value = json.loads((self._folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def put(self, key: str, answer: dict[str, Any]) -> None:
        self._prepare()
        write_atomically(self._folder / f"{key}.json", json.dumps(answer, ensure_ascii=False, indent=1))

    def _prepare(self) -> None:
        ignore = self._state / ".gitignore"
        if not ignore.exists():
            write_atomically(ignore, "*\n")

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Small facts about the world outside (what a server can do), kept beside the answers."""
        self._prepare()
        write_atomically(self._state / f"{name}.json", json.dumps(value, indent=1, sort_keys=True))

    def noted(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self._state / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}
