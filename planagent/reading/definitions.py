"""Definitions of one thing that differ: its columns, its limits in the interface, where they come from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Entity, Evidence
from planagent.reading.entity_code import Found
from planagent.reading.search import join, search, uses_database

_RULE = re.compile(
    r"^\s*(?:[-*]|\d+\.|\|)\s*[*`]{0,2}([A-Z][A-Za-z_ ]{1,24}?)[*`]{0,2}\s*(?::|\||\bis\b|\bmust\b|\bmay\b|\bcannot\b)(.*)$"
)
_LENGTH = re.compile(
    r"(?i)(?:\d+\s*[-–]\s*(\d+)|(?:less than|at most|up to|maximum(?: of)?|max\.?|<|≤|<=)\s*(\d+))\s*(?:char|letters)"
)
_ACCOUNT = re.compile(
    r"(?i)password|e-?mail|name|user|confirm|remember|token|form|field|button|page|input|all|each|every|error|submit|api|authentication|it\b|this|session"
)


def find_definitions(corpus: Corpus, entities: list[Found]) -> Iterator[Conflict]:
    """Every definition of a stored thing that another place does not share.

    Args:
        corpus: documents and merged facts.
        entities: every statement of an entity, before merging.
    """
    yield from _columns(entities)
    yield from _interface_rules(corpus)
    yield from _schema_only(corpus)
    yield from _mismatch(corpus)


def _columns(entities: list[Found]) -> Iterator[Conflict]:
    """Two full definitions in the backend's own specs with different columns."""
    groups: dict[str, list[Found]] = defaultdict(list)
    for item in entities:
        stored = item.form == "columns" and item.strong and item.side != "frontend"
        if stored and len(item.fields) >= 3 and not item.file.endswith((".yaml", ".yml", ".json")):
            groups[item.name].append(item)
    for name, items in groups.items():
        base = items[0]
        for other in items[1:]:
            if other.file == base.file:
                continue  # one document shows a table and a class of it: two views of one thing
            ours, theirs = _names(base), _names(other)
            common = ours.keys() & theirs.keys()
            differing = sorted((ours | theirs)[k] for k in ours.keys() ^ theirs.keys())
            if differing and len(common) >= 3 and len(common) >= len(differing):
                shown = join([f"`{f}`" for f in differing[:5]])
                yield Conflict("entity.columns", "conflict", f"`{name}` has {shown} in one definition and not in another.",
                               (Evidence(base.file, base.line), Evidence(other.file, other.line)), subject=name)  # fmt: skip
                break


def _names(item: Found) -> dict[str, str]:
    return {f.name.replace("_", "").lower(): f.name for f in item.fields}


def _interface_rules(corpus: Corpus) -> Iterator[Conflict]:
    """Fields that the interface demands or limits, and that no backend spec has or limits."""
    fields = _backend_fields(corpus)
    if not fields:
        return
    unknown: dict[str, Evidence] = {}
    unlimited: dict[str, tuple[str, Evidence]] = {}
    for document in (d for d in corpus.read if d.role == "frontend"):
        rules = [
            (number, rule)
            for number, line in enumerate(document.lines, 1)
            if len(line) < 400 and (rule := _RULE.match(line)) and not _ACCOUNT.search(rule[1])
        ]
        at = [number for number, rule in rules if _key(rule[1]) in fields]
        for number, rule in rules:
            # A rule on a field stands among rules on fields that the backend has.
            if not any(abs(number - near) <= 4 for near in at):
                continue
            key = _key(rule[1])
            limit = _LENGTH.search(rule[2])
            place = Evidence(document.path, number)
            if key in fields:
                if limit and not fields[key]:
                    unlimited.setdefault(rule[1].strip(), (limit[1] or limit[2], place))
            elif (
                re.search(r"(?i)\brequired\b(?!.*\bnot required)|one of", rule[2])
                and len(rule[1].split()) < 3
            ):
                unknown.setdefault(rule[1].strip(), place)
    if unlimited:
        said = join([f"{name} at {limit} characters" for name, (limit, _) in unlimited.items()])
        yield Conflict("frontend.limits", "gap", f"The frontend limits {said}; no backend spec sets a limit.",
                       tuple(p for _, p in unlimited.values())[:4])  # fmt: skip
    if unknown:
        names = join([f"`{n}`" for n in list(unknown)[:4]])
        yield Conflict("frontend.fields-required", "conflict", f"The frontend demands {names}; no backend spec has such a field.",
                       tuple(unknown.values())[:4], blocks=2, subject=", ".join(unknown))  # fmt: skip


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "").replace("_", "")


def _backend_fields(corpus: Corpus) -> dict[str, bool]:
    """Names of stored and sent fields, and whether a length is said beside any of them."""
    found: dict[str, bool] = {}
    parts = [f for e in corpus.facts.entities if e.side != "frontend" for f in e.fields]
    parts += [p for e in corpus.facts.endpoints for p in e.parameters if p.where == "body"]
    for part in parts:
        key = part.name.lower().replace("_", "")
        limited = bool(re.search(r"(?i)max|char|\(\d+\)|length|\d+\s*[-–]\s*\d+", f"{part.type} {part.note}"))
        found[key] = found.get(key, False) or limited
    for key in [k for k, limited in found.items() if not limited]:
        found[key] = bool(
            search(
                corpus,
                rf"(?i)\b{re.escape(key)}\b.{{0,60}}\b\d{{2,}}\s*(?:char|letters)",
                roles=("backend", "constitution"),
                most=1,
            )
        )
    return found


def _schema_only(corpus: Corpus) -> Iterator[Conflict]:
    """Stored things whose columns stand nowhere but in the API's schemas."""
    stored = [e for e in corpus.facts.entities if e.side != "frontend" and e.fields and not e.managed_by]
    only = [
        e for e in stored if all(p.file.endswith((".yaml", ".yml", ".json")) for p in _with_fields(e, corpus))
    ]
    if only and len(only) == len(stored) and uses_database(corpus):
        names = join([f"`{e.name}`" for e in only[:3]])
        yield Conflict("data.schema-only", "gap", f"No spec describes the tables: the columns of {names} are known from the API's schemas only.",
                       tuple(_with_fields(e, corpus)[0] for e in only[:3]))  # fmt: skip


def _with_fields(entity: Entity, corpus: Corpus) -> tuple[Evidence, ...]:
    """The places that describe columns: a sentence that names the thing is none."""
    described = []
    for place in entity.evidence:
        passage = corpus.passage_at(place)
        named = (
            sum(bool(re.search(rf"\b{re.escape(f.name)}\b", passage.text)) for f in entity.fields)
            if passage
            else 0
        )
        if place.file.endswith((".yaml", ".yml", ".json")) or named * 2 > len(entity.fields):
            described.append(place)
    return tuple(described) or entity.evidence


def _mismatch(corpus: Corpus) -> Iterator[Conflict]:
    """A user id in the path that is not the token's: refused in one place, ignored in another."""
    owned = [e for e in corpus.facts.endpoints if re.search(r"\{user_?id\}", e.path, re.IGNORECASE)]
    if not owned:
        return
    ignored = search(
        corpus,
        r"(?i)ignor\w+[^.]{0,60}(?:user[_ ]?id|identity|path)\b|not from (?:the )?path|never from the (?:path|url)",
        most=2,
    )
    refused = search(
        corpus,
        r"(?i)(?:mismatch|does not match|doesn't match|not match)[^.]{0,60}\b(?:401|403|404|forbidden)\b|\b(?:403|forbidden)\b[^.]{0,60}(?:mismatch|not match)",
        most=2,
    )
    if ignored and refused:
        yield Conflict("ownership.mismatch", "conflict", "A user id in the path that is not the token's is refused in one place and ignored in another.",
                       (*refused, *ignored), blocks=1)  # fmt: skip
