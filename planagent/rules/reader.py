"""Lines into statements by their shape: a method with its path, an id, a variable, a table of fields. The rest is handed on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from planagent.briefs.brief import Brief, Part
from planagent.briefs.read import ReadStage
from planagent.briefs.read_answer import ReadPart
from planagent.corpus.markdown import plain, split_cells
from planagent.corpus.read import PLACEHOLDER
from planagent.model import Corpus, Document, Passage, Unit
from planagent.rules.evidence import names_a_backend, of_client
from planagent.rules.fields import Fields, fields_in
from planagent.statements.forms import ROUTE, VARIABLE, binding, label_of
from planagent.statements.statement import Ref

_DEFINED = re.compile(r"^\W{0,4}\*\*`?([A-Z][A-Za-z0-9]+)`?\*\*(?:\s*\([^)]*\))?\s*[:：]\s*(.+)$")
_FIELD = re.compile(r"^`?([a-z_][A-Za-z0-9_]*)`?\s*(?:\(([^()]*)\))?$")
_ASSIGNED = re.compile(r"^\s*(?:-\s+|export\s+|ENV\s+)?[\"']?([A-Z][A-Z0-9_]{2,})=(?!=)")
_LOOKED_UP = re.compile(
    r"(?:process\.env\.|environ\[[\"']|environ\.get\([\"']|getenv\([\"']|\bENV\[[\"']|ENV\.fetch\([\"']|\benv\([\"']|\$\{)([A-Z][A-Z0-9_]{2,})\b"
)
"""A name in capitals is a setting where something assigns it without spaces, as shells do, or looks it up in the environment; an error
code and a constant look the same elsewhere."""
_ENV_FILE = re.compile(r"(?<![\w.])\.env(?![\w])")
_ENV_PLACE = re.compile(r"(?i)(?<![a-z])env(?:ironment)?(?![a-z])")
"""In a heading or a file's name. Where it is said otherwise, the lines are handed on, and nothing is lost."""
_CELL_NAME = re.compile(r"^[`*]*([A-Za-z_][A-Za-z0-9_.]*)[`*]*$")
_OPEN = re.compile(r"\[(?:NEEDS CLARIFICATION|TBD|TODO|OPEN QUESTION)\b|\[[^\]\[]{0,12}\?\]")
_DELTA = re.compile(r"^(ADDED|MODIFIED|REMOVED|RENAMED) Requirements$")


def read(brief: Brief) -> dict[str, Any]:
    """The answer to a reading brief."""
    stage, table = brief.payload
    reader = _Reader(stage, {ref: n for n, ref in enumerate(table, 1)})
    for part in brief.parts:
        reader.part(part)
    return {"statements": reader.statements, "dismissed": reader.dismissed, "rejected": []}


class _Reader:
    def __init__(self, stage: ReadStage, numbers: dict[Ref, int]) -> None:
        self._corpus = stage.corpus
        self._numbers = numbers
        self.statements: list[dict[str, Any]] = []
        self.dismissed: list[dict[str, Any]] = []
        self._backend = names_a_backend(stage)
        self._settings = set(_environment(stage.corpus))
        self._words: dict[str, frozenset[str]] = {}
        self._heads = Counter(plain(p.heading).lower() for d in stage.corpus.read for p in d.passages)

    def part(self, part: Part) -> None:
        one: ReadPart = part.payload
        mine = [(u, self._numbers[r]) for u, r in zip(one.units, one.refs, strict=True) if r in self._numbers]
        side = of_client(one.document)
        delta = next((m[1] for h in one.passage.trail if (m := _DELTA.match(h))), "")
        if side or delta == "REMOVED":
            self._dismiss([n for _, n in mine], "frontend" if side else "superseded")
            return
        self._dismiss([n for u, n in mine if u.kind == "comment"], "context")  # no reader sees them where the document is shown
        self._dismiss([n for u, n in mine if _is_unfilled(u)], "structure")
        mine = [(u, n) for u, n in mine if u.kind != "comment" and not _is_unfilled(u)]
        left = mine
        if self._backend:
            left = self._records(one, mine)
            left = [(u, n) for u, n in left if not self._shape(u, n)]
            left = self._labelled(one.document, left)
        if left:
            self._hand_on(one.passage, left)

    # -- shapes ---------------------------------------------------------------------------------

    def _shape(self, unit: Unit, number: int) -> bool:
        return self._operation(unit, number) or self._record(unit, number) or self._setting(unit, number) or self._question(unit, number)

    def _operation(self, unit: Unit, number: int) -> bool:
        found = [(m[1], m[2].partition("?")[0].rstrip(".:*")) for m in ROUTE.finditer(unit.text) if "://" not in m[0]]
        if unit.kind == "code":
            found = [f for f in found if re.match(rf"\s*{f[0]}\b", unit.text)]
        found = [f for f in dict.fromkeys(found) if len(f[1]) > 1 or f[1] == "/"]
        routes = [f for f in found if self._is_template(f[1])]
        if not routes:
            return False
        statuses = (
            [n for n in dict.fromkeys(re.findall(r"(?<![\w/.-])([1-5]\d\d)(?![\w%])", unit.text)) if _is_status(n)]
            if len(routes) == 1
            else []
        )
        for method, path in routes:
            facts = ["transport=http", *(f"status={s}" for s in statuses)]
            self._claim("operation", f"{method} {path}", [number], facts=facts)
        return True

    def _is_template(self, path: str) -> bool:
        """False for a path with a concrete id in it, which is an example of another."""
        parts = path.split("/")
        concrete = [p for p in parts if re.search(r"\d", p) and not re.fullmatch(r"v\d+|\{[^}]*\}|:\w+|<[^>]*>|[a-z]+\d", p)]
        if not concrete:
            return not re.search(r"[*…]|\.\.\.", path)
        return False

    def _record(self, unit: Unit, number: int) -> bool:
        match = _DEFINED.match(unit.text) if unit.kind == "text" else None
        if not match:
            return False
        parts = [p.strip().rstrip(".") for p in re.split(r",(?![^()]*\))", match[2])]
        fields = [_FIELD.match(p) for p in parts]
        if len(parts) < 2 or not all(fields):
            return False
        told = [f"field={f[1]}" + (f": {f[2]}" if f[2] else "") for f in fields if f]
        self._claim("record", match[1], [number], facts=told)
        return True

    def _setting(self, unit: Unit, number: int) -> bool:
        if unit.kind == "code":
            found = _ASSIGNED.match(unit.text)
        elif unit.kind == "row":
            found = _CELL_NAME.match(split_cells(unit.text)[0])
        else:
            found = re.match(r"^[`*]{1,4}([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[`*]{1,4}\s*(?:[:：=–—-]|$)", unit.text)
        if not found or found[1] not in self._settings:
            return False
        self._claim("setting", found[1], [number])
        return True

    def _question(self, unit: Unit, number: int) -> bool:
        if not _OPEN.search(unit.text):
            return False
        self._claim("question", label_of(unit.text) or "an open question", [number], modality="open")
        return True

    def _labelled(self, document: Document, left: Sequence[tuple[Unit, int]]) -> list[tuple[Unit, int]]:
        """A line that begins with an id is one rule, with all of its sentences; gives back what is left."""
        found: dict[int, str] = {}
        for unit, _ in left:
            label = label_of(unit.text) if unit.kind not in ("heading", "code") else ""
            if label and (" " not in label or label.partition(" ")[0] in self._series(document)):
                found.setdefault(unit.line, label)
        for line, label in found.items():
            self._claim("rule", label, [n for u, n in left if u.line == line])
        return [(u, n) for u, n in left if u.line not in found]

    def _series(self, document: Document) -> frozenset[str]:
        """Words that number things in a document (`Requirement 1`, `Requirement 2`); beside a single number stands a version or a product."""
        if document.path not in self._words:
            seen = {label_of(u.text) for u in document.units}
            heads = Counter(label.partition(" ")[0] for label in seen if " " in label)
            self._words[document.path] = frozenset(w for w, n in heads.items() if n > 1)
        return self._words[document.path]

    def _records(self, one: ReadPart, mine: Sequence[tuple[Unit, int]]) -> list[tuple[Unit, int]]:
        """A list of fields is a record's, where its owner is a name of its own; gives back what is left."""
        if self._is_operation(one):
            return list(mine)
        numbers, taken = {u.id: n for u, n in mine}, set[str]()
        for found in fields_in(one.document, one.passage, [u for u, _ in mine]):
            if self._is_thing(one.passage, found):
                store = ["note=message"] if found.sent else []
                self._claim(
                    "record", found.owner, [numbers[u.id] for u in found.units], facts=[*(f"field={f}" for f in found.fields), *store]
                )
                taken |= {u.id for u in found.units}
        return [(u, n) for u, n in mine if u.id not in taken]

    def _is_thing(self, passage: Passage, found: Fields) -> bool:
        """A heading that comes again (`Request body`) names a part of many things; one in words names a thing where its fields are kept."""
        if any(f.partition(":")[0] in self._settings for f in found.fields):
            return False
        heading = plain(passage.heading).lower()
        alone = self._heads[heading] == 1
        return (alone and found.kept) or (found.named and (alone or found.kept or found.owner.lower() != heading))

    def _is_operation(self, one: ReadPart) -> bool:
        """True where the fields are what an operation takes or gives."""
        return any(map(ROUTE.search, one.passage.trail)) or any(
            (m := ROUTE.search(u.text)) and not any(map(str.isalnum, u.text[: m.start()])) for u in one.units
        )

    # -- what is left ---------------------------------------------------------------------------

    def _hand_on(self, passage: Passage, left: Sequence[tuple[Unit, int]]) -> None:
        """What has no shape of its own is one statement with its heading's name: to be applied as it stands. Where nothing names a backend,
        nothing is said to bind one."""
        numbers = [n for _, n in left]
        obliges = self._backend and any(u.kind != "heading" and binding(u) for u, _ in left)
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


def _is_unfilled(unit: Unit) -> bool:
    """True for a line that holds nothing but places of a template which nobody filled."""
    left, places = PLACEHOLDER.subn("", unit.text)
    return places > 0 and unit.kind != "comment" and not any(c.isalnum() for c in left)


def _environment(corpus: Corpus) -> Iterator[str]:
    """Names that something reads from the environment, or that stand in a passage about a file `.env`."""
    for document in corpus.read:
        about = {u.passage for u in document.units if _ENV_FILE.search(u.text)}
        about |= {i for i, p in enumerate(document.passages) if any(map(_ENV_PLACE.search, (*p.trail, document.path)))}
        for unit in document.units:
            yield from _LOOKED_UP.findall(unit.text)
            if unit.kind == "code" and (found := _ASSIGNED.match(unit.text)) and ("_" in found[1] or unit.passage in about):
                yield found[1]
            elif unit.passage in about and unit.kind != "code":
                yield from VARIABLE.findall(unit.text)


def _is_status(text: str) -> bool:
    return int(text) in {int(s) for s in HTTPStatus}


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
