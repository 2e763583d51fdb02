"""Who writes, in what can change an answer: not how long, how often or how widely it is asked. Light on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planagent.settings import Settings

LOCAL = "gguf:"
RULES = {"writer": "rules"}
HOST = {"writer": "host"}
"""A coding agent that takes briefs and hands in answers, whichever model it is on."""


def identity(settings: Settings, name: str = "", *, offline: bool = False) -> dict[str, Any]:
    """The model of a name, or the one that writes: the rules when none is configured or none is wanted."""
    name = name or settings.write_model or settings.model
    if offline or not name:
        return dict(RULES)
    place = without_account(settings.base_url)
    if name.startswith(LOCAL):
        place = file_identity(Path(name.removeprefix(LOCAL)).expanduser())
    return {"writer": "openai", "model": name, "place": place, "temperature": settings.temperature}


def without_account(url: str) -> str:
    """An address without the user's name and password, which change no answer and are written down nowhere."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else url


def file_identity(path: Path) -> str:
    """What tells one model file from another; the port that it is served on says nothing."""
    size = path.stat().st_size if path.is_file() else 0
    return f"{path.name}:{size}"
