"""Stored things: what code declares, column tables, headings with bullets, key entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from planagent.model import Entity, Evidence, Parameter, Side, unique_evidence
from planagent.reading.entity_code import NOT_ENTITY, Found, from_code
from planagent.reading.naming import entity_name
from planagent.reading.text import Line, plain

_KEY_ENTITY = re.compile(
    r"^\s*[-*+]\s+(?:\*\*|__)([^*_:：]{2,48}?)(?:\s*[（(][^)）]*[)）])?\s*[:：]?(?:\*\*|__)\s*[:：（(–-]?"
)
_FIELD_BULLET = re.compile(
    r"^\s*[-*+]\s+(?:\*\*)?`?([a-z_]\w*)`?(?:\*\*)?\s*(?:\(([^)]*)\)|[:：]\s*(.+)|[-–]\s*(.+)|(?<=`)\s+([A-Z]{3,}\b.*))\s*$",
    re.IGNORECASE,
)
_SECTION = re.compile(
    r"(?i)key entit|^entities|modelo de datos|modelo de dados|datenmodell|entidad|tablas|tabelas|data model|database|schema|entity|entities|tables?\b|models?\b|資料模型|資料表|實體|entidade"
)
_TABLE_HEADS = re.compile(
    r"(?i)^(column|columns|field|fields|attribute|property|name|column name|欄位|欄位名稱|字段|campo|coluna)"
)
_TYPE_HEAD = re.compile(r"(?i)type|型|類|tipo")
_ENTITY_HEADING = re.compile(
    r"(?i)^(?:\d+(?:\.\d+)*\.?\s*)?(?:(?:entity|table|model|table name|資料表|表)\s*[:：]\s*)?[`\"]?([A-Za-z][\w ]{1,40}?)[`\"]?"
    r"(?:\s*(?:[（(].*[)）]|table|model|entity|entities|schema|資料表|表|\(.*))*\s*$"
)
_MANAGED = re.compile(
    r"(?i)managed by ([\w ]{3,30})|([A-Z][\w ]{2,20}) manages (?:this|the)|do not modify directly"
)
_CONCEPT = re.compile(
    r"(?i)\b\w*(?:request|response|summary|metadata|token|error|intent|input|output|payload|data|header|endpoint|contract|service|"
    r"api|page|form|component|view|handler|credentials|middleware|state|result|upstream)s?$"
)
_TELLING = re.compile(r"(?i)\bunique\b|one of|\bdefault|at most|max|min|removed with|cascade|low, |enum")
_STOP = frozenset(
    [
        "overview",
        "relationships",
        "relationship",
        "indexes",
        "index",
        "constraints",
        "constraint",
        "notes",
        "migrations",
        "migration",
        "validation",
        "tables",
        "table",
        "entities",
        "entity",
        "schema",
        "schemas",
        "model",
        "models",
        "database",
        "fields",
        "columns",
        "rules",
        "examples",
        "example",
        "definition",
        "definitions",
        "description",
        "data",
        "types",
        "state",
        "states",
        "transitions",
        "queries",
        "query",
        "requirements",
        "dtos",
        "dto",
        "attributes",
        "properties",
        "summary",
        "references",
        "seed",
        "storage",
        "connection",
        "enums",
        "enum",
        "erd",
        "diagram",
        "purpose",
    ]
)


def find_entities(file: str, lines: list[Line], side: Side) -> Iterator[Found]:
    """Every entity that a document states; see `merge_entities` for which of them hold."""
    index = 0
    while index < len(lines):
        line = lines[index]
        found: Found | None = None
        if line.fence is not None:
            found = from_code(file, lines, index, side)
        elif line.cells and (index == 0 or not lines[index - 1].cells):
            found = _from_columns(file, lines, index, side)
        elif re.match(r"#{1,6}\s", line.text):
            found = _from_heading(file, lines, index, side)
        elif re.search(r"(?i)key entit|^entities|實體|entidades", line.heading) and _KEY_ENTITY.match(
            line.text
        ):
            found = _from_key_entity(file, lines, index, side)
        elif _NAMED_FIELDS.match(line.text) and _STORED_HEADING.search(line.heading):
            found = _from_named_fields(file, line, side)
        elif "`" in line.text and (named := _NAMED_TABLE.search(line.text)):
            found = Found(entity_name(named[1]), file, line.number, named[1], _listed(named[2]), side=side)
        if found and found.name:
            yield found
        index += 1


# `- **Cart**: id, userId (nullable), expiresAt` under a heading on data.
_NAMED_FIELDS = re.compile(
    r"^\s*[-*+]\s+\*\*`?([A-Z]\w{2,40})`?(?:\*\*\s*[:：–-]|[:：]\*\*)\s*((?:`?[a-z_]\w*`?[^,]{0,60},\s*){2,}.+)$"
)
_STORED_HEADING = re.compile(
    r"(?i)^(?:[\d.]+\s*)?(?:data|data models?|entities|tables|storage|persistence|datos|daten|dados)\b"
)
# "the table `x` holds a, b and c", "la tabla `x` (`a`, `b`)"
_NAMED_TABLE = re.compile(
    r"(?i)\b(?:table|tabla|tabela|tabelle)\s+`([a-z][a-z_]{2,40})`\s+(?:(?:holds?|stores?|keeps|contains|has|guarda|contiene|enthält|armazena)\s+([^.]+)|\(([^)]+)\))"
)


def _listed(text: str | None) -> list[Parameter]:
    """The plain names of a list of fields; phrases are none."""
    parts = re.split(r",\s*(?![^()]*\))|\s+and\s+|\s+y\s+|\s+und\s+", text or "")
    fields = [re.match(r"`?([a-z_]\w*)`?\s*(?:\((.*)\))?$", p.strip().rstrip(".")) for p in parts]
    return [Parameter(m[1], note=(m[2] or "")) for m in fields if m]


def _from_named_fields(file: str, line: Line, side: Side) -> Found | None:
    match = _NAMED_FIELDS.match(line.text)
    fields = _listed(match[2]) if match else []
    if not match or len(fields) < 2 or not {"id", "name"} & {f.name.lower() for f in fields}:
        return None
    if NOT_ENTITY.search(match[1]) and not any(f.name.lower() == "id" for f in fields):
        return None
    return Found(match[1], file, line.number, "", fields, side=side)


def _from_columns(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    """A table of columns under a heading that names the entity, or below a `Table Name:` label."""
    line = lines[index]
    if len(line.header) < 2 or not _TABLE_HEADS.match(line.header[0]):
        return None
    if not any(_TYPE_HEAD.search(h) for h in line.header[1:]):
        return None
    rows = []
    for row in lines[index:]:
        if not row.cells:
            break
        rows.append(_row_field(row))
    names = {r.name.lower() for r in rows}
    heading = _heading_name(line)
    if not heading or re.search(
        r"(?i)request|response|parameter|query|header|body|dto|payload|參數|回應|請求|欄位說明", line.under
    ):
        return None
    if not (any(n == "id" or n.endswith(("_id", "id", "_at")) for n in names) or _SECTION.search(line.under)):
        return None
    label = next(
        (
            m[1]
            for e in reversed(lines[max(0, index - 8) : index])
            if (m := re.search(r"(?i)table(?: name)?\W+`?(\w+)`", e.text))
        ),
        "",
    )
    name = entity_name(heading)
    if not name or (
        any(w in _STOP for w in heading.lower().split())
        and len(heading.split()) > 1
        and not re.search(r"(?i)\b(?:table|model|entity)s?$", heading)
    ):
        return None
    if name.lower() in _STOP or NOT_ENTITY.search(name):
        return None
    heading_line = next(
        (e.number for e in reversed(lines[:index]) if re.match(r"#{1,6}\s", e.text)), line.number
    )
    near = " ".join(e.text for e in lines[max(0, index - 6) : index + len(rows) + 4])
    managed = _MANAGED.search(near)
    owner = next((g.strip() for g in managed.groups() if g), "an outside library") if managed else ""
    table = label or (heading.lower() if re.fullmatch(r"[a-z_]+", plain(heading)) else "")
    return Found(name, file, heading_line, table, rows, side=side, managed_by=owner)


def _row_field(row: Line) -> Parameter:
    cells = [plain(c) for c in row.cells]
    pairs = dict(zip(row.header, cells, strict=False))
    kind = next((v for k, v in pairs.items() if _TYPE_HEAD.search(k)), "")
    note = "; ".join(
        v
        for k, v in list(pairs.items())[1:]
        if v and not _TYPE_HEAD.search(k) and ("descri" not in k or _TELLING.search(v))
    )
    required = True if re.search(r"(?i)not null|required|primary", note) else None
    return Parameter(cells[0] if cells else "", kind, required, note)


def _heading_name(line: Line) -> str:
    for heading in reversed(line.trail[-2:]):
        match = _ENTITY_HEADING.match(plain(heading))
        if match and match[1].strip().lower() not in _STOP and len(match[1].split()) <= 3:
            return match[1].strip()
        if plain(heading).lower().split()[0:1] and plain(heading).lower().rstrip("s") not in {
            "field",
            "column",
            "attribute",
            "schema",
            "propertie",
        }:
            return ""
    return ""


def _from_heading(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    """A heading like `## tasks table` or `### User` in a data model, with field bullets below it."""
    line = lines[index]
    title = plain(re.sub(r"^#{1,6}\s*", "", line.text))
    above = " / ".join(line.trail[:-1]).lower() + " " + file.lower()
    named = re.search(r"(?i)\b(table|model|entity|tabla|tabela|tabelle|entidade?)\b", title)
    if not named and not re.search(r"entit|data[- _]?model|database|schema|tables|models|資料|實體", above):
        return None
    match = _ENTITY_HEADING.match(re.sub(r"(?i)^(?:tabla|tabela|tabelle|entidade?)\s+", "", title))
    if not match or match[1].strip().lower() in _STOP or len(match[1].split()) > 3:
        return None
    fields = []
    for row in lines[index + 1 : index + 60]:
        if re.match(r"#{1,6}\s", row.text) and row.fence is None:
            break
        bullet = _FIELD_BULLET.match(row.text) if row.fence is None else None
        if bullet:
            note = plain(next((g for g in bullet.groups()[1:] if g), ""))
            fields.append(
                Parameter(
                    bullet[1],
                    next(iter(note.split(",")[0].split()), ""),
                    "required" in note.lower() or None,
                    note,
                )
            )
    names = {f.name.lower() for f in fields}
    if any(word in _STOP for word in match[1].lower().split()):
        return None
    if (
        not (named and len(fields) > 1)
        and not names
        & {
            "id",
            "uuid",
            "created_at",
            "createdat",
            "user_id",
            "userid",
            "name",
        }
    ) or NOT_ENTITY.search(match[1]):
        return None
    table = match[1].strip().lower() if re.fullmatch(r"[a-z_]+", match[1].strip()) else ""
    return Found(entity_name(match[1]), file, line.number, table, fields, side=side)


def _from_key_entity(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    line = lines[index]
    match = _KEY_ENTITY.match(line.text)
    if not match or re.fullmatch(r"[A-Z]{1,5}-?\d+[a-z]?", plain(match[1]).strip()):
        return None  # a requirement's id in bold is no thing
    name = entity_name(match[1])
    concept = _CONCEPT.search(plain(match[1])) or re.search(
        r"(?i)\bvalue object|payload|aggregate view|incoming request", line.text
    )
    if not name or len(match[1].split()) > 3 or name.lower() in _STOP or concept or "[" in name:
        return None
    indent = len(line.text) - len(line.text.lstrip())
    if indent > 1 or not match[1][:1].isupper():
        return None
    fields = []
    for row in lines[index + 1 : index + 30]:
        if not row.text.strip():
            continue
        if len(row.text) - len(row.text.lstrip()) <= indent:
            break
        bullet = _FIELD_BULLET.match(row.text)
        if bullet:
            note = plain(next((g for g in bullet.groups()[1:] if g), ""))
            fields.append(Parameter(bullet[1], note=note))
    return Found(name, file, line.number, "", fields, strong=False, side=side)


def merge_entities(found: list[Found]) -> list[Entity]:
    """One entity per name.

    A key-entity bullet alone counts only where no stronger statement of any entity exists in its feature:
    such lists mix stored things with concepts. Interfaces of a frontend make no entity.
    """
    groups: dict[str, list[Found]] = {}
    for item in found:
        groups.setdefault(re.sub(r"[^a-z0-9]", "", item.name.lower()), []).append(item)
    entities = []
    for items in groups.values():
        backend = [i for i in items if i.side != "frontend"]
        if not backend:
            continue
        ranked = sorted(items, key=lambda i: (not i.strong, i.side == "frontend"))
        fields = _fields([i for i in ranked if i.side != "frontend"])
        places = unique_evidence(Evidence(i.file, i.line) for i in ranked)
        table = next((i.table for i in ranked if i.table), "")
        owner = next((i.managed_by for i in ranked if i.managed_by), "")
        entities.append(Entity(ranked[0].name, places, table, tuple(fields), owner))
    return entities


def _fields(statements: list[Found]) -> list[Parameter]:
    """The fields of the fullest stored statement; others add notes, and fields only where it has hardly any.

    A union of all statements would list `created_at` and `createdAt`, columns and transient attributes alike.
    """
    if not statements:
        return []
    best = max(statements, key=lambda i: (i.form != "interface", i.strong, len(i.fields)))
    fields = {_flat(f.name): f for f in best.fields}
    for item in statements:
        for f in item.fields:
            known = fields.get(_flat(f.name))
            if known is not None:
                fields[_flat(f.name)] = replace(known, type=known.type or f.type, note=known.note or f.note)
            elif len(best.fields) < 2:
                fields[_flat(f.name)] = f
    return list(fields.values())


def _flat(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
