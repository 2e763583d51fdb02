"""What the page shows, from what is known: documents with the account of each line, tasks, decisions, order, the last change."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from planagent import __version__
from planagent.corpus.markdown import plain, split_cells
from planagent.known import Known
from planagent.model import Document, Unit
from planagent.plan.difference import Difference
from planagent.plan.plan import TITLE, Plan
from planagent.report.graph import BOX, COLUMN, EDGE, drawing, phases
from planagent.reporting import coverage, total
from planagent.statements.proof import Account, accounts

_CODE = re.compile(r"`([^`]+)`")
_FILES = ("report.css", "report.js")


@dataclass(frozen=True, slots=True)
class Line:
    """A unit of a document as it is shown: `state` is claimed, handed-on, missing or a reason of dismissal."""

    unit: Unit
    state: str
    statements: tuple[int, ...] = ()
    of: str = ""


def render_report(known: Known, difference: Difference | None = None) -> str:
    """The whole page. No spec text is markup in it, and nothing of it reaches the network.

    Args:
        difference: what the last re-plan changed, where that is known.
    """
    rows = coverage(known)
    numbers = {s.key: n for n, s in enumerate(known.reading.statements)}
    css, script = (_text(name) for name in _FILES)
    policy = "; ".join(
        (
            "default-src 'none'", f"style-src 'sha256-{_digest(css)}'", f"script-src 'sha256-{_digest(script)}'", "base-uri 'none'", "form-action 'none'",
        )
    )  # fmt: skip
    shown: Mapping[str, Any] = {
        "version": __version__, "known": known, "plan": known.plan, "title": _title(known), "policy": policy, "css": css, "script": script,
        "rows": rows, "total": total(rows), "statements": list(_statements(known)),
        "documents": [(r, list(_lines(known, d, numbers))) for r, d in zip(rows, known.corpus.read, strict=True)],
        "places": {d.path: n for n, d in enumerate(known.corpus.read)}, "left_out": [d for d in known.corpus.documents if d.left_out], "difference": difference, "drawing": drawing(known.plan.tasks if known.plan else ()),
        "done": sum(t.done for t in known.plan.tasks) if known.plan else 0, "waiting": _waiting(known.plan), "others": _others(known.plan),
        "by_rule": bool(known.plan and "handed on" in known.plan.read_share), "phases": phases(known.plan.tasks if known.plan else ()), "column": COLUMN, "box": BOX, "edge": EDGE,
    }  # fmt: skip
    page: str = _template().render(shown)
    return page


def _title(known: Known) -> str:
    title = known.plan.title if known.plan else ""
    return title if title not in ("", TITLE) else f"{title}: {known.corpus.name}".removeprefix(": ")


def _waiting(plan: Plan | None) -> list[Any]:
    """Rulings that a person should confirm."""
    return [r for r in plan.rulings if r.waits and not r.answer] if plan else []


def _others(plan: Plan | None) -> list[Any]:
    return [r for r in plan.rulings if not r.waits or r.answer] if plan else []


def _statements(known: Known) -> Iterator[dict[str, Any]]:
    """Each statement with its places and the tasks that do it."""
    doing: dict[str, list[str]] = {}
    for task in known.plan.tasks if known.plan else ():
        for key in task.covers:
            doing.setdefault(key, []).append(task.id)
    for ruling in known.plan.rulings if known.plan else ():
        for key in ruling.about:
            doing.setdefault(key, []).append(ruling.id)
    for one in known.reading.statements:
        yield {"one": one, "places": [str(p) for p in one.places(known.corpus)], "doing": doing.get(one.key, [])}


def _lines(known: Known, document: Document, numbers: Mapping[str, int]) -> Iterator[Line]:
    unread = {s.key for s in known.reading.statements if s.kind == "passage" or s.origin == "rules"}
    for unit_id, account in accounts(known.reading, document).items():
        unit = document.by_id[unit_id]
        if unit.kind != "mark":
            yield _line(unit, account, numbers, unread)


def _line(unit: Unit, account: Account | None, numbers: Mapping[str, int], unread: set[str]) -> Line:
    if account is None:
        return Line(unit, "missing")
    if account.claimed:
        state = "handed-on" if set(account.claimed) <= unread else "claimed"
        return Line(unit, state, tuple(numbers[k] for k in account.claimed if k in numbers))
    return Line(unit, str(account.reason), (), account.of)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return (resources.files("planagent") / "report" / name).read_text(encoding="utf-8").strip()


@cache
def _template() -> Any:
    import jinja2

    loader = jinja2.DictLoader({"report.html": _text("report.html.j2")})
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["marked"] = _marked
    environment.filters["shown"] = _shown
    return environment.get_template("report.html")


def _shown(unit: Unit) -> str:
    """A line as people read it: without its marks, cells side by side; code and data as they stand."""
    if unit.kind in ("code", "data"):
        return unit.text
    cells = split_cells(unit.text) if unit.kind in ("row", "header") else [unit.text]
    return " │ ".join(map(plain, cells)) or unit.text


def _marked(text: str) -> Any:
    """A text with its code marks as code; everything in it is escaped first."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped in the same line)
