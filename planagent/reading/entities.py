"""Stored things: model classes, CREATE TABLE, column tables, bullets, key entities, diagrams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from planagent.model import Entity, Evidence, Parameter, Side, unique_evidence
from planagent.reading.naming import entity_name
from planagent.reading.text import Line, plain

_CLASS = re.compile(
    r"^\s*(?:export\s+|public\s+|pub\s+)?(?:abstract\s+|sealed\s+|partial\s+|data\s+)*"
    r"(?:class|struct|model|entity|type|record)\s+([A-Z]\w*)\s*(.*)$"
)
_TABLE_CLASS = re.compile(
    r"table\s*=\s*True|\(\s*(?:\w+\.)?(?:Base|Model|db\.Model|models\.Model|DeclarativeBase)\b|BaseEntity|Entity<|AggregateRoot"
)
_CREATE = re.compile(
    r"(?i)^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?[`\"\[]?(?:\w+[`\"\]]?\.[`\"\[]?)?(\w+)"
)
_PRISMA = re.compile(r"^\s*model\s+([A-Z]\w*)\s*\{")
_INTERFACE = re.compile(r"^\s*(?:export\s+)?(?:interface|type)\s+([A-Z]\w*)\s*(?:=\s*)?\{?")
_MERMAID = re.compile(r"^\s{2,}([A-Za-z_]\w*)\s*\{\s*$")
_KEY_ENTITY = re.compile(
    r"^\s*[-*+]\s+(?:\*\*|__)([^*_:：]{2,48}?)(?:\s*[（(][^)）]*[)）])?\s*[:：]?(?:\*\*|__)\s*[:：（(–-]?"
)
_FIELD_BULLET = re.compile(
    r"^\s*[-*+]\s+(?:\*\*)?`?([a-z_]\w*)`?(?:\*\*)?\s*(?:\(([^)]*)\)|[:：]\s*(.+)|[-–]\s*(.+))\s*$",
    re.IGNORECASE,
)
_PY_FIELD = re.compile(r"^\s{2,}([a-z_]\w*)\s*:\s*([\w\[\], .|\"']+?)(?:\s*=\s*(.+))?$")
_SQL_FIELD = re.compile(
    r"^\s*[`\"\[]?([a-z_]\w*)[`\"\]]?\s+([A-Za-z]\w*(?:\([\d, ]+\))?)(.*)$", re.IGNORECASE
)
_TS_FIELD = re.compile(r"^\s*(\w+)\??\s*:\s*([^;,/]+)[;,]?")
_JAVA_FIELD = re.compile(
    r"^\s*(?:private|public|protected)\s+(?:required\s+)?([\w<>?\[\]]+)\s+(\w+)\s*(?:[;={]|$)"
)
_SECTION = re.compile(
    r"(?i)key entit|^entities|data model|database|schema|entity|entities|tables?\b|models?\b|資料模型|資料表|實體|entidade"
)
_NOT_ENTITY = re.compile(
    r"(?i)^(?:request|response|error|settings|config|base|props|state|health|index|indexes|schema)$|(?<=.)(?:request|response|schema|dto|create|update|read|public|base|settings|config|service|controller|repository|"
    r"handler|error|exception|input|output|list|payload|params|query|command|contract|validator|mapper|props|state|"
    r"context|client|middleware|enum|status|type|page|form|result|endpoint|test|factory|provider|store|summary|stats|in|out)$"
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


@dataclass(slots=True)
class Found:
    """One statement of an entity. `strong` ones (a class, a table, columns) need no second witness."""

    name: str
    file: str
    line: int
    table: str = ""
    fields: list[Parameter] = field(default_factory=list)
    strong: bool = True
    side: Side = "backend"
    managed_by: str = ""
    form: str = "columns"
    """How it was stated; only stored forms (not an `interface`) are compared with each other."""


def find_entities(file: str, lines: list[Line], side: Side) -> Iterator[Found]:
    """Every entity that a document states; see `merge_entities` for which of them hold."""
    index = 0
    while index < len(lines):
        line = lines[index]
        found: Found | None = None
        if line.fence is not None:
            found = _from_code(file, lines, index, side)
        elif line.cells and (index == 0 or not lines[index - 1].cells):
            found = _from_columns(file, lines, index, side)
        elif re.match(r"#{1,6}\s", line.text):
            found = _from_heading(file, lines, index, side)
        elif re.search(r"(?i)key entit|^entities|實體|entidades", line.heading) and _KEY_ENTITY.match(
            line.text
        ):
            found = _from_key_entity(file, lines, index, side)
        if found and found.name:
            yield found
        index += 1


def _from_code(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    line = lines[index]
    create = _CREATE.match(line.text)
    if create:
        fields = _collect(lines, index + 1, _sql_field)
        return Found(entity_name(create[1]), file, line.number, create[1], fields)
    if line.fence == "mermaid" or "erDiagram" in line.text:
        diagram = _MERMAID.match(line.text)
        if diagram and _in_er_diagram(lines, index):
            return Found(entity_name(diagram[1]), file, line.number, diagram[1].lower(), strong=False)
        return None
    prisma = _PRISMA.match(line.text)
    if prisma and line.fence in ("prisma", ""):
        return Found(entity_name(prisma[1]), file, line.number)
    interface = _INTERFACE.match(line.text)
    if interface and line.fence in ("typescript", "ts", "tsx", "javascript"):
        name = interface[1]
        if _NOT_ENTITY.search(name):
            return None
        fields = _collect(lines, index + 1, _ts_field)
        # An interface without an identity is a value inside another one.
        if "id" not in {f.name for f in fields}:
            return None
        return Found(
            entity_name(name), file, line.number, "", fields, side != "frontend", side, form="interface"
        )
    declared = _CLASS.match(line.text)
    if not declared:
        return None
    before = " ".join(entry.text for entry in lines[max(0, index - 3) : index])
    mapped = _TABLE_CLASS.search(declared[2]) or re.search(
        r"@(?:Entity|Table|Document)\b|\[Table\(|derive\(.*(?:FromRow|Queryable)", before
    )
    orm_tags = line.fence in ("go", "golang") and any(
        "gorm:" in e.text or 'db:"' in e.text for e in lines[index : index + 12]
    )
    if not mapped and not orm_tags:
        return None
    name = entity_name(declared[1])
    if _NOT_ENTITY.search(declared[1]) and "table" not in declared[2].lower():
        return None
    table = next(
        (
            m[1]
            for e in lines[index : index + 4]
            if (m := re.search(r"__tablename__\s*=\s*[\"'](\w+)", e.text))
        ),
        "",
    )
    fields = _collect(lines, index + 1, _py_field if line.fence in ("python", "py", "") else _java_field)
    return Found(name, file, line.number, table, fields)


def _in_er_diagram(lines: list[Line], index: int) -> bool:
    for line in reversed(lines[max(0, index - 200) : index]):
        if line.fence is None:
            return False
        if "erDiagram" in line.text:
            return True
    return False


def _collect(lines: list[Line], start: int, reader: object) -> list[Parameter]:
    fields: list[Parameter] = []
    for line in lines[start : start + 80]:
        text = line.text
        if (
            line.fence is None
            or text.strip() in ("}", ");", ")", "```")
            or _CLASS.match(text)
            or _CREATE.match(text)
        ):
            break
        if re.match(r"\S", text) and not re.match(r"[\"'`]?\w+[\"'`]?\s+\w|[@#/\[}]|--", text):
            break
        parameter = reader(text)  # type: ignore[operator]
        if parameter and all(p.name != parameter.name for p in fields):
            fields.append(parameter)
    return fields


def _py_field(text: str) -> Parameter | None:
    match = _PY_FIELD.match(text)
    if not match or "Relationship(" in text or match[1].startswith("__"):
        return None
    note = (match[3] or "").strip()
    optional = "Optional" in match[2] or "None" in match[2]
    return Parameter(match[1], match[2].strip(), not optional, note)


def _sql_field(text: str) -> Parameter | None:
    match = _SQL_FIELD.match(text)
    if not match or match[1].upper() in {
        "PRIMARY",
        "FOREIGN",
        "UNIQUE",
        "CONSTRAINT",
        "CHECK",
        "KEY",
        "INDEX",
        "CREATE",
    }:
        return None
    rest = match[3].strip().rstrip(",")
    return Parameter(match[1], match[2], "NOT NULL" in rest.upper() or "PRIMARY" in rest.upper(), rest)


def _ts_field(text: str) -> Parameter | None:
    match = _TS_FIELD.match(text)
    return Parameter(match[1], match[2].strip(), "?" not in text.split(":")[0]) if match else None


def _java_field(text: str) -> Parameter | None:
    match = _JAVA_FIELD.match(text)
    return Parameter(match[2], match[1]) if match else None


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
    if name.lower() in _STOP or _NOT_ENTITY.search(name):
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
    named = re.search(r"(?i)\b(table|model|entity)\b", title)
    if not named and not re.search(r"entit|data[- _]?model|database|schema|tables|models|資料|實體", above):
        return None
    match = _ENTITY_HEADING.match(title)
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
                    note.split(",")[0].split()[0] if note else "",
                    "required" in note.lower() or None,
                    note,
                )
            )
    names = {f.name.lower() for f in fields}
    if any(word in _STOP for word in match[1].lower().split()):
        return None
    if not names & {
        "id",
        "uuid",
        "created_at",
        "createdat",
        "user_id",
        "userid",
        "name",
    } or _NOT_ENTITY.search(match[1]):
        return None
    table = match[1].strip().lower() if re.fullmatch(r"[a-z_]+", match[1].strip()) else ""
    return Found(entity_name(match[1]), file, line.number, table, fields, side=side)


def _from_key_entity(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    line = lines[index]
    match = _KEY_ENTITY.match(line.text)
    if not match:
        return None
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
