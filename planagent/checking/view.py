"""A plan as the checks see it, whoever wrote it: tasks, lines of text and blocks, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from planagent.checking.code import Block
from planagent.checking.units import Unit, units_of_plan
from planagent.model import Finding

if TYPE_CHECKING:
    from planagent.plan.markdown_in import Located
    from planagent.plan.plan import Plan, Source

Format = Literal["planagent", "Spec Kit", "Task Master", "Markdown"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One task. `text` is all that it says, `proof` its done-when line."""

    id: str
    title: str
    line: int
    text: str
    needs: tuple[str, ...] = ()
    key: str = ""
    file: str = ""
    covers: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    condition: str = ""
    proof: str = ""
    proof_line: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """`plan` is set for this program's own format alone; `lines` has the line of each of its parts by their ids."""

    format: Format
    text: str
    entries: tuple[Entry, ...] = ()
    units: tuple[Unit, ...] = ()
    blocks: tuple[Block, ...] = ()
    plan: Plan | None = None
    lines: tuple[tuple[str, int], ...] = ()


def view_of_plan(located: Located, text: str) -> View:
    """The view of a plan in this program's format."""
    plan, at = located.plan, located.lines
    units = tuple(units_of_plan(plan, at, text))
    proofs = {(u.place, u.text): u.line for u in units if u.kind == "task"}
    entries = tuple(
        Entry(
            id=t.id, title=t.title, line=at.get(t.id, 0), text=" ".join((t.title, t.file, *t.steps, t.done_when)),
            needs=t.needs, key=t.key, file=t.file, covers=t.covers, sources=t.sources, condition=t.condition,
            proof=t.done_when, proof_line=proofs.get((t.id, t.done_when), 0),
        )
        for t in plan.tasks
    )  # fmt: skip
    return View("planagent", text, entries, units, blocks_of(text), plan, tuple(at.items()))


def blocks_of(text: str) -> tuple[Block, ...]:
    """Every fenced block of a Markdown text, found by its marks alone."""
    found: list[Block] = []
    opened: list[str] = []
    start, mark = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        head = line.strip()
        if not mark and head.startswith(("```", "~~~")):
            mark, start, opened = head[:3], number, [line]
        elif mark:
            opened.append(line)
            if head.startswith(mark) and not head.strip(mark[0]).strip():
                found.append(_block(start, opened))
                mark = ""
    if mark:
        found.append(_block(start, opened))
    return tuple(found)


def _block(start: int, lines: list[str]) -> Block:
    words = lines[0].strip().lstrip("`~").split()
    return Block(start, words[0].lower().strip("{}.") if words else "", tuple(lines))


def located(findings: Iterable[Finding], text: str) -> list[Finding]:
    """The findings with their columns, sorted by place in the file."""
    placed = list(findings)
    lines = text.split("\n") if placed else []
    for at, finding in enumerate(placed):
        if 0 < finding.line <= len(lines):
            line = lines[finding.line - 1]
            column = line.find(finding.excerpt) if finding.excerpt else -1
            if column < 0:  # nothing to point at: the whole line
                column = len(line) - len(line.lstrip())
            placed[at] = replace(finding, column=column + 1)
    return sorted(set(placed), key=lambda f: (f.line, f.column, f.rule, f.place, f.message))
