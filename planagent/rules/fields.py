"""Lists of fields by their shape: the rows of a table, or the items of a list, that each begin with a name and have a type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planagent.corpus.markdown import plain, split_cells
from planagent.model import Document, Passage, Unit

_TYPE = re.compile(
    r"(?i)(?<![A-Za-z])(?:uuid|guid|ulid|u?int(?:eger)?\d*|bigint|smallint|tinyint|long|(?:big)?serial|float\d*|double|decimal|numeric|str(?:ing)?|text|"
    r"varchar|char|bool(?:ean)?|date|datetime|time(?:stamp)?(?:tz)?|instant|jsonb?|bytes|bytea|blob|enum|array|list|map|object|fk|pk|"
    r"[a-z]+field|[a-z]+key(?=\())(?![A-Za-z])"
)
_SQL = re.compile(
    r"(?i)(?<![A-Za-z])(?:pk|fk|primary[ _-]key|foreign[ _-]key|references|unique|not null|auto_?increment|(?:big)?serial|varchar|bigint|smallint|"
    r"tinyint|timestamptz|jsonb|bytea)(?![A-Za-z])"
)
"""Words and types of SQL that nobody says of a message."""
_OWN_ID = re.compile(r"_?(?:id|uuid|guid|pk)(?!\w)")
_SENT = re.compile(r"(?:Request|Response|Dto|DTO|Input|Output|Payload|Params|Query|Event|Error|Command|Message|Result)$")
"""The endings by which code tells what is sent from what is kept."""

_CELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\??")
_ITEM = re.compile(
    r"^(?:[`*]+([A-Za-z_]\w*)\??[`*]+|([A-Za-z_]\w*(?:\s?[,/]\s?[A-Za-z_]\w*)*)\??)"
    r"\s*(?:\(([^()]+)\)\s*[:：.]?|[:：=]|\s[–—-]{1,2}\s)\s*(.*)$",
    re.DOTALL,
)
_DEFINED = re.compile(r"^\W{0,4}\*\*`?([A-Za-z]\w*)`?\*\*(?:\s*\((?:`(\w+)`|[^)]*)\))?\s*([:：]|\s[–—-]{1,2}\s)\s*(.+)$", re.DOTALL)
_PART = re.compile(r"^(?:`([A-Za-z_]\w*)`|([a-z_][A-Za-z0-9_]*)(?=\s*\(|$))\s*(?:\(([^()]*)\)|(.*))$", re.DOTALL)
_BREAK, _STOP = (re.compile(rf"[{marks}](?![^()]*\))") for marks in (",;，；、", ";；"))
_LABEL = r"(?:[\d.]+\s+|[^:：]*[:：]\s*)*"
_HEAD_NAME = re.compile(rf"{_LABEL}`?([A-Za-z][A-Za-z0-9_]*)`?(?:\s*\([^)]*\))?")
_CODE_NAME = re.compile(r"(?<![\w`])`?([A-Za-z]\w*_\w+|[A-Z][a-z]+(?:[A-Z][a-z]+)+)`?(?!\w)|`([A-Za-z]\w*)`")
"""A name as code has it: in a span, with underscores, or in camel case."""
_OWNER = re.compile(r"^\*\*`?([A-Za-z][A-Za-z0-9_]*)`?[:：]?\*\*(?:\s*\([^)]*\))?\s*[:：]?$")
_LISTED = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")

_TYPED, _MOSTLY = 0.8, 0.6
"""This part of a table's rows, and of a list's items, has a type, or they are no fields."""
_LONGEST_NOTE, _MOST_WORDS, _LONGEST = 40, 4, 80


@dataclass(frozen=True, slots=True)
class Fields:
    """One list of fields; `owner` is the thing they belong to, as its line or heading names it."""

    owner: str
    fields: tuple[str, ...]
    units: tuple[Unit, ...]
    sql: bool
    """Something in it is said of tables only."""
    known: bool
    """One of them is a name by which others know it."""
    named: bool
    """The owner is all that its line or heading says, and not a name among words."""

    @property
    def sent(self) -> bool:
        """By its name it is a message."""
        return bool(_SENT.search(self.owner))


def fields_in(document: Document, passage: Passage, units: Sequence[Unit]) -> Iterator[Fields]:
    """The lists of fields of a passage, each with its owner."""
    for rows in _tables([u for u in units if u.kind == "row"]):
        told = _of_table(rows)
        if told:
            yield _below(document, passage, told, rows)
    by_line: dict[int, list[Unit]] = {}
    for unit in units:
        if unit.kind == "text":
            by_line.setdefault(unit.line, []).append(unit)
    sentences = {n: found for n, said in by_line.items() if (found := _of_sentence(said[0]))}
    yield from sentences.values()
    yield from _of_lists(document, passage, {n: said for n, said in by_line.items() if n not in sentences})


def head_name(heading: str) -> str:
    """The one name that a heading says, '' where it says more or less."""
    found = _HEAD_NAME.fullmatch(plain(heading))
    return found[1] if found else ""


def _below(document: Document, passage: Passage, fields: Sequence[str], units: Sequence[Unit]) -> Fields:
    """Fields that belong to what the heading names."""
    line = document.lines[passage.start - 1]
    written = line if passage.heading in plain(line) else passage.heading
    name, codes = head_name(passage.heading), [a or b for a, b in _CODE_NAME.findall(written)]
    owner = name or (codes[0] if len(codes) == 1 else re.sub(rf"^{_LABEL}", "", plain(passage.heading)))
    return _made(owner, fields, units, named=bool(name))


def _made(owner: str, fields: Sequence[str], units: Sequence[Unit], *, named: bool) -> Fields:
    sql, known = any(_SQL.search(u.text) for u in units), any(map(_OWN_ID.match, fields))
    return Fields(owner, tuple(fields), tuple(units), sql, known, named)


# -- tables -------------------------------------------------------------------------------------


def _tables(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Rows of one table each."""
    found: list[Unit] = []
    for unit in units:
        if found and unit.line > found[-1].end + 1:
            yield found
            found = []
        found.append(unit)
    if found:
        yield found


def _of_table(rows: Sequence[Unit]) -> list[str]:
    """The fields of a table that has a column of names and, behind or before it, one of types; none where it is another table."""
    cells = [tuple(map(plain, split_cells(r.text))) for r in rows]
    columns = min(map(len, cells))
    types = next((c for c in range(columns) if sum(bool(_type(r[c])) for r in cells) >= _TYPED * len(rows)), None)
    names = next((c for c in range(columns) if c != types and all(_CELL_NAME.fullmatch(r[c]) for r in cells)), None)
    if types is None or names is None or len({r[names] for r in cells}) < len(rows):
        return []
    counted = [c for c in range(columns) if all(r[c] == str(n) for n, r in enumerate(cells, 1))]
    rest = [c for c in range(max(map(len, cells))) if c not in (names, types, *counted)]
    return [f"{r[names]}: {', '.join((_type(r[types]) or r[types], *_notes(r[c] for c in rest if c < len(r))))}" for r in cells]


def _type(text: str) -> str:
    """A type with what belongs to it; '' where a text is none."""
    found = _TYPE.search(text[:_LONGEST])
    if not found or not (_is_note(text) or found.start() <= _MOST_WORDS):
        return ""
    return text if _is_note(text) else text[: found.end()]


def _notes(told: Iterable[str]) -> list[str]:
    """What a field has beside its name and type, but for sentences: these stand in the lines."""
    parts = ([t] if _is_note(t) else [p.strip() for p in _BREAK.split(t)] for t in told if t)
    return [p for found in parts if all(map(_is_note, found)) for p in found if p]


def _is_note(text: str) -> bool:
    return len(text) <= _LONGEST_NOTE and len(text.split()) <= _MOST_WORDS


# -- sentences and lists ------------------------------------------------------------------------


def _of_sentence(unit: Unit) -> Fields | None:
    """`**Boat** (`boats`): `id`, `name` (unique); `seats` integer`; None where a sentence is another."""
    match = _DEFINED.match(unit.text)
    if not match:
        return None
    for mark in (_STOP, _BREAK):
        parts = [p.strip().rstrip(".") for p in mark.split(match[4])]
        found = [f for p in parts if (f := _PART.match(p))]
        marked = sum(bool(f[1]) for f in found)
        plainly = len(found) == len(parts) and match[1][0].isupper() and match[3] in (":", "：")
        if len(found) > 1 and (plainly or marked >= _TYPED * len(parts)):
            told = [(f[1] or f[2], plain(f[3] or f[4] or "")) for f in found]
            fields = tuple(f"{name}: {rest}" if rest and _is_note(rest) else name for name, rest in told)
            return Fields(match[2] or match[1], fields, (unit,), sql=True, known=True, named=True)
    return None


@dataclass(frozen=True, slots=True)
class _Item:
    """One item that may be a field: the sentences of its line, `name: notes`, and whether it has a type or is a term over its definition."""

    said: Sequence[Unit]
    field: str
    typed: bool
    term: bool


def _of_lists(document: Document, passage: Passage, by_line: dict[int, list[Unit]]) -> Iterator[Fields]:
    """Items of lists below one name, in a line of its own or in the heading."""
    owner, owned = "", 0
    found: list[_Item] = []

    def finished() -> Iterator[Fields]:
        terms = any("_" in i.field.partition(":")[0] for i in found) and all(i.term for i in found)
        if len(found) > 1 and (terms or sum(i.typed for i in found) >= _MOSTLY * len(found)):
            fields, units = [i.field for i in found], [u for i in found for u in i.said]
            yield _made(owner, fields, units, named=True) if owner else _below(document, passage, fields, units)

    for number, said in sorted(by_line.items()):
        line = document.lines[number - 1]
        indent, item = len(line) - len(line.lstrip()), _item(document.lines, said)
        name = None if item and item.typed else _OWNER.match(said[0].text.strip())
        if name or (found and not item) or (found and owner and indent < owned):
            yield from finished()
            owner, found = "", []
        if name:
            owner, owned = name[1], indent
        elif item:
            found.append(item)
    yield from finished()


def _item(lines: Sequence[str], said: Sequence[Unit]) -> _Item | None:
    term = said[0].end > said[0].line and lines[said[0].line].lstrip().startswith(":")
    match = _ITEM.match(said[0].text.strip()) if term or _LISTED.match(lines[said[0].line - 1]) else None
    if not match:
        return None
    name = " ".join((match[1] or match[2]).split())
    parts = [p.strip() for p in _BREAK.split(plain(match[3] or match[4]))]
    kinds = [p if _is_note(p) else m[0] for p in parts[:2] if (m := _TYPE.match(p))]
    notes = _notes(kinds[0] if kinds and p.startswith(kinds[0]) else p for p in parts)
    return _Item(said, f"{name}: {', '.join(notes)}" if notes else name, bool(kinds), term)
