"""What the specs leave open about stored data: values, times, indexes, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Entity, Evidence
from planagent.reading.search import has_technology, search


def find_data_gaps(corpus: Corpus) -> Iterator[Conflict]:
    """Gaps and traps in what is stored, in no particular order."""
    entities = corpus.facts.entities
    silent = []
    for entity in entities:
        updated = next(
            (f for f in entity.fields if f.name.lower() in ("updated_at", "updatedat", "modified_at")), None
        )
        if (
            updated
            and not entity.managed_by
            and "onupdate" not in updated.note.lower()
            and not search(
                corpus,
                r"(?i)updated_?at.{0,60}(?:whenever|each|every|on update|automatic|trigger|set)|auto-updated",
                most=1,
            )
        ):
            silent.append((entity, updated))
        for field in entity.fields:
            values = re.search(r"#\s*((?:\w+,\s*){1,6}\w+)\s*$", field.note)
            if values and "Enum" not in field.type:
                yield Conflict(
                    "data.allowed-values",
                    "gap",
                    f"The values of `{entity.name}.{field.name}` stand only in a comment; nothing enforces them.",
                    _field_line(corpus, entity, field.name),
                    blocks=3,
                    subject=f"{entity.name}.{field.name}",
                )
        if entity.managed_by and entity.fields and len(entity.evidence) > 1:
            yield Conflict(
                "data.managed-table",
                "trap",
                f"The table of `{entity.name}` is managed by {entity.managed_by}; migrations or table creation here must leave it alone.",
                entity.evidence[:3],
                blocks=1,
                subject=entity.name,
            )
    if silent:
        names = ", ".join(f"`{entity.name}.{updated.name}`" for entity, updated in silent[:4])
        yield Conflict(
            "data.updated-at",
            "gap",
            f"{names}: a value at insert, and no rule that changes it later.",
            tuple(e.evidence[0] for e, _ in silent[:3]),
            blocks=3,
            subject=silent[0][0].name,
        )
    user = next((e for e in entities if e.name == "User"), None)
    identity = next((f for f in user.fields if f.name == "id"), None) if user else None
    if user and identity and "uuid" in identity.type.lower() and has_technology(corpus, "Better Auth"):
        yield Conflict(
            "data.user-id",
            "trap",
            "`User.id` is a UUID; the ids that Better Auth issues are opaque strings by default.",
            user.evidence[:1],
        )
    indexes = search(corpus, r"(?i)^\W*`?(\w+)\.(\w+)`?\s*[-–:]\s*.*index", roles=("backend",), most=8)
    undeclared = []
    for place in indexes:
        document = corpus.document(place.file)
        match = re.search(r"(\w+)\.(\w+)", document.lines[place.line - 1]) if document else None
        owner = next((e for e in entities if match and e.table == match[1]), None)
        column = next((f for f in owner.fields if match and f.name == match[2]), None) if owner else None
        if column and column.note and not re.search(r"(?i)index|unique|primary", column.note):
            undeclared.append(place)
    if undeclared:
        yield Conflict(
            "data.indexes",
            "conflict",
            "Indexes are listed that the model definitions do not declare.",
            tuple(undeclared),
            blocks=3,
        )
    naive = search(
        corpus, r"utcnow|(?<![_\w])TIMESTAMP(?! WITH| ?TZ)\b(?!.*ZONE)", roles=("backend",), most=1
    )
    zulu = search(corpus, r"\d{2}:\d{2}:\d{2}(?:\.\d+)?Z\"", roles=("backend",), most=1)
    if naive and zulu:
        yield Conflict(
            "data.timestamps",
            "trap",
            "Times are stored without a zone and returned with `Z`.",
            (*naive, *zulu),
            blocks=3,
        )
    async_driver = has_technology(corpus, "asyncpg")
    url = search(corpus, r"sslmode=|channel_binding=", most=1)
    if async_driver and url:
        driver = next(t for t in corpus.facts.technologies if t.name == "asyncpg")
        yield Conflict(
            "database.url-parameters",
            "trap",
            "asyncpg does not accept `sslmode` and `channel_binding`, which the given database address carries.",
            (driver.evidence[0], *url),
            blocks=1,
        )


def _field_line(corpus: Corpus, entity: Entity, name: str) -> tuple[Evidence, ...]:
    """The line of a field below its entity's first place; that place when there is none."""
    first = entity.evidence[0]
    document = corpus.document(first.file)
    for number in range(first.line, min(first.line + 60, len(document.lines)) + 1) if document else ():
        if document and re.match(rf"\W*{re.escape(name)}\b", document.lines[number - 1]):
            return (Evidence(first.file, number),)
    return (first,)
