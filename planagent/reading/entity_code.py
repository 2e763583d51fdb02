"""Stored things that code blocks declare: classes, tables, models, interfaces, diagrams."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from planagent.model import Parameter, Side
from planagent.reading.naming import entity_name
from planagent.reading.text import Line

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
_PRISMA_FIELD = re.compile(r"^\s+([a-z]\w*)\s+([A-Z]\w*)(\?|\[\])?\s*((?:@.*)?)$")
_PRISMA_TYPES = frozenset(
    ["String", "Int", "BigInt", "Float", "Decimal", "Boolean", "DateTime", "Json", "Bytes"]
)
_MERMAID = re.compile(r"^\s{2,}([A-Za-z_]\w*)\s*\{\s*$")
_PY_FIELD = re.compile(r"^\s{2,}([a-z_]\w*)\s*:\s*([\w\[\], .|\"']+?)(?:\s*=\s*(.+))?$")
_SQL_FIELD = re.compile(
    r"^\s*[`\"\[]?([a-z_]\w*)[`\"\]]?\s+([A-Za-z]\w*(?:\([\d, ]+\))?)(.*)$", re.IGNORECASE
)
_TS_FIELD = re.compile(r"^\s*(\w+)\??\s*:\s*([^;,/]+)[;,]?")
_JAVA_FIELD = re.compile(
    r"^\s*(?:private|public|protected)\s+(?:required\s+)?([\w<>?\[\]]+)\s+(\w+)\s*(?:[;={]|$)"
)
NOT_ENTITY = re.compile(
    r"(?i)^(?:request|response|error|settings|config|base|props|state|health|index|indexes|schema)$|(?<=.)(?:request|response|schema|dto|create|update|read|public|base|settings|config|service|controller|repository|"
    r"handler|error|exception|input|output|list|payload|params|query|command|contract|validator|mapper|props|state|"
    r"context|client|middleware|enum|status|type|page|form|result|endpoint|test|factory|provider|store|summary|stats|in|out)$"
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


def from_code(file: str, lines: list[Line], index: int, side: Side) -> Found | None:
    """The entity that the code line at `index` declares, or None for any other line."""
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
        return Found(entity_name(prisma[1]), file, line.number, "", _collect(lines, index + 1, _prisma_field))
    interface = _INTERFACE.match(line.text)
    if interface and line.fence in ("typescript", "ts", "tsx", "javascript"):
        name = interface[1]
        if NOT_ENTITY.search(name):
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
    if NOT_ENTITY.search(declared[1]) and "table" not in declared[2].lower():
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


def _collect(lines: list[Line], start: int, reader: Callable[[str], Parameter | None]) -> list[Parameter]:
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
        parameter = reader(text)
        if parameter and all(p.name != parameter.name for p in fields):
            fields.append(parameter)
    return fields


def _prisma_field(text: str) -> Parameter | None:
    """A column of a Prisma model; relations, whose type is another model, are no columns."""
    match = _PRISMA_FIELD.match(text)
    if not match or "@relation" in match[4] or match[3] == "[]":
        return None
    attributes = match[4]
    if match[3] == "?" and not attributes and match[2] not in _PRISMA_TYPES:
        return None  # the far side of a one-to-one relation
    size = re.search(r"@db\.(\w+\(\d+\))", attributes)
    default = re.search(r"@default\(((?:[^()]|\([^()]*\))*)\)", attributes)
    notes = [
        "primary key" if "@id" in attributes else "",
        "unique" if "@unique" in attributes else "",
        f"default {default[1]}" if default else "",
    ]
    return Parameter(
        match[1], size[1] if size else match[2], match[3] != "?", ", ".join(n for n in notes if n)
    )


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
