"""Finds the documents of a workspace, without configuration and without a look into a text: by places alone."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

_UNCITABLE = re.compile("[\x00-\x1f\x7f`|<>#\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")
MAX_DOCUMENTS = 5_000
_DEEPEST_ROOT = 4
TEXTS = frozenset({".md", ".markdown", ".mdx", ".txt", ".rst", ".adoc"})
DATA = frozenset({".yaml", ".yml", ".json"})
SUFFIXES = TEXTS | DATA | {".graphql", ".graphqls", ".gql", ".proto", ".sql", ".prisma", ".feature"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a document, relative to the workspace; `root` is the spec folder that it lies in, or ''."""

    path: str
    absolute: Path
    root: str = ""


@cache
def places() -> dict[str, Any]:
    """The conventions of spec tools, from `places.toml`."""
    return tomllib.loads((resources.files("planagent") / "corpus" / "places.toml").read_text(encoding="utf-8"))


def find_files(workspace: Path, include: Sequence[str], exclude: Sequence[str]) -> tuple[list[Found], list[str]]:
    """The candidate files in a stable order, and warnings on what was passed over.

    Without `include`, the folders of the known spec tools, constitutions and contracts are taken; a workspace in which no such folder
    holds a text is taken whole.
    """
    warnings: list[str] = []
    everything = list(_walk(workspace, warnings))
    if include:
        chosen = [f for f in everything if any(fnmatch(f.path, g) for g in include)]
    else:
        chosen = [Found(f.path, f.absolute, r) for f in everything if (r := root_of(f.path)) is not None]
        chosen = chosen if any(_is_spec_text(f) for f in chosen) else everything
    chosen = [f for f in chosen if not any(fnmatch(f.path, g) for g in exclude)]
    if len(chosen) > MAX_DOCUMENTS:
        warnings.append(f"{len(chosen):,} candidate files; only the first {MAX_DOCUMENTS:,} are read (set `include` in planagent.toml)")
        chosen = chosen[:MAX_DOCUMENTS]
    return chosen, warnings


def _is_spec_text(found: Found) -> bool:
    """True for a text, other than a list of packages, in a folder that is there for specs."""
    return is_spec_folder(found.root) and found.absolute.suffix.lower() in TEXTS - {".txt"}


def is_spec_folder(root: str) -> bool:
    """True for a folder that is there for specs, and not only holds some."""
    return root.rpartition("/")[2].lower() in places()["roots"]


def root_of(path: str) -> str | None:
    """The spec folder that a path lies in, '' for a document that stands alone, None for no document."""
    known = places()
    parts = path.split("/")
    folders = [p.lower() for p in parts[:-1]]
    for depth, folder in enumerate(folders[:_DEEPEST_ROOT]):
        if folder in known["roots"]:
            return "/".join(parts[: depth + 1])
    if is_constitution(path):
        return ""
    name = parts[-1].lower()
    for depth, folder in enumerate(folders[:_DEEPEST_ROOT]):
        part = folder in known["contract_roots"] and Path(name).suffix in DATA
        if folder in known["shared_roots"] and (part or _named(name, known["shared_names"]) or not name.isascii()):
            return "/".join(parts[: depth + 1])
    return "" if len(parts) == 1 and _named(name, [n.lower() for n in known["root_names"]]) else None


def is_constitution(path: str) -> bool:
    """True for a document that binds all work, by its place."""
    lowered = path.lower()
    return path.count("/") <= 5 and any(fnmatch(lowered, p) or fnmatch(lowered.rsplit("/", 1)[-1], p) for p in places()["constitutions"])


def left_out(path: str) -> str:
    """Why a document of a spec folder is no spec, '' when it is one."""
    lowered = f"/{path.lower()}"
    return next((why for pattern, why in places()["left_out"].items() if fnmatch(lowered, pattern)), "")


def _named(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, p) for p in patterns)


def feature_of(path: str, root: str) -> str:
    """The folder that numbers its requirements for itself: `specs/002-x/spec.md` gives `002-x`."""
    below = path.removeprefix(f"{root}/").split("/")[:-1] if root else []
    named = [p for p in below if p.lower() not in places()["groups"]]
    return named[0] if named else ""


def component_of(root: str) -> str:
    """The folder of the project that holds a spec root: `apps/billing/openspec` gives `apps/billing`; that of a client is no part of the backend,
    and that of the backend no part, but all of it."""
    folder = root.rpartition("/")[0]
    return "" if of_client(root) or folder.rpartition("/")[2].lower() in places()["backends"] else folder


def of_client(path: str) -> bool:
    """True for a path below a folder of the other side."""
    return not set(places()["clients"]).isdisjoint(p.lower() for p in path.split("/")[:-1])


def _walk(workspace: Path, warnings: list[str]) -> Iterator[Found]:
    root = workspace.resolve()
    for folder, names, files in os.walk(root, followlinks=False):
        here = Path(folder)
        relative = here.relative_to(root).as_posix()
        names[:] = sorted(n for n in names if _enters(relative, n) and not (here / n).is_symlink())
        for name in sorted(files):
            if Path(name).suffix.lower() not in SUFFIXES:
                continue
            path = here / name
            shown = path.relative_to(root).as_posix()
            try:
                outside = path.is_symlink() and not path.resolve(strict=True).is_relative_to(root)
                readable = path.is_file()
            except (OSError, RuntimeError):  # a link that leads to itself, or to nothing
                warnings.append(f"{shown}: a link that leads nowhere; not read")
                continue
            if _UNCITABLE.search(shown):
                warnings.append(f"{shown!a}: a name that no plan can cite (hidden characters, or one of ` | < > #); not read: rename it")
            elif outside:
                warnings.append(f"{shown}: leads out of the workspace; not read")
            elif readable:
                yield Found(shown, path)


def _enters(parent: str, name: str) -> bool:
    known = places()
    if name in known["roots"]:
        return True
    if name.startswith(".") or name in known["skipped"]:
        return False
    # A plan's own folder and tests are not specs; inside a spec root such names may be features.
    return not (parent == "." and name in ("plan", "plans", "tests", "test"))
