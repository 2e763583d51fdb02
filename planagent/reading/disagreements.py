"""Statements about one thing that differ: types, limits, statuses, names, between backend and frontend."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Entity, Evidence
from planagent.reading.entity_code import Found
from planagent.reading.naming import singular
from planagent.reading.routes import shadowed
from planagent.reading.search import join, search

_PROMISES: tuple[tuple[str, str, str], ...] = (
    (
        "password reset",
        r"(?i)forgot(?:ten)?[- ]password|reset password|password reset",
        r"forgot|reset|recover",
    ),
    (
        "social login",
        r"(?i)social (?:login|sign|auth)|(?:google|github|facebook) (?:login|sign|auth|oauth)",
        r"oauth|social|google|github",
    ),
    ("remember me", r"(?i)remember me", r"remember"),
    ("a demo account", r"(?i)demo account|demo user|demo login", r"demo"),
    ("search", r"(?i)search (?:bar|box|field|input|tasks|by)|searchable", r"search|query|\bq\b"),
    ("due dates", r"(?i)due date|deadline", r"due|deadline"),
    (
        "summary counts",
        r"(?i)task (?:summary|statistics|stats)|stats bar|statistics and counters|summary statistics",
        r"\bstats?\b|statistic|summary|\bcounts?\b|\btotal\b|_count\b|total_",
    ),
    ("token refresh", r"(?i)refresh(?:ing)? (?:the )?(?:jwt|token)|token refresh", r"refresh"),
    ("file upload", r"(?i)upload (?:a |an |the )?(?:file|image|avatar|photo)", r"upload|file|image|avatar"),
    ("sign-out", r"(?i)sign[- ]?out|log[- ]?out", r"logout|log-out|signout|sign-out"),
)


def find_disagreements(corpus: Corpus, entities: list[Found]) -> Iterator[Conflict]:
    """Every pair of statements that cannot both hold.

    Args:
        corpus: documents and merged facts.
        entities: every statement of an entity, before merging.
    """
    yield from _entity_fields(entities)
    yield from _body_limits(corpus)
    yield from _statuses(corpus)
    yield from _frontend(corpus, entities)
    yield from _shadowing(corpus)


def _entity_fields(entities: list[Found]) -> Iterator[Conflict]:
    """One entity's field with two types or two limits in two places."""
    seen: dict[tuple[str, str], list[tuple[Found, str, str]]] = defaultdict(list)
    for item in entities:
        if item.side == "frontend" or item.form == "interface":
            continue
        for field in item.fields:
            limit = re.search(
                r"(?i)max\w*\W{0,3}(\d+)|\(\s*(\d{2,5})\s*\)|(\d+)\s*(?:chars|characters)|\d+\s*[-–]\s*(\d+)",
                f"{field.type} {field.note}",
            )
            value = next((g for g in limit.groups() if g), "") if limit else ""
            seen[item.name.lower(), field.name.lower()].append(
                (item, _family(field.type or field.note), value)
            )
    for (_, field_name), statements in sorted(seen.items()):
        kinds = {kind for _, kind, _ in statements if kind}
        limits = {limit for _, _, limit in statements if limit}
        name = statements[0][0].name
        places = tuple(dict.fromkeys(Evidence(i.file, i.line) for i, _, _ in statements))
        if len(places) < 2:
            continue
        if len(kinds) > 1 and kinds != {"a time", "text"}:
            yield Conflict(
                "entity.type",
                "conflict",
                f"`{name}.{field_name}` is {' in one place and '.join(sorted(kinds))} in another.",
                places[:4],
                subject=f"{name}.{field_name}",
            )
        elif len(limits) > 1 and "hash" not in field_name:
            yield Conflict(
                "entity.limit",
                "conflict",
                f"`{name}.{field_name}` is limited to {' and to '.join(sorted(limits))}.",
                places[:4],
                subject=f"{name}.{field_name}",
            )


def _most(note: str) -> str:
    found = re.search(
        r"(?i)max\w*\W{0,3}(\d+)|char\w*\s*\(\s*(\d+)\s*\)|\d+\s*[-–]\s*(\d+)\s*char|(\d+)\s*(?:chars|characters)",
        note,
    )
    return next((g for g in found.groups() if g), "") if found else ""


def _body_limits(corpus: Corpus) -> Iterator[Conflict]:
    """A request field that may be longer than its column."""
    seen: set[str] = set()
    for endpoint in corpus.facts.endpoints:
        parts = [p for p in endpoint.path.split("/") if p and not p.startswith("{")]
        entity = next(
            (e for e in corpus.facts.entities if parts and e.name.lower() == singular(parts[-1]).lower()),
            None,
        )
        for parameter in endpoint.fields("body") if entity else ():
            field = next((f for f in entity.fields if f.name == parameter.name), None) if entity else None
            asked, stored = (
                _most(f"{parameter.type} {parameter.note}"),
                _most(f"{field.type} {field.note}") if field else "",
            )
            subject = f"{entity.name}.{parameter.name}" if entity else ""
            if entity and asked and stored and asked != stored and subject not in seen:
                seen.add(subject)
                yield Conflict(
                    "entity.limit",
                    "conflict",
                    f"`{subject}` may have {asked} characters in a request and {stored} in the database.",
                    (endpoint.evidence[0], entity.evidence[0]),
                    subject=subject,
                )


def _family(kind: str) -> str:
    kind = kind.lower()
    for family, pattern in (("a UUID", r"uuid|guid"), ("an integer", r"\bint|serial|bigint|\blong\b"), ("a boolean", r"bool"),
                            ("a time", r"date|time"), ("text", r"str|text|char")):  # fmt: skip
        if re.search(pattern, kind):
            return family
    return ""


def _statuses(corpus: Corpus) -> Iterator[Conflict]:
    for endpoint in corpus.facts.endpoints:
        good = {s for s in endpoint.statuses if 200 <= s < 300}
        if {200, 201} <= good or {200, 204} <= good or {201, 202} <= good:
            shown = " and ".join(str(s) for s in sorted(good))
            yield Conflict(
                "endpoint.status",
                "conflict",
                f"`{endpoint.label}` succeeds with {shown}.",
                endpoint.evidence[:3],
                subject=endpoint.label,
            )
        if {400, 422} <= set(endpoint.statuses):
            yield Conflict(
                "endpoint.validation-status",
                "conflict",
                f"`{endpoint.label}` answers invalid input with 400 in one place and 422 in another.",
                endpoint.evidence[:3],
                subject=endpoint.label,
            )


def _frontend(corpus: Corpus, entities: list[Found]) -> Iterator[Conflict]:
    facts = corpus.facts
    for call in facts.consumed:
        yield Conflict(
            "frontend.calls-missing",
            "conflict",
            f"The frontend calls `{call.label}`; no backend spec has it.",
            call.evidence[:2],
            blocks=1,
            subject=call.label,
        )
    front = [d for d in corpus.read if d.role == "frontend"]
    listed = {p.file for e in facts.endpoints for p in e.evidence} & {d.path for d in front}
    unlisted = [
        e
        for e in facts.endpoints
        if not any(p.file in listed for p in e.evidence) and e.path not in ("/", "/health")
    ]
    if listed and unlisted and len(unlisted) < len(facts.endpoints) / 2:
        names = ", ".join(f"`{e.label}`" for e in unlisted[:4])
        first = next(e.evidence for e in facts.endpoints if any(p.file in listed for p in e.evidence))
        place = next(p for p in first if p.file in listed)
        yield Conflict(
            "frontend.list-incomplete",
            "conflict",
            f"The frontend's list of endpoints lacks {names}.",
            (place, *(e.evidence[0] for e in unlisted[:3])),
            blocks=3,
        )
    offered = " ".join(
        [e.path for e in facts.endpoints]
        + [p.name for e in facts.endpoints for p in e.parameters]
        + [f.name for e in facts.entities for f in e.fields]
    )
    unserved: dict[str, list[Evidence]] = {}
    for name, promise, served in _PROMISES:
        places = search(corpus, promise, roles=("frontend",), most=2)
        if places and not re.search(f"(?i){served}", offered):
            unserved[name] = places
    if unserved:
        yield Conflict("frontend.promises", "gap", f"The frontend promises {join(list(unserved))}; the backend specs have nothing for them.",
                       tuple(p for places in unserved.values() for p in places[:1]), blocks=3, subject=", ".join(unserved))  # fmt: skip
    yield from _field_names(facts.entities, [e for e in entities if e.side == "frontend"])


def _field_names(backend: tuple[Entity, ...], interfaces: list[Found]) -> Iterator[Conflict]:
    for interface in interfaces:
        theirs = {f.name for f in interface.fields}
        for entity in backend:
            ours = {f.name for f in entity.fields}
            common = theirs & ours
            if entity.name.lower() != interface.name.lower() and len(common) < 3:
                continue
            spelled = {name.lower() for name in ours}
            strange = sorted(name for name in theirs - ours if name.lower() not in spelled)
            if strange and common:
                shown = ", ".join(f"`{name}`" for name in strange[:6])
                yield Conflict("frontend.fields", "conflict", f"The frontend's `{interface.name}` has {shown}; the backend's `{entity.name}` does not.",
                               (Evidence(interface.file, interface.line), entity.evidence[0]), blocks=3, subject=entity.name)  # fmt: skip
            break


def _shadowing(corpus: Corpus) -> Iterator[Conflict]:
    for special, general in shadowed(corpus.facts.endpoints):
        yield Conflict("route.order", "trap", f"`{special.label}` must be registered before `{general.label}`, which would take its last part for a parameter.",
                       (special.evidence[0], general.evidence[0]), subject=special.label)  # fmt: skip
