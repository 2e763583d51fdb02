"""One line of JSON for each run, for whoever looks after jobs that nobody watches."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from planagent.errors import WorkspaceError


def append(path: Path, record: dict[str, Any]) -> None:
    """Adds a line, with the time in front of it; in one write, so that two runs do not mix theirs.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **record}, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written ({error.strerror or error}).", "Check its folder, or choose another --log."
        ) from error
