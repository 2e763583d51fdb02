"""Answers about passages become one reading: keys that last, and one statement for what two places say."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from planagent.corpus.formal import definitions_of, problem_of
from planagent.corpus.formal.definition import Definition
from planagent.corpus.markdown import content
from planagent.corpus.secrets import guarded
from planagent.model import Corpus, Document, normalize_path
from planagent.statements.statement import LETTERS, MESSAGE, Dismissal, Kind, Origin, Reading, Statement, lettered, slug

_NAMED: tuple[Kind, ...] = ("operation", "record", "setting", "technology", "integration")
_ONCE = ("security", "transport", "schedule", "default", "version", "store", "limit", "timeout")
"""Facts of which a thing has one."""


def formal_statements(corpus: Corpus) -> list[Statement]:
    """What the formal sources define, as statements that claim the defining lines."""
    texts = {d.path: d.text for d in corpus.documents}
    found = []
    for document in corpus.read:
        for one in definitions_of(document, lambda path: texts.get(path, "")):
            found.append(_statement(document, one))
    return found


def _statement(document: Document, one: Definition) -> Statement:
    spans = ((one.start, one.end), *one.shared)
    units = tuple(
        (document.path, u.id) for u in document.units if u.kind != "mark" and any(start <= u.line and u.end <= end for start, end in spans)
    )
    return Statement(
        "", "operation" if one.kind == "operation" else "record", "must", one.says, units, one.name, one.facts,
        document.component, document.feature, origin="formal",
    )  # fmt: skip


def identity(statement: Statement) -> str:
    """What makes two statements the same thing: kind, component and name; '' for what has no name."""
    if statement.kind not in _NAMED or not statement.name:
        return ""
    name = statement.name
    if statement.kind == "operation":
        verb, _, path = name.partition(" ")
        name = f"{verb.upper()} {normalize_path(path)}" if path.startswith("/") else name.lower()
    elif statement.kind == "record":
        name = "".join(c for c in name.lower() if c.isalnum())
    elif statement.kind != "setting":
        name = name.lower()
    if statement.kind == "technology":
        name = f"{name} {statement.modality}"  # wanted here and forbidden there are two things
    return f"{statement.kind} {statement.component} {name}"


def assemble(
    corpus: Corpus, statements: Iterable[Statement], dismissed: Sequence[Dismissal], rejected: Sequence[tuple[str, str]] = ()
) -> Reading:
    """One reading of what was read passage by passage.

    Statements of one identity become one with all their places; every statement has a key; formal sources that did not parse
    are told of.
    """
    merged: dict[str, Statement] = {}
    for index, statement in enumerate(statements):
        same = identity(statement) or _twin(statement) or f"#{index}"
        merged[same] = _joined(merged[same], statement) if same in merged else statement
    keyed = _keyed(corpus, list(merged.values()))
    notes = [told for d in corpus.read if (told := problem_of(d.path, d.text))]
    claimed = {ref for s in keyed for ref in s.units}
    left = [replace(d, units=u) for d in dismissed if (u := tuple(r for r in d.units if r not in claimed))]
    return Reading(tuple(keyed), tuple(left), tuple(rejected), tuple(notes))


def _twin(statement: Statement) -> str:
    """What tells that a requirement was given twice, over the border of two passages: its id, its place and its words; '' without an id."""
    if not statement.labels or not statement.units:
        return ""
    return (
        f"{statement.kind} {statement.modality} {statement.units[0][0]} {' '.join(statement.labels)} {content(statement.says).casefold()}"
    )


def _joined(one: Statement, other: Statement) -> Statement:
    """Two statements of one thing; a reader's words count for more than a library's."""
    first, second = (other, one) if one.origin == "formal" and other.says else (one, other)
    says = first.says
    if second.says and second.origin != "formal" and second.says not in says:
        says = f"{says} {second.says}".strip()
    facts = dict.fromkeys((*one.facts, *other.facts))
    if one.kind == "record" and (one.stored or other.stored):
        facts = {f: None for f in facts if f not in MESSAGE}  # what is kept may be sent as well
    return replace(
        one,
        key=one.key or other.key,
        says=says,
        modality="must" if "must" in (one.modality, other.modality) else one.modality,
        units=tuple(dict.fromkeys((*one.units, *other.units))),
        facts=tuple(facts),
        labels=tuple(dict.fromkeys((*one.labels, *other.labels))),
        left_out=tuple(dict.fromkeys((*one.left_out, *other.left_out))),
        origin=_joined_origin(one.origin, other.origin),
    )


def _joined_origin(one: Origin, other: Origin) -> Origin:
    """Of what the rules claim, and of what a library read, every word is applied as it stands."""
    both = {one, other}
    if len(both) == 1:
        return one
    if both == {"formal", "rules"}:
        return "formal"
    return "joined" if both & {"formal", "joined"} else "model"


def _keyed(corpus: Corpus, statements: list[Statement]) -> list[Statement]:
    """Every statement with a key of its own: first those that have one, then those whose key would be the same as another's.

    Which of these is called plainly, and how the others are told apart, rests on what they say and under which headings: their
    order changes whenever a section moves.
    """
    keys: dict[str, int] = {}
    alike: dict[str, list[int]] = {}
    for index, statement in enumerate(statements):
        if statement.key and statement.key not in keys:
            keys[statement.key] = index
        else:
            alike.setdefault(statement.key or _key(statement), []).append(index)
    for base, group in alike.items():
        apart = {i: _told_apart(corpus, statements[i]) for i in group} if len(group) > 1 or base in keys or _masked(base) else {}
        for index in sorted(group, key=lambda i: apart.get(i, "")):
            key = f"{base}~{apart[index]}" if base in keys else base
            if _masked(key) and not statements[index].key:
                # Made of an example's password, it would be masked in what is sent, and be nobody's key.
                key = f"{statements[index].kind}~{apart[index]}"
            keys[_free(key, keys)] = index
    found = {index: key for key, index in keys.items()}
    return [replace(s, key=found[i]) for i, s in enumerate(statements)]


def _masked(key: str) -> bool:
    """True for a key that would not stand in a request, in a list of statements or among others."""
    return any(guarded(told) != told for told in (f"- {key} |", f"covers {key}, other"))


def _free(key: str, taken: Container[str]) -> str:
    """The key, or one with a number behind it."""
    found, number = key, 2
    while found in taken:
        found = f"{key}-{str(number).translate(LETTERS)}"
        number += 1
    return found


def _told_apart(corpus: Corpus, statement: Statement) -> str:
    """A short hash of what a statement says, and under which headings."""
    basis = f"{statement.kind} {statement.component} {statement.name} {content(statement.says)} {_trail(corpus, statement)}"
    return lettered(basis, 5)


def _trail(corpus: Corpus, statement: Statement) -> tuple[str, ...]:
    """The headings above the first unit."""
    if not statement.units:
        return ()
    file, _ = statement.units[0]
    document, unit = corpus.document(file), corpus.unit(*statement.units[0])
    return document.passages[unit.passage].trail if document and unit and document.passages else ()


def _key(statement: Statement) -> str:
    home = _short(statement.feature)
    component = _short(statement.component.rpartition("/")[2])
    if statement.kind in _NAMED and statement.name:
        name = slug(statement.name, 40) or statement.kind
        return f"{component}.{name}" if component else name
    base = slug(statement.labels[0]) if statement.labels else slug(statement.name or statement.says, 28) or statement.kind
    prefix = ".".join(p for p in (component, home) if p)
    return f"{prefix}.{base}" if prefix else base


def _short(feature: str) -> str:
    """`002-create-poll` is `002`; a name without a number is itself."""
    head, _, _ = feature.partition("-")
    return head if head.isdigit() else slug(feature, 20)


def seen_conflicts(reading: Reading) -> list[tuple[str, tuple[str, ...]]]:
    """Two values for one thing, by form alone, each with the keys of its statements: for whoever decides to look at."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for statement in reading.statements:
        for name in _ONCE:
            values = dict.fromkeys(statement.fact(name))
            if len(values) > 1:
                found.append((f"{statement.title}: {name} is {' and '.join(values)}", (statement.key,)))
    routes = {
        (s.component, verb, normalize_path(path)): s
        for s in reading.statements
        for verb, _, path in (s.name.partition(" "),)
        if s.kind == "operation" and path.startswith("/")
    }
    for (component, verb, path), statement in routes.items():
        for at in (i for i, c in enumerate(path) if c == "/" and i):
            shorter = routes.get((component, verb, path[at:]))
            if shorter is not None:
                told = f"one operation under two paths: {shorter.name} and {statement.name}"
                found.append((told, (shorter.key, statement.key)))
    by_name: dict[str, list[Statement]] = {}
    for statement in reading.statements:
        if statement.kind == "technology" and statement.name:
            by_name.setdefault(f"{statement.component} {statement.name.lower()}", []).append(statement)
    for same in by_name.values():
        if len({s.modality for s in same}) > 1:
            found.append((f"{same[0].name} is wanted and forbidden", tuple(s.key for s in same)))
    return found
