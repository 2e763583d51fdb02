"""12. Small corpora of many languages, stacks and layouts, planned without a model: found, missed and made up."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common import call
from planagent.model import normalize_path

CORPORA = Path(__file__).resolve().parents[1] / "tests" / "corpora"
KINDS = ("operations", "records", "settings")


@dataclass(slots=True)
class Count:
    """Of one corpus: exit codes as they are and should be, and by kind the names that were missed and made up."""

    name: str
    exit: int
    right: int
    found: Counter[str] = field(default_factory=Counter)
    missed: dict[str, list[str]] = field(default_factory=dict)
    invented: dict[str, list[str]] = field(default_factory=dict)


def measure() -> Iterator[str]:
    counts = [count(folder) for folder in folders()]
    for one in counts:
        wrong = "" if one.exit == one.right else f"; exit {one.exit}, should be {one.right}"
        yield f"{one.name}: {', '.join(f'{one.found[k]} {k}' for k in KINDS)}{wrong}"
        for what, names in (("missed", one.missed), ("made up", one.invented)):
            if any(names.values()):
                yield f"  {what}: {', '.join(n for k in KINDS for n in names.get(k, ()))}"
    yield f"exit as it should be: {sum(c.exit == c.right for c in counts)} of {len(counts)}"
    for kind in KINDS:
        found, missed, invented = totals(counts, kind)
        yield f"{kind}: {found} found, {missed} missed, {invented} made up"


def folders() -> list[Path]:
    return sorted(p.parent for p in CORPORA.glob("*/right.json"))


def totals(counts: list[Count], kind: str) -> tuple[int, int, int]:
    """Found, missed and made up over all corpora."""
    return (
        sum(c.found[kind] for c in counts), sum(len(c.missed.get(kind, ())) for c in counts), sum(len(c.invented.get(kind, ())) for c in counts),
    )  # fmt: skip


def count(folder: Path) -> Count:
    right: dict[str, Any] = json.loads((folder / "right.json").read_text(encoding="utf-8"))
    with TemporaryDirectory() as place:
        root = Path(place) / folder.name
        shutil.copytree(folder / "in", root)
        made = Count(folder.name, call(root, "plan", "--offline").returncode, right["exit"])
        facts = json.loads(call(root, "facts", "--json").stdout or "{}")
    if made.right:
        return made  # what a rule takes for an operation there is told by the exit code
    words = {_alike(n) for n in right["in_words"]}
    for kind in KINDS:
        wanted = {_alike(n) for n in right[kind]}
        given = {_alike(s["name"]) for s in facts.get(kind, ()) if not _is_message(s)}
        made.found[kind] = len(wanted & given)
        made.missed[kind] = sorted(wanted - given - words)
        made.invented[kind] = sorted(given - wanted)
    return made


def _is_message(statement: dict[str, Any]) -> bool:
    return any(f["value"] == "message" and f["name"] in ("store", "note") for f in statement["facts"])


def _alike(name: str) -> str:
    """A name without what a base path, the direction of a channel, and ways to write a parameter make of it."""
    verb, _, path = name.partition(" ")
    if path.startswith("/"):
        path = re.sub(r"^(?:/(?:api|v\d))+(?=/)", "", path)
        return f"{verb} {normalize_path(path)}".lower()
    return normalize_path(verb if path in ("in", "out") else name).lower()
