"""What was read and what became of it, as JSON and as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from planagent.known import Known
from planagent.model import Document
from planagent.statements.merge import seen_conflicts
from planagent.statements.proof import Account, accounts, doubtful
from planagent.statements.statement import KINDS, Statement, ranges

_PLURAL = {
    "operation": "operations", "record": "records", "setting": "settings", "rule": "rules", "quality": "qualities", "technology": "technologies",
    "integration": "integrations", "layout": "layout", "question": "questions", "passage": "passages",
}  # fmt: skip


def facts_as_json(known: Known) -> dict[str, Any]:
    """All statements by kind with their evidence."""
    corpus, reading = known.corpus, known.reading
    found: dict[str, Any] = {
        "workspace": corpus.name, "scope": corpus.scope, "read_by": known.by, "roots": list(corpus.roots),
        "documents": [
            {
                "path": d.path, "role": d.role, "why": d.why, "form": d.form, "feature": d.feature, "component": d.component, "left_out": d.left_out,
                "units": d.read_units,
            }
            for d in corpus.documents
        ],
    }  # fmt: skip
    for kind in KINDS:
        found[_PLURAL[kind]] = [_statement(known, s) for s in reading.statements if s.kind == kind]
    found["conflicts"] = [{"message": told, "statements": list(about)} for told, about in seen_conflicts(reading)]
    if known.plan:
        found["rulings"] = [
            {"id": r.id, "key": r.topic, "title": r.title, "found": r.statement, "default": r.default, "answer": r.answer, "waits": r.waits}
            for r in known.plan.rulings
        ]
    found["rejected"] = [{"name": n, "why": w} for n, w in reading.rejected]
    found["dismissed_doubtful"] = [{"file": f, "unit": u, "reason": d.reason, "looks": why} for (f, u), d, why in doubtful(corpus, reading)]
    found["warnings"] = [*corpus.warnings, *reading.notes]
    found["secrets"] = [{"file": p.file, "line": p.line} for p in corpus.secrets]
    return found


def _statement(known: Known, s: Statement) -> dict[str, Any]:
    return {
        "key": s.key, "name": s.name, "says": s.says, "modality": s.modality, "component": s.component, "feature": s.feature, "labels": list(s.labels),
        "facts": [{"name": n, "value": v} for n, v in s.facts], "left_out": list(s.left_out), "by": s.origin,
        "evidence": [{"file": p.file, "line": p.line, "end": max(p.line, p.end)} for p in s.places(known.corpus)],
    }  # fmt: skip


def facts_as_text(known: Known, *, conflicts_only: bool = False, columns: int = 0) -> Iterator[str]:
    """Counts, then a line for each statement, its first place at the end.

    Args:
        columns: of the terminal; 0 where lines need not fit.
    """
    corpus, reading = known.corpus, known.reading
    if not conflicts_only:
        counts = {kind: sum(s.kind == kind for s in reading.statements) for kind in KINDS}
        yield f"Read by {known.by}."
        yield f"{len(reading.statements):,} statements of {sum(d.read_units for d in corpus.read):,} units in {len(corpus.read):,} documents"
        yield from (f"  {_PLURAL[kind]:<14}{many:>6,}" for kind, many in counts.items() if many)
        yield f"Documents ({len(corpus.documents)}), below {', '.join(corpus.roots) or 'the workspace'}"
        for d in corpus.documents:
            yield f"  {d.path}" + (f"  left out: {d.left_out}" if d.left_out else f"  {d.form}, {d.read_units} units")
        for kind in KINDS:
            mine = [s for s in reading.statements if s.kind == kind]
            if mine:
                yield f"{_PLURAL[kind].capitalize()} ({len(mine)})"
                yield from (_line(known, s, columns) for s in mine)
    seen = seen_conflicts(reading)
    unread = any(s.origin == "rules" for s in reading.statements)
    yield f"Two values for one thing ({len(seen)}){': by form alone, for nobody has read the words' if unread else ''}"
    yield from (f"  {told} ({', '.join(about)})" for told, about in seen)
    questions = [s for s in reading.statements if s.kind == "question"] if conflicts_only else []
    if questions:
        yield f"Open in the specs ({len(questions)})"
        yield from (_line(known, s, columns) for s in questions)
    if known.plan:
        waiting = [r for r in known.plan.rulings if r.letter in "DG"]
        yield f"Decided in the plan ({len(waiting)})"
        yield from (f"  {r.id} {r.title}: {r.rule}" for r in waiting)


def _line(known: Known, s: Statement, columns: int) -> str:
    places = s.places(known.corpus)
    where = f"  {places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''}" if places else ""
    more = "" if s.modality == "must" else f" ({s.modality})"
    component = f" @{s.component}" if s.component else ""
    if columns:
        where = f"  {_shortened(where.strip(), columns // 2)}" if where else ""
        room = max(_FEWEST, columns - 2 - len(more) - len(component) - len(where))
        return f"  {textwrap.shorten(s.title, room, placeholder='…')}{more}{component}{where}"
    return f"  {s.title}{more}{component}{where}"


# -- coverage -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Row:
    """One document's coverage; numbers are of units. `missing` has no account, `unplanned` is claimed by what no task does."""

    path: str
    units: int = 0
    claimed: int = 0
    dismissed: int = 0
    handed_on: int = 0
    planned: int = 0
    done: int = 0
    missing: list[str] = field(default_factory=list)
    unplanned: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Percent of the units that have an account, and where a plan is, whose statements a task or a ruling does."""
        return 100.0 * (self.units - len(self.missing) - len(self.unplanned)) / self.units if self.units else 100.0


def coverage(known: Known) -> list[Row]:
    """The coverage of each document that was read."""
    plan = known.plan
    doing: set[str] = set()
    done: set[str] = set()
    if plan:
        doing = {c for t in plan.tasks for c in t.covers} | {c for r in plan.rulings for c in r.about} | {k for k, _ in plan.withdrawn}
        left = [t for t in plan.tasks if (not t.done and not t.condition) or t.again]
        done = {c for t in plan.tasks if t.done for c in t.covers} - {c for t in left for c in t.covers}
    unread = {s.key for s in known.reading.statements if s.kind == "passage" or s.origin == "rules"}
    return [_row(known, d, doing if plan else None, done, unread) for d in known.corpus.read]


def _row(known: Known, document: Document, doing: set[str] | None, done: set[str], unread: set[str]) -> Row:
    row = Row(document.path)
    for unit_id, account in accounts(known.reading, document).items():
        if document.by_id[unit_id].kind == "mark":
            continue
        row.units += 1
        if account is None:
            row.missing.append(unit_id)
        elif account.claimed:
            _count(row, unit_id, account, doing, done, unread)
        else:
            row.dismissed += 1
            row.reasons.setdefault(str(account.reason), []).append(unit_id)
    return row


def _count(row: Row, unit_id: str, account: Account, doing: set[str] | None, done: set[str], unread: set[str]) -> None:
    keys = set(account.claimed)
    row.claimed += 1
    row.handed_on += keys <= unread
    if doing is None:
        return
    if keys <= doing:
        row.planned += 1
        row.done += keys <= done
    else:
        row.unplanned.append(unit_id)


def total(rows: list[Row]) -> Row:
    """All documents as one."""
    found = Row("TOTAL")
    for row in rows:
        for name in ("units", "claimed", "dismissed", "handed_on", "planned", "done"):
            setattr(found, name, getattr(found, name) + getattr(row, name))
        found.missing += row.missing
        found.unplanned += row.unplanned
    return found


def coverage_as_json(known: Known, rows: list[Row]) -> dict[str, Any]:
    def data(row: Row) -> dict[str, Any]:
        places = {"missing": _runs(known, row, row.missing), "unplanned": _runs(known, row, row.unplanned)}
        reasons = {r: _runs(known, row, ids) for r, ids in row.reasons.items()}
        numbers = {n: getattr(row, n) for n in ("units", "claimed", "dismissed", "handed_on", "planned", "done")}
        return {"file": row.path, **numbers, "percent": round(row.share, 1), **places, "reasons": reasons}

    whole = total(rows)
    numbers = {n: getattr(whole, n) for n in ("units", "claimed", "dismissed", "handed_on", "planned", "done")}
    return {
        "read_by": known.by,
        "plan": known.plan is not None,
        "files": [data(r) for r in rows],
        "total": {**numbers, "missing": len(whole.missing), "unplanned": len(whole.unplanned), "percent": round(whole.share, 1)},
    }


_FIGURES = ("Units", 6), ("Claim", 6), ("Dismiss", 8), ("Unread", 7), ("Plan", 5), ("Done", 5), ("Miss", 5), ("Cover", 7)
"""Columns of figures with their widths, so that names of thirty letters fit beside them on a terminal."""
_SPARED = ("Claim", "Dismiss")
"""Columns that a narrow terminal does without."""
_FEWEST = 20
"""Characters of a document's name that are shown in any case."""


def coverage_as_text(known: Known, rows: list[Row], *, missing: bool, dismissed: bool, columns: int = 0) -> Iterator[str]:
    """The table of coverage.py, for specs.

    Args:
        columns: of the terminal; 0 where names need not fit.
    """
    narrow = columns and columns < _FEWEST + sum(size for _, size in _FIGURES)
    columns_shown = [n for n, (name, _) in enumerate(_FIGURES) if not (narrow and name in _SPARED)]
    names = "".join(f"{_FIGURES[n][0]:>{_FIGURES[n][1]}}" for n in columns_shown)
    width = max([len(r.path) for r in rows] + [8])
    if columns:
        width = min(width, max(_FEWEST, columns - len(names)))
    yield f"{'Document':<{width}}{names}"
    yield "-" * (width + len(names))
    for row in [*rows, total(rows)]:
        if row.path == "TOTAL":
            yield "-" * (width + len(names))
        gone = len(row.missing) + len(row.unplanned)
        planned, done = (str(row.planned), str(row.done)) if known.plan else ("-", "-")
        figures = (row.units, row.claimed, row.dismissed, row.handed_on, planned, done, gone, f"{row.share:.1f}%")
        yield f"{_shortened(row.path, width):<{width}}" + "".join(f"{figures[n]:>{_FIGURES[n][1]}}" for n in columns_shown)
        if missing and row.path != "TOTAL":
            for label, ids in (("no account", row.missing), ("no task", row.unplanned)):
                if ids:
                    yield f"    {label}: {_runs(known, row, ids)}"
        if dismissed:
            yield from (f"    {reason}: {_runs(known, row, ids)}" for reason, ids in row.reasons.items())


def _shortened(path: str, width: int) -> str:
    """A path whose end can be read, for it tells one document from another."""
    return path if len(path) <= width else f"…{path[len(path) - width + 1 :]}"


def _runs(known: Known, row: Row, ids: list[str]) -> str:
    places = ranges(known.corpus, ((row.path, i) for i in ids))
    return ", ".join(f"L{p.line}" + (f"-L{p.end}" if p.end > p.line else "") for p in places)
