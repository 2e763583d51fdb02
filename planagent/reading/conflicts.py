"""Places that disagree: between documents, between frontend and backend, with the constitution."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from planagent.model import Conflict, Corpus, Document, Endpoint, Entity, Evidence, normalize_path
from planagent.reading.entities import Found, singular

_DATABASE_URL = re.compile(r"^(?:NEON_(?:DB_|DATABASE_)?URL|DATABASE_URL|DB_URL|POSTGRES(?:QL)?_URL|DATABASE_URI|DB_CONNECTION_STRING)$")
_FILE_NAME = re.compile(r"(?<![\w/.-])[@/]?((?:specs?|docs|backend|frontend|contracts)/[\w./-]+\.(?:md|ya?ml|json))\b|@([\w./-]+\.md)\b")
_OTHER_USER = re.compile(r"(?i)another user|other users?'?|not (?:own|belong)|some(?:one|body) else|different user|ownership|cross-user|owned by|not one of the (?:caller|user)")
_PROMISES: tuple[tuple[str, str, str], ...] = (
    ("password reset", r"(?i)forgot(?:ten)?[- ]password|reset password|password reset", r"forgot|reset|recover"),
    ("social login", r"(?i)social (?:login|sign|auth)|(?:google|github|facebook) (?:login|sign|auth|oauth)", r"oauth|social|google|github"),
    ("remember me", r"(?i)remember me", r"remember"),
    ("a demo account", r"(?i)demo account|demo user|demo login", r"demo"),
    ("search", r"(?i)search (?:bar|box|field|input|tasks|by)|searchable", r"search|query|\bq\b"),
    ("due dates", r"(?i)due date|deadline", r"due|deadline"),
    ("summary counts", r"(?i)task (?:summary|statistics|stats)|stats bar|statistics and counters|summary statistics", r"stat|summary|count|total"),
    ("token refresh", r"(?i)refresh(?:ing)? (?:the )?(?:jwt|token)|token refresh", r"refresh"),
    ("file upload", r"(?i)upload (?:a |an |the )?(?:file|image|avatar|photo)", r"upload|file|image|avatar"),
    ("sign-out", r"(?i)sign[- ]?out|log[- ]?out", r"logout|log-out|signout|sign-out"),
)


def find_conflicts(corpus: Corpus, entities: list[Found]) -> Iterator[Conflict]:
    """Every disagreement that lines alone prove, in no particular order.

    Args:
        corpus: documents and merged facts.
        entities: every statement of an entity, before merging.
    """
    yield from _constitution(corpus)
    yield from _missing_files(corpus)
    yield from _names(corpus)
    yield from _authentication(corpus)
    yield from _ownership(corpus)
    yield from _entity_fields(entities)
    yield from _body_limits(corpus)
    yield from _statuses(corpus)
    yield from _frontend(corpus, entities)
    yield from _shadowing(corpus)
    yield from _features(corpus)


def search(corpus: Corpus, pattern: str | re.Pattern[str], *, roles: tuple[str, ...] = ("constitution", "backend"), most: int = 8) -> list[Evidence]:
    """The first lines of documents in scope that match, in document order."""
    compiled = re.compile(pattern) if isinstance(pattern, str) else pattern
    found: list[Evidence] = []
    for document in corpus.read:
        if document.role not in roles:
            continue
        for number, line in enumerate(document.lines, 1):
            if len(line) < 20_000 and compiled.search(line) and not _is_future(document, number):
                found.append(Evidence(document.path, number))
                if len(found) >= most:
                    return found
    return found


@lru_cache(maxsize=512)
def _future_lines(document: Document) -> tuple[tuple[int, int], ...]:
    return tuple((p.start, p.end) for p in document.passages if re.search(r"(?i)future|out of scope|non-goals", " ".join(p.trail)))


def _is_future(document: Document, number: int) -> bool:
    return any(start <= number <= end for start, end in _future_lines(document))


def has_technology(corpus: Corpus, *names: str) -> bool:
    wanted = set(names)
    return any(t.name in wanted for t in corpus.facts.technologies)


def join(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _constitution(corpus: Corpus) -> Iterator[Conflict]:
    for template in [d for d in corpus.documents if d.why == "an unfilled template" and "constitution" in d.path.lower()]:
        yield Conflict("constitution.template", "gap", "The constitution is an unfilled template: it states no rule of this project.", (Evidence(template.path, 1),))
    if not any("constitution" in d.path.lower() for d in corpus.documents):
        yield Conflict("constitution.absent", "gap", "The project has no constitution; the specs alone decide.", ())
    endpoints = corpus.facts.endpoints
    rule = search(corpus, r"(?i)(?:routes?|endpoints?|paths?)\b.{0,40}`?/api(?:/v\d)?/\*?`?", roles=("constitution",), most=2)
    outside = [e for e in endpoints if not e.path.startswith("/api")]
    if rule and outside and len(outside) < len(endpoints):
        names = ", ".join(f"`{e.label}`" for e in outside[:5])
        yield Conflict("api.prefix", "conflict", f"The constitution puts routes under `/api`; the specs put {names} outside it.",
                       (*rule, *(e.evidence[0] for e in outside[:5])), blocks=1)  # fmt: skip
    demand = search(corpus, r"(?i)(?:every|all)\s+(?:\w+\s+){0,3}(?:requests?|endpoints?|routes?)\b.{0,60}(?:must|require|includ|enforce|:)", roles=("constitution",), most=3)
    public = [e for e in endpoints if e.auth == "public" or re.search(r"/(?:login|register|sign-?in|sign-?up|health|ping)$|^/$", e.path)]
    jwt = search(corpus, r"(?i)\b(?:jwt|bearer|token|auth)", roles=("constitution",), most=1)
    if demand and public and jwt:
        names = ", ".join(f"`{e.label}`" for e in public[:6])
        yield Conflict("api.public", "conflict", f"The constitution demands a token on every request; {names} cannot have one.",
                       (*demand, *(e.evidence[0] for e in public[:4])))  # fmt: skip
    optional = search(corpus, r"(?i)(?:alembic|migrations?)\b.*\boptional|optional\b.*(?:alembic|migrations?)", roles=("backend",), most=2)
    strict = search(corpus, r"(?i)migrations?\b.*\b(?:must|required|approved|set ?s? up)|(?:must|sets? up)\b.*migrations?", most=3)
    strict = [p for p in strict if p not in optional]
    if optional and strict:
        yield Conflict("database.migrations", "conflict", "Migrations are optional in one place and demanded in another.", (*optional, *strict))
    compose = search(corpus, r"(?i)docker[- ]compose", roles=("constitution",), most=2)
    if compose and not search(corpus, r"(?i)docker[- ]compose|dockerfile", roles=("backend",), most=1):
        yield Conflict("ops.compose", "gap", "The constitution demands docker-compose; no backend spec describes a container.", tuple(compose), blocks=3)


def _missing_files(corpus: Corpus) -> Iterator[Conflict]:
    known = {d.path for d in corpus.documents}
    missing: dict[str, list[Evidence]] = defaultdict(list)
    for document in corpus.read:
        for number, line in enumerate(document.lines, 1):
            if len(line) > 20_000 or "." not in line:
                continue
            for match in _FILE_NAME.finditer(line):
                name = (match[1] or match[2]).lstrip("/")
                if any(path == name or path.endswith("/" + name) for path in known) or "plan.md" in name or "tasks.md" in name:
                    continue
                missing[name].append(Evidence(document.path, number))
    if missing:
        shown = ", ".join(f"`{name}`" for name in list(missing)[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        places = [places[0] for places in missing.values()]
        yield Conflict("document.missing", "gap", f"The specs refer to files that do not exist: {shown}.", tuple(places[:5]))


def _names(corpus: Corpus) -> Iterator[Conflict]:
    variables = corpus.facts.env_vars
    urls = [v for v in variables if _DATABASE_URL.match(v.name) and v.side != "frontend"]
    if len(urls) > 1:
        names = " and ".join(f"`{v.name}`" for v in urls)
        yield Conflict("env.database-url", "conflict", f"The database address has several names: {names}.", tuple(v.evidence[0] for v in urls), blocks=1, subject=urls[0].name)
    for variable in variables:
        other = re.fullmatch(r"\$\{?(\w+)\}?", variable.default)
        if other:
            source = next((v for v in variables if v.name == other[1]), None)
            places = (*variable.evidence[:2], *(source.evidence[:1] if source else ()))
            yield Conflict("env.alias", "conflict", f"`{variable.name}` is given as a reference to `{other[1]}`: two names for one value.", places, subject=variable.name)
    numbers: dict[str, list[Evidence]] = defaultdict(list)
    for requirement in corpus.facts.requirements:
        numbers[requirement.id].append(requirement.evidence[0])
    shared = {n: places for n, places in numbers.items() if len(places) > 1}
    if shared:
        first = next(iter(shared.values()))
        yield Conflict("requirement.collision", "trap", f"{len(shared)} requirement ids (`{next(iter(shared))}`, …) mean different things in different features; the plan qualifies them.", tuple(first[:4]), blocks=3)


def _authentication(corpus: Corpus) -> Iterator[Conflict]:
    endpoints = corpus.facts.endpoints
    own = [e for e in endpoints if re.search(r"/(?:login|sign-?in|register|sign-?up|token)$", e.path) and e.method == "POST"]
    better = search(corpus, r"(?i)better[- ]?auth\b(?!_)", roles=("constitution", "backend", "frontend"), most=3)
    if own and better:
        yield Conflict("auth.issuer", "conflict", "Who logs users in: one place gives it to Better Auth on the frontend, another has the backend check passwords and issue tokens.",
                       (*better[:2], *(e.evidence[0] for e in own[:3])), blocks=1)  # fmt: skip
    elif better and not own:
        promised = search(corpus, r"(?i)users? (?:can |to )?(?:sign|log|create accounts?|register)", roles=("backend",), most=2)
        if promised and endpoints:
            yield Conflict("auth.outside", "conflict", "Requirements speak of sign-up and sign-in; no backend endpoint does them, since Better Auth on the frontend does.", (*promised, *better[:1]))
    bearer = search(corpus, r"(?i)authorization\W+(?:header\W+)?bearer|bearer token", most=2)
    cookie = search(corpus, r"(?i)^(?!.*\b(?:stays?|never|not|no|instead)\b).*(?:(?:http-?only|session|secure) cookie|cookie-based|cookies? (?:for|to) (?:session|auth))", roles=("constitution", "backend", "frontend"), most=2)
    if bearer and cookie:
        yield Conflict("auth.transport", "conflict", "The token travels as a bearer header in one place and in a cookie in another.", (*bearer[:2], *cookie[:2]), blocks=1)
    jwt = search(corpus, r"(?i)\bjwt\b", most=1)
    if jwt and not search(corpus, r"\b(?:HS|RS|ES)(?:256|384|512)\b|(?i:jwks|eddsa)", roles=("constitution", "backend", "frontend"), most=1):
        yield Conflict("auth.algorithm", "gap", "Tokens are JWTs; no place names the signing algorithm.", tuple(jwt), blocks=1)


def _ownership(corpus: Corpus) -> Iterator[Conflict]:
    by_status: dict[str, list[Evidence]] = {"403": [], "404": []}
    for document in corpus.read:
        if document.role == "frontend":
            continue
        for number, line in enumerate(document.lines, 1):
            if len(line) < 5000 and _OTHER_USER.search(line):
                for status, places in by_status.items():
                    if status in line:
                        places.append(Evidence(document.path, number))
    if by_status["403"] and by_status["404"]:
        yield Conflict("ownership.status", "conflict", "A request for another user's record answers 403 in one place and 404 in another.",
                       (*by_status["403"][:3], *by_status["404"][:3]), blocks=1)  # fmt: skip
    elif not by_status["403"] and not by_status["404"]:
        owned = [e for e in corpus.facts.entities if "User" not in e.name and any(re.match(r"(?i)user_?id|owner_?id", f.name) for f in e.fields)]
        single = [e for e in corpus.facts.endpoints if e.path.endswith("}") and e.auth != "public"]
        if owned and single:
            yield Conflict("ownership.status", "gap", "What a request for another user's record answers, 403 or 404, is not said.", tuple(e.evidence[0] for e in single[:3]), blocks=1)


def _entity_fields(entities: list[Found]) -> Iterator[Conflict]:
    """One entity's field with two types or two limits in two places."""
    seen: dict[tuple[str, str], list[tuple[Found, str, str]]] = defaultdict(list)
    for item in entities:
        if item.side == "frontend":
            continue
        for field in item.fields:
            limit = re.search(r"(?i)max\w*\W{0,3}(\d+)|\(\s*(\d{2,5})\s*\)|(\d+)\s*(?:chars|characters)|\d+\s*[-–]\s*(\d+)", f"{field.type} {field.note}")
            value = next((g for g in limit.groups() if g), "") if limit else ""
            seen[item.name.lower(), field.name.lower()].append((item, _family(field.type or field.note), value))
    for (_, field_name), statements in sorted(seen.items()):
        kinds = {kind for _, kind, _ in statements if kind}
        limits = {limit for _, _, limit in statements if limit}
        name = statements[0][0].name
        places = tuple(dict.fromkeys(Evidence(i.file, i.line) for i, _, _ in statements))
        if len(places) < 2:
            continue
        if len(kinds) > 1:
            yield Conflict("entity.type", "conflict", f"`{name}.{field_name}` is {' in one place and '.join(sorted(kinds))} in another.", places[:4], subject=f"{name}.{field_name}")
        elif len(limits) > 1:
            yield Conflict("entity.limit", "conflict", f"`{name}.{field_name}` is limited to {' and to '.join(sorted(limits))}.", places[:4], subject=f"{name}.{field_name}")


def _most(note: str) -> str:
    found = re.search(r"(?i)max\w*\W{0,3}(\d+)|char\w*\s*\(\s*(\d+)\s*\)|\d+\s*[-–]\s*(\d+)\s*char|(\d+)\s*(?:chars|characters)", note)
    return next((g for g in found.groups() if g), "") if found else ""


def _body_limits(corpus: Corpus) -> Iterator[Conflict]:
    """A request field that may be longer than its column."""
    seen: set[str] = set()
    for endpoint in corpus.facts.endpoints:
        parts = [p for p in endpoint.path.split("/") if p and not p.startswith("{")]
        entity = next((e for e in corpus.facts.entities if parts and e.name.lower() == singular(parts[-1]).lower()), None)
        for parameter in endpoint.fields("body") if entity else ():
            field = next((f for f in entity.fields if f.name == parameter.name), None) if entity else None
            asked, stored = _most(f"{parameter.type} {parameter.note}"), _most(f"{field.type} {field.note}") if field else ""
            subject = f"{entity.name}.{parameter.name}" if entity else ""
            if entity and asked and stored and asked != stored and subject not in seen:
                seen.add(subject)
                yield Conflict("entity.limit", "conflict", f"`{subject}` may have {asked} characters in a request and {stored} in the database.", (endpoint.evidence[0], entity.evidence[0]), subject=subject)


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
            yield Conflict("endpoint.status", "conflict", f"`{endpoint.label}` succeeds with {shown}.", endpoint.evidence[:3], subject=endpoint.label)
        if {400, 422} <= set(endpoint.statuses):
            yield Conflict("endpoint.validation-status", "conflict", f"`{endpoint.label}` answers invalid input with 400 in one place and 422 in another.", endpoint.evidence[:3], subject=endpoint.label)


def _frontend(corpus: Corpus, entities: list[Found]) -> Iterator[Conflict]:
    facts = corpus.facts
    for call in facts.consumed:
        yield Conflict("frontend.calls-missing", "conflict", f"The frontend calls `{call.label}`; no backend spec has it.", call.evidence[:2], blocks=1, subject=call.label)
    front = [d for d in corpus.read if d.role == "frontend"]
    listed = {p.file for e in facts.endpoints for p in e.evidence} & {d.path for d in front}
    unlisted = [e for e in facts.endpoints if not any(p.file in listed for p in e.evidence) and e.path not in ("/", "/health")]
    if listed and unlisted and len(unlisted) < len(facts.endpoints) / 2:
        names = ", ".join(f"`{e.label}`" for e in unlisted[:4])
        first = next(e.evidence for e in facts.endpoints if any(p.file in listed for p in e.evidence))
        place = next(p for p in first if p.file in listed)
        yield Conflict("frontend.list-incomplete", "conflict", f"The frontend's list of endpoints lacks {names}.", (place, *(e.evidence[0] for e in unlisted[:3])), blocks=3)
    offered = " ".join([e.path for e in facts.endpoints] + [p.name for e in facts.endpoints for p in e.parameters] + [f.name for e in facts.entities for f in e.fields])
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
            strange = sorted(theirs - ours)
            if strange and common:
                shown = ", ".join(f"`{name}`" for name in strange[:6])
                yield Conflict("frontend.fields", "conflict", f"The frontend's `{interface.name}` has {shown}; the backend's `{entity.name}` does not.",
                               (Evidence(interface.file, interface.line), entity.evidence[0]), blocks=3, subject=entity.name)  # fmt: skip
            break


def _shadowing(corpus: Corpus) -> Iterator[Conflict]:
    endpoints = corpus.facts.endpoints
    for special in endpoints:
        for general in endpoints:
            if special.method == general.method and shadows(general, special):
                yield Conflict("route.order", "trap", f"`{special.label}` must be registered before `{general.label}`, which would take its last part for a parameter.",
                               (special.evidence[0], general.evidence[0]), subject=special.label)  # fmt: skip


def shadows(general: Endpoint, special: Endpoint) -> bool:
    """True when a path parameter of `general` would swallow a fixed part of `special`."""
    a, b = normalize_path(general.path).split("/"), normalize_path(special.path).split("/")
    if len(a) != len(b) or a == b:
        return False
    differs = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    return all(x == "{}" and y != "{}" for x, y in differs)


def _features(corpus: Corpus) -> Iterator[Conflict]:
    names: dict[str, list[str]] = defaultdict(list)
    for feature in dict.fromkeys(d.feature for d in corpus.read if re.match(r"\d+-", d.feature)):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", re.sub(r"^\d+-", "", feature)).lower()
        stem = "".join(sorted(w.rstrip("s")[:6] for w in words.split("-") if w not in ("spec", "add", "the")))
        names[stem].append(feature)
    for group in names.values():
        if len(group) > 1:
            places = tuple(Evidence(next(d.path for d in corpus.read if d.feature == f), 1) for f in group)
            yield Conflict("feature.duplicate", "conflict", f"Feature folders say the same thing twice: {', '.join(group)}.", places, subject=group[-1])
