"""The Batch API of the simulated server: files, batches that take their time, and the ways in which they end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Completion = Callable[[dict[str, Any]], dict[str, Any]]
_MISSING: tuple[int, Any] = (404, {"error": {"message": "no such page"}})


@dataclass(slots=True)
class Batches:
    """All that was handed over. `fault`: expired (half is answered), failed (nothing is), errors (each third line is one), torn (lines of
    something else); none for a server without a Batch API."""

    seconds: float = 0.0
    """How long one takes."""
    fault: str = ""
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, path: str, complete: Completion) -> tuple[int, Any]:
        """Status and JSON value, or a file's bytes."""
        folder, name = ["", *path.split("/")][-2:]
        with self._lock:
            if path == "/batches" and self.fault != "none":
                return 200, {"object": "list", "data": [self._seen(b, complete) for b in self.made], "has_more": False}
            if folder == "batches" and name in self.made:
                return 200, self._seen(name, complete)
            if name == "content" and folder in self.files:
                return 200, self.files[folder]
        return _MISSING

    def post(self, path: str, data: bytes, content_type: str) -> tuple[int, Any]:
        if self.fault == "none":
            return _MISSING
        with self._lock:
            if path == "/batches":
                return 200, self._begun(json.loads(data))
            boundary = content_type.partition("boundary=")[2].encode()
            part = next(p for p in data.split(b"--" + boundary) if b"filename=" in p)
            return 200, self._filed(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))

    def _filed(self, data: bytes) -> dict[str, Any]:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = data
        return {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": 0,
            "filename": "a.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _begun(self, told: dict[str, Any]) -> dict[str, Any]:
        name = f"batch-{len(self.made) + 1}"
        self.made[name] = {
            "id": name, "object": "batch", "endpoint": told["endpoint"], "input_file_id": told["input_file_id"], "metadata": told.get("metadata"),
            "completion_window": told["completion_window"], "status": "in_progress", "created_at": 0, "at": time.monotonic(),
        }  # fmt: skip
        return self._shown(name)

    def _shown(self, name: str) -> dict[str, Any]:
        return {n: v for n, v in self.made[name].items() if n != "at"}

    def _seen(self, name: str, complete: Completion) -> dict[str, Any]:
        batch = self.made[name]
        if batch["status"] == "in_progress" and time.monotonic() - batch["at"] >= self.seconds:
            self._end(batch, complete)
        return self._shown(name)

    def _end(self, batch: dict[str, Any], complete: Completion) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        batch["status"] = {"expired": "expired", "failed": "failed"}.get(self.fault, "completed")
        good: list[str] = []
        bad: list[str] = []
        for number, line in enumerate(lines):
            answered = {"expired": number < len(lines) // 2, "failed": False, "errors": number % 3 > 0}.get(self.fault, True)
            response = {"status_code": 200, "body": complete(line["body"])} if answered else {"status_code": 500, "body": {"error": "x"}}
            told = {"id": f"r{number}", "custom_id": line["custom_id"], "response": response, "error": None}
            (good if answered else bad).append(json.dumps(told))
        if self.fault == "torn":
            good = [*(g[: len(g) // 2] if n % 2 else g for n, g in enumerate(good)), "null", '{"custom_id": 1}']
        if self.fault == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "invalid", "message": "the file is not wanted"}]}
            return
        for place, told_lines in (("output_file_id", good), ("error_file_id", bad)):
            if told_lines:
                batch[place] = self._filed("\n".join(told_lines).encode())["id"]
