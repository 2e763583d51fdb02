"""The bytes of a workspace's documents: found, read once, hashed. Light, so that what is known needs no more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from planagent.corpus.discover import find_files
from planagent.errors import CorpusError, UsageError
from planagent.files import read_bytes, sha256


def literal(name: str) -> str:
    """A glob that matches this name and no other."""
    return re.sub(r"([*?\[])", r"[\1]", name)


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read; `path` is relative to the workspace."""

    path: str
    data: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that was read, and warnings on what was not."""

    name: str
    files: tuple[Source, ...]
    warnings: tuple[str, ...]

    @property
    def identity(self) -> tuple[object, ...]:
        """Changes exactly when a document, its name or a warning changes."""
        return (tuple((f.path, f.digest) for f in self.files), self.warnings)


def read_sources(workspace: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), *, without: Path | None = None) -> Sources:
    """Reads every candidate file of a workspace.

    Args:
        without: a plan, which must not vouch for what it says.

    Raises:
        UsageError: the workspace is not a directory.
    """
    if not workspace.is_dir():
        raise UsageError(f"{workspace}: not a directory.", "Give the project's root with --workspace.")
    if without is not None and without.resolve().is_relative_to(workspace.resolve()):
        exclude = (*exclude, literal(without.resolve().relative_to(workspace.resolve()).as_posix()))
    files, warnings = find_files(workspace, include, exclude)
    sources = []
    for found in files:
        try:
            data = read_bytes(found.absolute)
        except CorpusError as error:
            warnings.append(f"{error.message} Left out.")
            continue
        sources.append(Source(found.path, data, sha256(data)))
    return Sources(workspace.resolve().name, tuple(sources), tuple(warnings))
