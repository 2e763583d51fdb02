"""Section 3 by rule: entities, engine, tables."""

from __future__ import annotations

import re

from planagent.model import Entity, Parameter
from planagent.planning.drafts import DataItem, DataSection, TaskText
from planagent.planning.outline import Outline
from planagent.reading.search import search
from planagent.writing.rules.phrases import code, item_base, names, task, unique_within


def write(outline: Outline) -> DataSection:
    items = []
    for obligation in outline.section(3):
        kind, _, name = obligation.id.partition(":")
        if kind == "entity":
            entity = outline.entity(name)
            if entity:
                items.append(_entity(outline, entity))
        else:
            base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
            items.append(DataItem(**base, steps=_TOPICS[name](outline)))
    if not items:
        return DataSection(
            intro=["The specs define no stored entity: this backend keeps nothing of its own."]
        )
    return DataSection(
        intro=[
            "Field names, types and lengths are those of the cited definitions; they are not repeated here."
        ],
        items=items,
        tasks=_tasks(outline),
    )


def _entity(outline: Outline, entity: Entity) -> DataItem:
    base = item_base(outline, f"entity:{entity.name}", entity.name)
    shape = [f"Home: {code(outline.blueprint.models[entity.name])}"]
    if entity.table:
        shape.append(f"Table: {code(entity.table)}")
    if entity.fields:
        shape.append(f"Fields: {names(f.name for f in entity.fields)}")
    return DataItem(**base, shape=shape, steps=_entity_steps(outline, entity))


def _entity_steps(outline: Outline, entity: Entity) -> list[str]:
    if entity.managed_by:
        return [
            f"Map the table for reading; {entity.managed_by} owns it, so creation and migrations here skip it{outline.cites('data.managed-table')}."
        ]
    if not entity.fields:
        return [
            "The specs name it without fields: hold only what its cited sentence and the endpoints need, and no table of its own unless another entity refers to it."
        ]
    steps = ["Take over every field of the definition, none added, none left out."]
    key = [
        f.name for f in entity.fields if re.search(r"(?i)primary|\bpk\b", f.note) or f.name.lower() == "id"
    ]
    if key:
        steps.append(f"Primary key: {names(key[:2])}.")
    owners = _foreign(entity)
    unique = [_unique(f, owners) for f in entity.fields if f.name not in key]
    if any(unique):
        steps.append(
            f"Unique: {', '.join(u for u in unique if u)}; the constraint is the real guard, a look-up before the insert only makes the message kinder."
        )
    if owners:
        steps.append(f"Foreign key: {names(owners)}.")
    limited = [f"{code(f.name)} {m}" for f in entity.fields if (m := _length(f))]
    if limited:
        steps.append("Lengths: " + ", ".join(limited) + ".")
    return steps


def _unique(parameter: Parameter, foreign: list[str]) -> str:
    """The column and what it is unique within: one constraint over both where the specs limit it to an owner."""
    scope = unique_within(parameter.note)
    if scope is None:
        return ""
    if not scope:
        return code(parameter.name)
    noun = scope.rpartition(" ")[2]
    like = r"(?i)user|owner|account" if re.fullmatch(r"owner|user|account|person", noun) else f"(?i){noun}"
    partner = next((f for f in foreign if re.search(like, f)), "")
    return f"{code(parameter.name)} {scope}" + (f" (one constraint with {code(partner)})" if partner else "")


def _foreign(entity: Entity) -> list[str]:
    return [
        f.name
        for f in entity.fields
        if re.search(r"(?i)foreign|\bfk\b|references", f.note)
        or (re.search(r"(?i).+_id$|.+[a-z]Id$", f.name) and f.name.lower() != "id")
    ]


def _length(parameter: Parameter) -> str:
    match = re.search(
        r"(?i)max\w*\W{0,3}(\d+)|char\s*\((\d+)\)|(\d+)\s*(?:chars|characters)|\d+\s*[-–]\s*(\d+)\s*char",
        f"{parameter.type} {parameter.note}",
    )
    return next((g for g in match.groups() if g), "") if match else ""


def _relationships(outline: Outline) -> list[str]:
    steps = []
    tables = {e.table: e.name for e in outline.corpus.facts.entities if e.table} | {
        e.name.lower(): e.name for e in outline.corpus.facts.entities
    }
    for entity in outline.corpus.facts.entities:
        for name in _foreign(entity)[:4]:
            target = tables.get(re.sub(r"(?i)_?id$", "", name).lower())
            if target and target != entity.name:
                steps.append(f"{entity.name} belongs to one {target} by {code(name)}.")
    steps = steps[:7] or ["The definitions show no relation between entities; declare none."]
    places = search(
        outline.corpus,
        r"(?i)on delete cascade|cascad\w+|removed with (?:it|them)|with all its|deleted with",
        roles=("backend",),
        most=1,
    )
    if places:
        steps.append(
            f"Deleting a parent removes its children, by the database's own rule, where {places[0].file} says so."
        )
    else:
        steps.append("Delete behaviour is the database's default: no cited definition says otherwise.")
    return steps


def _engine(outline: Outline) -> list[str]:
    file = outline.blueprint.file
    steps = [
        f"One engine per process in {code(file('engine'))}, closed with the process.",
        f"One session per request in {code(file('session'))}: rolled back on any exception, always closed, committed by the service only.",
    ]
    if outline.ruling("database.url-parameters"):
        steps.insert(
            1,
            f"Translate the address before use in a function of its own, so that it is tested without a database{outline.cites('database.url-parameters')}.",
        )
    return steps


def _creation(outline: Outline) -> list[str]:
    ruling = outline.cites("database.migrations")
    tool = next((t.name for t in outline.corpus.facts.technologies if t.kind == "migration"), "")
    if tool and not ruling:
        return [
            f"{tool} holds the history in {code(outline.blueprint.file('create'))}: the first revision makes every table of this section, later ones change it.",
            "Each revision is reviewed by hand, runs by command before the new version starts, and can be taken back.",
        ]
    return [
        f"{code(outline.blueprint.file('create'))} creates the tables by an explicit command; running it twice changes nothing{ruling}.",
        "It is never called when the application starts: several workers would race, and it cannot alter a table.",
    ]


def _target(outline: Outline) -> list[str]:
    database = next(
        (t.name for t in outline.corpus.facts.technologies if t.kind == "database"), "the target database"
    )
    return [
        f"Run it against {database} once, with the address of section 2.",
        "List the tables and indexes afterwards and compare them with this section.",
    ]


_CREATED_INDEX = re.compile(
    r"(?i)\bcreate\s+(?:unique\s+)?index\b[^;(\n]{0,80}?\bon\s+[\"`]?(\w+)[\"`]?\s*(?:using\s+\w+\s*)?\(([\w\s,]{1,120})\)"
)


def listed_indexes(outline: Outline) -> dict[str, list[str]]:
    """Columns that a list of indexes in the specs names, by table."""
    tables = {e.table or e.name.lower(): e for e in outline.corpus.facts.entities}
    found: dict[str, list[str]] = {}
    for document in outline.corpus.read:
        for table, columns in _CREATED_INDEX.findall(document.text):
            for column in re.findall(r"\w+", re.sub(r"(?i)\b(?:asc|desc)\b", "", columns)):
                if table in tables and column not in found.get(table, []):
                    found.setdefault(table, []).append(column)
        for passage in document.passages:
            if not re.search(r"(?i)\bindex", passage.heading):
                continue
            near = next(
                (t for t in tables if re.search(rf"(?i)\b{re.escape(t)}\b", " ".join(passage.trail[:-1]))), ""
            )
            for line in passage.text.split("\n"):
                for table, column in re.findall(r"\b(\w+)\.(\w+)\b", line):
                    if table in tables and column not in found.get(table, []):
                        found.setdefault(table, []).append(column)
                named = re.search(r"\bidx_(\w+)", line)
                owner = next((t for t in tables if named and named[1].startswith(t + "_")), near)
                columns = [f.name for f in tables[owner].fields] if owner else []
                for column in columns:
                    if (
                        named
                        and re.search(rf"\|[^|]*\b{re.escape(column)}\b", line)
                        and column not in found.get(owner, [])
                    ):
                        found.setdefault(owner, []).append(column)
    return found


def _indexes(outline: Outline) -> list[str]:
    steps = []
    listed = listed_indexes(outline)
    for entity in outline.corpus.facts.entities:
        if entity.managed_by:
            continue
        marked = [
            f.name
            for f in entity.fields
            if re.search(r"(?i)\bindex|\bunique\b", f.note) and f.name.lower() != "id"
        ]
        wanted = list(
            dict.fromkeys([*marked, *_foreign(entity), *listed.get(entity.table or entity.name.lower(), [])])
        )
        if wanted:
            steps.append(f"{entity.name}: {names(wanted[:10])}.")
    if outline.ruling("data.indexes"):
        steps.append(
            f"Declared in the models, although their listings lack some{outline.cites('data.indexes')}."
        )
    return steps[:10] or ["No index beyond primary keys: the specs list none."]


def _constraints(outline: Outline) -> list[str]:
    steps = [
        "Not-null, unique, length and default as in the definitions; each is enforced by the database and by the schema."
    ]
    if outline.ruling("data.allowed-values"):
        steps.append(
            f"Fixed sets of values are checked in the schemas{outline.cites('data.allowed-values')}."
        )
    if outline.ruling("data.updated-at"):
        steps.append(f"The change time is set by the services{outline.cites('data.updated-at')}.")
    if outline.ruling("data.timestamps"):
        steps.append(
            f"All times come from the helper in {code(outline.blueprint.file('helpers'))}{outline.cites('data.timestamps')}."
        )
    return steps


_TOPICS = {
    "data.relationships": _relationships,
    "data.engine": _engine,
    "data.creation": _creation,
    "data.neon": _target,
    "data.indexes": _indexes,
    "data.constraints": _constraints,
}


def _tasks(outline: Outline) -> list[TaskText]:
    found = [
        task("db.engine", ["Build the engine from the settings, by the rules of its item.", "Check a connection before it is used."],
             "The address reaches the driver in the form that it takes, shown by a test of good and odd addresses; an unreachable one fails at start with the host in the message and without the password."),
        task("db.session", ["Hand one session to each request; roll back on every exception.", "Keep objects readable after the commit."],
             "A unit of work that raises is rolled back and its session closed, seen on a session double."),
        task("db.create", ["Import every model, then make the tables by the item on migrations or table creation.", "Leave tables alone that another owner manages." if outline.ruling("data.managed-table") else "Print what was created, without the address."],
             "Tables, unique constraints and indexes of section 3 exist; a second run changes nothing."),
    ]  # fmt: skip
    for entity in outline.corpus.facts.entities:
        done = "The fields equal the definition: same names, types, lengths, defaults; the constraints of its item are declared."
        if entity.managed_by:
            done = "Reading works against the owner's table, and the creation command does not touch it."
        found.append(
            task(
                f"model.{entity.name}",
                [
                    f"Declare {entity.name} from its definition."
                    if entity.fields
                    else f"Declare what the specs say of {entity.name}, and nothing more.",
                    *(
                        []
                        if entity.managed_by
                        else ["Add the indexes and constraints of section 3 that concern it."]
                    ),
                ],
                done,
            )
        )
    return [t for t in found if t.key in outline.tasks]
