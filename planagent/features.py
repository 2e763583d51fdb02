"""Feature folders, as spec tools keep them: a folder below a spec root with a spec of its own, `specs/002-name/`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planagent.errors import UsageError

CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Feature:
    """`path` is the folder relative to the workspace, in POSIX form; `name` its last part."""

    name: str
    path: str


def features(workspace: Path) -> list[Feature]:
    """The feature folders of a workspace, by name."""
    from planagent.corpus.discover import feature_of, find_files

    found: dict[str, Feature] = {}
    for file in find_files(workspace, (), ())[0]:
        name = feature_of(file.path, file.root)
        if name:
            path = file.path[: file.path.index(f"/{name}/") + len(name) + 1]
            found.setdefault(path, Feature(name, path))
    return sorted(found.values(), key=lambda f: f.name)


def find_feature(workspace: Path, wanted: str) -> Feature:
    """The one feature that a text names: its folder's path, name, start or number, or `current`.

    Raises:
        UsageError: none or several are meant.
    """
    known = features(workspace)
    asked = _current(workspace) if wanted == CURRENT else wanted
    named = asked.replace("\\", "/").rstrip("/").removeprefix("./").lower()
    exact = [f for f in known if named in (f.path.lower(), f.name.lower())]
    hits = exact or [f for f in known if named and f.name.lower().startswith(named)]
    if len(hits) == 1:
        return hits[0]
    shown = ", ".join(f.name for f in (hits or known)[:20]) or "none"
    if hits:
        raise UsageError(f"Feature {wanted!r} may be any of several.", f"Say which: {shown}.")
    about = f" ({asked})" if wanted == CURRENT else ""
    raise UsageError(f"There is no feature {wanted!r}{about} in {workspace}.", f"Known: {shown}.")


def _current(workspace: Path) -> str:
    """What Spec Kit would work on: its variable, its state file; in older projects the variable or branch of that name."""
    for name in _candidates(workspace):
        if name:
            return name
    raise UsageError(
        "No feature is current: neither SPECIFY_FEATURE_DIRECTORY nor .specify/feature.json names one.",
        f"Name it: --feature {next((f.name for f in features(workspace)), '002-name')}.",
    )


def _candidates(workspace: Path) -> Iterator[str]:
    directory = os.environ.get("SPECIFY_FEATURE_DIRECTORY", "")
    yield _relative(workspace, directory)
    try:
        state = json.loads((workspace / ".specify" / "feature.json").read_text(encoding="utf-8"))
        yield _relative(workspace, str(state["feature_directory"]))
    except (OSError, ValueError, TypeError, KeyError):
        pass  # absent in a fresh clone: version control leaves it out
    yield os.environ.get("SPECIFY_FEATURE", "")
    try:
        head = (workspace / ".git" / "HEAD").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    branch = re.match(r"ref: refs/heads/(?:.*/)?((\d{3,})-\S+)", head)
    if branch:
        numbered = [f for f in features(workspace) if f.name.startswith(f"{branch[2]}-")]
        yield numbered[0].path if len(numbered) == 1 else branch[1]


def _relative(workspace: Path, folder: str) -> str:
    path = Path(folder)
    if path.is_absolute():
        try:
            return path.resolve().relative_to(workspace.resolve()).as_posix()
        except ValueError:
            return folder
    return folder
