"""Lines into statements by their shape: a method with its path, an id, a variable, a table of fields. The rest is handed on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from planagent.briefs.brief import Brief, Part
from planagent.briefs.read_answer import ReadPart
from planagent.corpus.discover import of_client
from planagent.corpus.markdown import plain
from planagent.corpus.read import PLACEHOLDER
from planagent.model import Document, Passage, Unit
from planagent.rules.evidence import Surroundings
from planagent.rules.fields import Fields, fields_in, head_name
from planagent.rules.routes import labelled, routes_in, statuses_in, without_base
from planagent.rules.settings import settings_in
from planagent.statements.forms import ROUTE, binding, label_of
from planagent.statements.statement import Ref

_OPEN = re.compile(r"\[(?:NEEDS CLARIFICATION|TBD|TODO|OPEN QUESTION)\b|\[[^\]\[]{0,12}\?\]")
_ENTRY = re.compile(r"\W*\[[^\]]*\]\(#[^)]*\)\W*")
_DELTA = re.compile(r"^(ADDED|MODIFIED|REMOVED|RENAMED) Requirements$")


def read(brief: Brief, known: Surroundings) -> dict[str, Any]:
    """The answer to a reading brief."""
    _, table = brief.payload
    reader = _Reader(known, {ref: n for n, ref in enumerate(table, 1)})
    for part in brief.parts:
        reader.part(part)
    return {"statements": reader.statements, "dismissed": reader.dismissed, "rejected": []}


class _Reader:
    def __init__(self, known: Surroundings, numbers: dict[Ref, int]) -> None:
        self._known = known
        self._numbers = numbers
        self.statements: list[dict[str, Any]] = []
        self.dismissed: list[dict[str, Any]] = []

    def part(self, part: Part) -> None:
        one: ReadPart = part.payload
        mine = [(u, self._numbers[r]) for u, r in zip(one.units, one.refs, strict=True) if r in self._numbers]
        delta = next((m[1] for h in one.passage.trail if (m := _DELTA.match(h))), "")
        if delta == "REMOVED":
            self._dismiss([n for _, n in mine], "superseded")
            return
        self._dismiss([n for u, n in mine if u.kind == "comment"], "context")  # no reader sees them where the document is shown
        self._dismiss([n for u, n in mine if _says_nothing(u)], "structure")
        mine = [(u, n) for u, n in mine if u.kind != "comment" and not _says_nothing(u)]
        left = mine
        if self._known.backend:
            left = self._records(one, self._labelled_routes(mine))
            calls = of_client(one.document.path)  # a table of what a client calls defines none of it
            left = [(u, n) for u, n in left if (calls and u.kind == "row") or not self._shape(one.document, u, n)]
            left = self._labelled(one.document, left)
        if left and of_client(one.document.path) and not self._is_operation(one):
            self._dismiss([n for _, n in left], "frontend")
        elif left:
            self._hand_on(one.passage, left)

    # -- shapes ---------------------------------------------------------------------------------

    def _shape(self, document: Document, unit: Unit, number: int) -> bool:
        """True where a line's shape says all of it. What binds all work (`every route but GET /health`) is more than what it names."""
        if self._operation(unit, number):
            return document.role != "constitution"
        return self._setting(unit, number) or self._question(unit, number)

    def _operation(self, unit: Unit, number: int) -> bool:
        routes = list(dict.fromkeys(without_base(r, self._known.contracts) for r in routes_in(unit)))
        statuses = statuses_in(unit) if len(routes) == 1 else []
        for method, path in routes:
            self._claim("operation", f"{method} {path}", [number], facts=["transport=http", *(f"status={s}" for s in statuses)])
        return bool(routes)

    def _setting(self, unit: Unit, number: int) -> bool:
        names = settings_in(unit, self._known.settings)
        for name in names:
            self._claim("setting", name, [number])
        return bool(names)

    def _question(self, unit: Unit, number: int) -> bool:
        if not _OPEN.search(unit.text):
            return False
        self._claim("question", label_of(unit.text) or "an open question", [number], modality="open")
        return True

    def _labelled_routes(self, mine: Sequence[tuple[Unit, int]]) -> list[tuple[Unit, int]]:
        """Claims the operations that two lines tell; gives back what is left."""
        numbers, taken = {u.id: n for u, n in mine}, set[str]()
        for (method, path), pair in labelled([u for u, _ in mine]):
            self._claim("operation", f"{method} {path}", [numbers[u.id] for u in pair], facts=["transport=http"])
            taken |= {u.id for u in pair}
        return [(u, n) for u, n in mine if u.id not in taken]

    def _labelled(self, document: Document, left: Sequence[tuple[Unit, int]]) -> list[tuple[Unit, int]]:
        """A line that begins with an id is one rule, with all of its sentences; gives back what is left."""
        found: dict[int, str] = {}
        for unit, _ in left:
            label = label_of(unit.text) if unit.kind not in ("heading", "code") else ""
            if label and (" " not in label or label.partition(" ")[0] in self._known.series(document)):
                found.setdefault(unit.line, label)
        for line, label in found.items():
            self._claim("rule", label, [n for u, n in left if u.line == line])
        return [(u, n) for u, n in left if u.line not in found]

    def _records(self, one: ReadPart, mine: Sequence[tuple[Unit, int]]) -> list[tuple[Unit, int]]:
        """A list of fields is a record's, where its owner is a name of its own; gives back what is left."""
        if self._is_operation(one):
            return list(mine)
        numbers, taken = {u.id: n for u, n in mine}, set[str]()
        for found in fields_in(one.document, one.passage, [u for u, _ in mine]):
            owner = self._owner(one, found)
            if owner:
                kept = not found.sent and (found.sql or found.known or owner.islower() or self._beside_things(one))
                facts = [*(f"field={f}" for f in found.fields), *([] if kept else ["note=message"])]
                self._claim("record", owner, [numbers[u.id] for u in found.units], facts=facts)
                taken |= {u.id for u in found.units}
        return [(u, n) for u, n in mine if u.id not in taken]

    def _owner(self, one: ReadPart, found: Fields) -> str:
        """What a list of fields belongs to; '' where that is no thing of its own: a heading that comes again names a part of many things
        (`Request body`), and a name among words is a thing's where its fields are those of a table."""
        if any(f.partition(":")[0] in self._known.settings for f in found.fields):
            return ""
        heading, trail = plain(one.passage.heading), one.passage.trail
        parents = self._known.heads[one.document.path, heading.lower()]
        if found.owner == heading and len(parents) > 1:
            return head_name(trail[-2]) if found.sql and len(trail) > 1 else ""
        if found.named:
            # One capitalized word may be the name of a thing or of a part of one (`Fields`): what it has must tell.
            sure = found.sql or found.known or found.owner.islower() or any(map(str.isupper, found.owner[1:])) or self._beside_things(one)
            return found.owner if sure else ""
        return found.owner if found.sql or (found.owner != heading and self._beside_things(one, sql=True)) else ""

    def _beside_things(self, one: ReadPart, *, sql: bool = False) -> bool:
        """True where one of the lists of fields under the same heading is of something that is kept.

        Args:
            sql: only by what is said of tables alone.
        """
        found = self._known.kept(one.document).get(one.passage.trail[:-1])
        return found is not None and (found or not sql)

    def _is_operation(self, one: ReadPart) -> bool:
        """True where the fields are what an operation takes or gives."""
        return any(map(ROUTE.search, one.passage.trail)) or any(
            u.kind != "row" and (m := ROUTE.search(u.text)) and not any(map(str.isalnum, u.text[: m.start()])) for u in one.units
        )

    # -- what is left ---------------------------------------------------------------------------

    def _hand_on(self, passage: Passage, left: Sequence[tuple[Unit, int]]) -> None:
        """What has no shape of its own is one statement with its heading's name: to be applied as it stands. Where nothing names a backend,
        nothing is said to bind one."""
        numbers = [n for _, n in left]
        obliges = self._known.backend and any(u.kind != "heading" and binding(u) for u, _ in left)
        name = " › ".join(passage.trail[-2:]) or passage.heading
        self._claim("rule" if obliges else "passage", name, numbers)

    def _claim(self, kind: str, name: str, numbers: Sequence[int], *, modality: str = "must", facts: Sequence[str] = ()) -> None:
        self.statements.append(
            {
                "kind": kind, "modality": modality, "at": _runs(numbers), "name": name, "says": "", "facts": list(facts), "component": "",
                "left_out": [], "key": "",
            }
        )  # fmt: skip

    def _dismiss(self, numbers: Sequence[int], why: str) -> None:
        if numbers:
            self.dismissed.append({"at": _runs(numbers), "why": why, "of": ""})


def _says_nothing(unit: Unit) -> bool:
    """True for a line that holds nothing but places of a template which nobody filled, and for an entry of a table of contents."""
    if _ENTRY.fullmatch(unit.text.strip()):
        return True
    left, places = PLACEHOLDER.subn("", unit.text)
    return places > 0 and unit.kind != "comment" and not any(c.isalnum() for c in left)


def _runs(numbers: Sequence[int]) -> str:
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in _pairs(numbers))


def _pairs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = last = None
    for number in sorted(numbers):
        if last is not None and number == last + 1:
            last = number
            continue
        if start is not None and last is not None:
            yield start, last
        start = last = number
    if start is not None and last is not None:
        yield start, last
