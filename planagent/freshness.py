"""What a plan was made from, in hashes that stand in the plan itself. Light: nothing is read but bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from planagent import __version__
from planagent.corpus.sources import Sources
from planagent.data import prompts_folder
from planagent.settings import Settings

FORMAT = "planagent plan, format 2"
OWN = "<!-- planagent plan, format "
"""How a file of this program's own format begins, whichever its number."""
_HEAD = re.compile(rf"<!-- {re.escape(FORMAT)}; next task (\d+)((?:; \w+ [^\s;]+)*) -->")


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a plan file."""

    next_task: int
    state: str = ""
    writer_id: str = ""
    text: str = ""
    """Hash of what follows, whichever tasks are ticked."""

    def __str__(self) -> str:
        known = (("state", self.state), ("writer", self.writer_id), ("text", self.text))
        return f"<!-- {FORMAT}; next task {self.next_task}" + "".join(f"; {n} {v or '-'}" for n, v in known) + " -->"

    @classmethod
    def parse(cls, line: str) -> Head | None:
        """The inverse of `str`; None for a line of another kind."""
        match = _HEAD.match(line)
        if not match:
            return None
        made = dict(re.findall(r"; (\w+) ([^\s;]+)", match[2]))
        state, writer, text = (made.get(n, "-").removeprefix("-") for n in ("state", "writer", "text"))
        return cls(int(match[1]), state, writer, text)


RESTORE = "Restore it from version control. Move it away to plan anew: tasks are then numbered from the start, and ticks are lost."


def damage(text: str, found: str) -> str:
    """What is wrong with a file that should be a plan."""
    lines = text.split("\n")
    marker = next((n for n, line in enumerate(lines, 1) if line.startswith(("<<<<<<< ", ">>>>>>> "))), 0)
    if marker:
        return f"line {marker} is a mark of a merge that was not finished."
    if text.startswith(OWN) and not text.startswith(f"<!-- {FORMAT};"):
        other = text[len(OWN) :].partition(";")[0][:8]
        return f"a plan of format {other}, which another version of this program made; this one has {FORMAT.rpartition(' ')[2]}."
    return f"no whole plan of this program ({(found.splitlines() or [''])[0]})."


def lines_of(text: str) -> Iterator[str]:
    """The lines of a text one by one: a list of all would take many times its size."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


_TICKED = ("  - Forced: ", "  - Look again: ")
"""Lines that go with a tick."""


def text_digest(body: str) -> str:
    """Hash of a plan's text below its first line; ticks and their reasons, line ends and space at the end do not count."""
    # The hash of a list of lines as JSON, without the list: of a plan of many megabytes that would be hundreds.
    state, between = hashlib.sha256(b"["), b""
    for line in lines_of(body.rstrip()):
        if not line.startswith(_TICKED):
            state.update(between + json.dumps(unticked(line), ensure_ascii=False).encode())
            between = b", "
    state.update(b"]")
    return state.hexdigest()[:12]


def unticked(line: str) -> str:
    return re.sub(r"^- \[[xX]\] ", "- [ ] ", line.rstrip())


def state_of(settings: Settings, sources: Sources) -> str:
    """Hash of everything but the writer that can change a plan: documents, settings, answers, this program."""
    return _hash(
        [
            __version__, prompts_digest(), sources.identity, settings.scope, settings.feature, sorted(settings.decisions.items()),
            list(settings.overrides),
        ]
    )[:16]  # fmt: skip


def writer_of(identity: dict[str, Any]) -> str:
    """Hash of a writer's identity."""
    return _hash(identity)[:12]


@cache
def prompts_digest() -> str:
    """Hash of the checklists, layouts, rulings and prompts; the files for agents and forges change no plan."""
    return _hash(sorted(f for f in _files(prompts_folder(), "") if not f[0].startswith(("agents/", "ci/"))))


def _files(folder: Traversable | Path, prefix: str) -> list[tuple[str, str]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".md", ".toml")):
            found.append((prefix + entry.name, hashlib.sha256(entry.read_bytes()).hexdigest()))
    return found


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
