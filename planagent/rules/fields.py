"""Lists of fields by their shape: the rows of a table, or the items of a list, that each begin with a name and have a type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planagent.corpus.markdown import plain, split_cells
from planagent.model import Document, Passage, Unit

_NAME = re.compile(r"^[`*_]*([A-Za-z_][A-Za-z0-9_.]*)\??[`*_]*\??$")
_ITEM = re.compile(
    r"^(?:[`*]+([A-Za-z_]\w*)\??[`*]+|([A-Za-z_]\w*)\??)\s*(?:\(([^()]+)\)\s*[:：.]?|[:：=]|\s[–—-]{1,2}\s)\s*(.*)$", re.DOTALL
)
_TYPE = re.compile(
    r"(?i)(?<![A-Za-z])(?:uuid|guid|ulid|u?int(?:eger)?\d*|bigint|smallint|long|serial|bigserial|float\d*|double|decimal|numeric|str(?:ing)?|text|"
    r"varchar|char|bool(?:ean)?|date|datetime|time(?:stamp)?(?:tz)?|instant|jsonb?|bytes|bytea|blob|enum|array|list|map|object|fk|pk)(?![A-Za-z])"
)
_KEPT = re.compile(
    r"(?i)(?<![A-Za-z])(?:pk|fk|primary[ _-]key|foreign[ _-]key|references|unique|not null|auto_?increment|(?:big)?serial)(?![A-Za-z])"
)
"""Words of SQL that nobody says of a message."""
_SENT = re.compile(r"(?:Request|Response|Dto|DTO|Input|Output|Payload|Params|Query|Event|Error|Command|Message|Result)$")
"""The endings by which code tells what is sent from what is kept."""
_HEAD_NAME = re.compile(r"(?:[\d.]+\s+|[^:：]*[:：]\s*)*`?([A-Za-z][A-Za-z0-9_]*)`?(?:\s*\([^)]*\))?")
_CODE_NAME = re.compile(r"(?<![\w`])`?([A-Za-z]\w*_\w+|[A-Z][a-z]+(?:[A-Z][a-z]+)+)`?(?!\w)|`([A-Za-z]\w*)`")
"""A name as code has it: in a span, with underscores, or in camel case."""
_NUMBER = re.compile(r"^(?:[\d.]+\s+|[\w.-]*\d[:：]\s*)+")
_OWNER = re.compile(
    r"^(?:\*\*`?([A-Za-z][A-Za-z0-9_]*)`?\*\*|`([A-Za-z][A-Za-z0-9_]*)`|\*\*`?([A-Za-z][A-Za-z0-9_]*)`?:\*\*)(?:\s*\([^)]*\))?\s*[:：]?$"
)
_TYPED = 0.8
"""This part of the entries has a type, or they are no fields."""
_LONGEST_NOTE, _MOST_WORDS, _LONGEST = 40, 4, 80


@dataclass(frozen=True, slots=True)
class Fields:
    """One list of fields; `owner` is the thing they belong to, as its line or heading names it."""

    owner: str
    fields: tuple[str, ...]
    units: tuple[Unit, ...]
    kept: bool
    """Something in it says that it is stored."""
    named: bool
    """The owner is one name, and no heading in words."""

    @property
    def sent(self) -> bool:
        """True for a message: by its name, or where nothing tells one from another of its kind."""
        own = any(re.match(r"_?(?:id|uuid|guid|pk)$|\w+_id$|\w+Id$", f.partition(":")[0]) for f in self.fields)
        return bool(_SENT.search(self.owner)) or not (self.kept or own)


def fields_in(document: Document, passage: Passage, units: Sequence[Unit]) -> Iterator[Fields]:
    """The lists of fields of a passage, each with its owner."""
    for rows in _together([u for u in units if u.kind == "row"]):
        table = _table(rows)
        if table:
            yield _made(passage, "", table, rows)
    yield from _lists(document, passage, [u for u in units if u.kind == "text"])


def _made(passage: Passage, owner: str, fields: Sequence[str], units: Sequence[Unit]) -> Fields:
    name = _HEAD_NAME.fullmatch(plain(passage.heading)) if not owner else None
    spans = [a or b for a, b in _CODE_NAME.findall(passage.heading)]
    one = owner or (name[1] if name else spans[0] if len(spans) == 1 else "")
    kept = any(_KEPT.search(u.text) for u in units)
    return Fields(one or _NUMBER.sub("", plain(passage.heading)), tuple(fields), tuple(units), kept, bool(one))


def _together(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Rows of one table each."""
    found: list[Unit] = []
    for unit in units:
        if found and unit.line > found[-1].end + 1:
            yield found
            found = []
        found.append(unit)
    if found:
        yield found


def _table(rows: Sequence[Unit]) -> list[str]:
    """The fields of a table that has a column of names and, behind or before it, one of types; none where it is another table."""
    cells = [tuple(map(plain, split_cells(r.text))) for r in rows]
    columns = min(map(len, cells))
    types = next((c for c in range(columns) if sum(bool(_type(r[c])) for r in cells) >= _TYPED * len(rows)), None)
    names = next((c for c in range(columns) if c != types and all(_NAME.match(r[c]) for r in cells)), None)
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


def _notes(cells: Iterable[str]) -> list[str]:
    """What a field has beside its name and type, but for sentences: these stand in the lines."""
    return [c for c in cells if c and _is_note(c)]


def _is_note(text: str) -> bool:
    return len(text) <= _LONGEST_NOTE and len(text.split()) <= _MOST_WORDS


def _lists(document: Document, passage: Passage, units: Sequence[Unit]) -> Iterator[Fields]:
    """Items of lists below one name, in a line of its own or in the heading."""
    by_line: dict[int, list[Unit]] = {}
    for unit in units:
        by_line.setdefault(unit.line, []).append(unit)
    owner, owned = "", 0
    found: list[tuple[list[Unit], str]] = []
    indents = {n: _indent(document.lines[n - 1]) for n in by_line}
    for number in sorted(by_line):
        said = by_line[number]
        name, field = _OWNER.match(said[0].text.strip()), _item(said)
        if name or (found and not field) or (found and owner and indents[number] < owned):
            yield from _of_list(passage, owner, found)
            owner, found = "", []
        if name:
            owner, owned = name[1], indents[number]
        elif field and _is_item(document.lines[number - 1]):
            found.append((said, field))
    yield from _of_list(passage, owner, found)


def _of_list(passage: Passage, owner: str, found: Sequence[tuple[list[Unit], str]]) -> Iterator[Fields]:
    if len(found) > 1:
        yield _made(passage, owner, [f for _, f in found], [u for said, _ in found for u in said])


def _item(said: Sequence[Unit]) -> str:
    """`name: type, notes` of a list's item; '' where it is no field."""
    match = _ITEM.match(said[0].text.strip())
    if not match:
        return ""
    name, rest = match[1] or match[2], plain(match[3] or match[4])
    told = _TYPE.search(rest[:_LONGEST])
    if not told or (not match[3] and told.start() > _LONGEST // 4):
        return ""
    kind, *more = (p.strip() for p in re.split(r"[,;，、](?![^()]*\))", rest))
    shown = kind if told.end() <= len(kind) and _is_note(kind) else rest[: told.end()].strip()
    return f"{name}: {', '.join((shown, *_notes(more)))}"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_item(line: str) -> bool:
    return line.lstrip()[:1] in ("-", "*", "+", "•")
