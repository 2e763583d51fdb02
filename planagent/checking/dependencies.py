"""PA701 to PA706: cycles, dangling needs, double ids, order, and what is used before it is made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from planagent.checking.view import Entry
from planagent.model import Finding
from planagent.plan.graph import shortest_cycle

_PATH = re.compile(r"(?<![\w/.:@{])((?:[\w.-]+/)+[\w.-]+\.(?:py|ts|tsx|js|go|rs|java|kt|cs|php|rb|sql|ya?ml|toml))\b")
_MAKES = re.compile(r"(?i)^\W*(?:create|scaffold|generate|initiali[sz]e|bootstrap)\b")
_USES = re.compile(r"(?i)^\W*(?:register|update|extend|import|wire|use|integrate|call|modify|refactor|inject|connect|mount|include|hook)\b")


def check_dependencies(entries: Sequence[Entry]) -> Iterator[Finding]:
    """All findings on the tasks' graph and order."""
    yield from _ids(entries)
    needs = {e.id: tuple(n for n in e.needs if n != e.id) for e in entries}
    for entry in entries:
        if entry.id in entry.needs:
            yield _finding("PA706", entry, "needs itself", "Correct the need.", entry.id)
    cycle = shortest_cycle(needs)
    if cycle:
        first = next(e for e in entries if e.id == cycle[0])
        yield _finding("PA701", first, "dependency cycle: " + " → ".join(cycle), "Remove one of these needs.")
    yield from _order(entries, needs, cyclic=bool(cycle))
    yield from _used_before_made(entries)


def _finding(rule: str, entry: Entry, message: str, remedy: str, excerpt: str = "") -> Finding:
    return Finding(rule, entry.id, message, remedy, entry.line, entry.key, excerpt)


def _ids(entries: Sequence[Entry]) -> Iterator[Finding]:
    counts = Counter(e.id for e in entries)
    seen: set[str] = set()
    for entry in entries:
        if counts[entry.id] > 1 and entry.id in seen:
            yield _finding("PA703", entry, f"given {counts[entry.id]} times", "Number the tasks again, or plan again.", entry.id)
        seen.add(entry.id)


def _order(entries: Sequence[Entry], needs: dict[str, tuple[str, ...]], *, cyclic: bool) -> Iterator[Finding]:
    seen: set[str] = set()
    for entry in entries:
        for need in needs[entry.id]:
            if need not in needs:
                yield _finding("PA702", entry, f"needs {need}, which is no task", "Remove it or add the task.", need)
            elif need not in seen and not cyclic:
                yield _finding("PA704", entry, f"stands before {need}, which it needs", "Move it below.", need)
        seen.add(entry.id)


def _used_before_made(entries: Sequence[Entry]) -> Iterator[Finding]:
    makers: dict[str, int] = {}
    touched: set[str] = set()
    for index, entry in enumerate(entries):
        for path in _PATH.findall(entry.title):
            if path not in touched and _MAKES.search(entry.title):
                makers.setdefault(path, index)
            elif not _USES.search(entry.title):
                touched.add(path)  # something earlier writes into it: it exists by then
    for index, entry in enumerate(entries):
        if not _USES.search(entry.title):
            continue
        for path in dict.fromkeys(_PATH.findall(entry.text)):
            maker = makers.get(path, -1)
            if maker > index and path not in touched and entries[maker].id not in entry.needs:
                yield _finding(
                    "PA705",
                    entry,
                    f"uses {path}, which only {entries[maker].id} creates",
                    "Move it below that task, or declare the need.",
                    path,
                )
