"""One question answered twice: method, path, status, values, version, algorithm, lifetime, database, framework."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from planagent.model import Conflict, Corpus, Endpoint, Evidence, Technology, normalize_path
from planagent.reading.naming import singular
from planagent.reading.search import found_in, join, search

_SITUATIONS: tuple[tuple[str, str, str, str], ...] = (
    # topic, what it is, words, statuses that answer it
    ("duplicate", "something that exists already", r"already (?:exists?|registered|in use|taken|used)|duplicate|重複|já existe", "400|409|422"),
    ("unauthenticated", "a request without a valid token", r"(?:missing|invalid|expired|no|without(?: a)?(?: valid)?|absent)[\w /,]{0,24}(?:token|jwt|bearer)|unauthenticated", "400|401|403"),
    ("invalid-input", "invalid input", r"validation (?:errors?|fail\w*)|invalid (?:input|request|data|body|field)|malformed", "400|422"),
)  # fmt: skip
_VALUES = re.compile(
    r"(?i)[`\"'*]*\b(status|priority|role|state|type|category|kind|level|visibility|tier|plan)\b[`\"'*]*[^.\n|]{0,30}?(?:one of|values?|enum|allowed|:|\(|=)\s*[\[(]?\s*"
    r"((?:[`'\"]?[A-Za-z][\w-]{1,20}[`'\"]?\s*(?:,\s*(?:or\s+)?|/|\\?\|)\s*){1,8}[`'\"]?[A-Za-z][\w-]{1,20}[`'\"]?)"
)
_LIFETIME = re.compile(
    r"(?i)(?:\b(?:jwt|access token|tokens?|session)s?\b[^.\n]{0,50}\b(?:expir\w*|valid for|lifetime|ttl|lives?)\b|\b(?:expir\w*|lifetime)\b[^.\n]{0,40}\btokens?\b)[^.\n]{0,40}?\b(\d+)[\s-]*(minutes?|min|hours?|hrs?|h|days?|d|weeks?)\b"
)
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_EXCLUSIVE = {
    "database": ("PostgreSQL", "MySQL", "MariaDB", "SQLite", "SQL Server", "MongoDB", "DynamoDB", "Oracle Database"),
    "framework": ("FastAPI", "Flask", "Django", "Express", "NestJS", "Fastify", "Spring Boot", "Gin", "Fiber", "Actix Web", "Axum", "ASP.NET Core", "Laravel", "CodeIgniter", "Symfony", "Ruby on Rails"),
}  # fmt: skip


def find_choices(corpus: Corpus) -> Iterator[Conflict]:
    """Every question that the specs answer in two ways."""
    yield from _methods(corpus)
    yield from _paths(corpus)
    yield from _statuses(corpus)
    yield from _values(corpus)
    yield from _versions(corpus.facts.technologies)
    yield from _stack(corpus)
    yield from _credentials(corpus)


def _files(endpoint: Endpoint) -> set[str]:
    return {p.file for p in endpoint.evidence}


def _methods(corpus: Corpus) -> Iterator[Conflict]:
    """One path with PUT here and PATCH there (or POST for an action), and no document that has both."""
    by_path: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in corpus.facts.endpoints:
        by_path[normalize_path(endpoint.path)].append(endpoint)
    for path, members in by_path.items():
        for first, second in combinations(members, 2):
            pair = {first.method, second.method}
            action = not path.endswith("{}") and path.count("{}") and pair <= {"POST", "PUT", "PATCH"}
            if (pair == {"PUT", "PATCH"} or action) and not _files(first) & _files(second):
                yield Conflict("endpoint.method", "conflict", f"`{first.path}` is changed with {first.method} in one place and with {second.method} in another.",
                               (first.evidence[0], second.evidence[0]), blocks=1, subject=first.label)  # fmt: skip


def _paths(corpus: Corpus) -> Iterator[Conflict]:
    """One operation under two spellings: singular and plural, with a version and without."""
    alike: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
    for endpoint in corpus.facts.endpoints:
        parts = [p for p in normalize_path(endpoint.path).lower().split("/") if p]
        parts = [singular(p) for p in parts if not re.fullmatch(r"api|v\d+", p)]
        alike[endpoint.method, "/".join(parts)].append(endpoint)
    for members in alike.values():
        for first, second in combinations(members, 2):
            if not _files(first) & _files(second):
                yield Conflict("endpoint.path", "conflict", f"`{first.label}` in one place is `{second.label}` in another.",
                               (first.evidence[0], second.evidence[0]), blocks=1, subject=first.label)  # fmt: skip


def _statuses(corpus: Corpus) -> Iterator[Conflict]:
    """One situation with two statuses, each said in a line of its own."""
    for name, what, words, codes in _SITUATIONS:
        near = re.compile(
            rf"(?i)(?:{words})[^.\n]{{0,60}}?\b({codes})\b|\b({codes})\b[^.\n]{{0,40}}?(?:{words})"
        )
        found: dict[str, Evidence] = {}
        for document in (d for d in corpus.read if d.role != "frontend"):
            for number, line in enumerate(document.lines, 1):
                if len(line) > 600 or len(set(re.findall(rf"\b(?:{codes})\b", line))) != 1:
                    continue
                match = near.search(line)
                if match and not re.search(
                    r"(?i)another user|permission|owner|forbidden|role|not allowed", line
                ):
                    found.setdefault(match[1] or match[2], Evidence(document.path, number))
        # Neighbours in one list of statuses tell cases apart.
        lines = [p.line for p in found.values()]
        listed = len({p.file for p in found.values()}) == 1 and max(lines) - min(lines) < 12
        if len(found) > 1 and not listed:
            shown = join([f"{status}" for status in sorted(found)])
            yield Conflict(f"status.{name}", "conflict", f"{what[0].upper()}{what[1:]} answers {shown} in different places.",
                           tuple(found[s] for s in sorted(found)), blocks=1)  # fmt: skip


def _values(corpus: Corpus) -> Iterator[Conflict]:
    """A field with two sets of allowed values."""
    seen: dict[str, dict[frozenset[str], Evidence]] = defaultdict(dict)
    for document in corpus.read:
        for number, line in enumerate(document.lines, 1):
            match = _VALUES.search(line) if len(line) < 600 else None
            if match:
                values = {v.strip("`'\" ").lower() for v in re.split(r",\s*(?:or\s+)?|/|\\?\|", match[2])}
                values -= {"all", "any", "none", "null", "string", "str", "or", "required", "optional"}
                if 2 <= len(values) <= 9:
                    seen[match[1].lower()].setdefault(frozenset(values), Evidence(document.path, number))
    for name, sets in seen.items():
        for (a, first), (b, second) in combinations(sets.items(), 2):
            # Sets that share most are meant to be one; a shorter list in a sentence of the same file may be an example.
            if len(a & b) >= 2 and len(a ^ b) <= 2 and first.file != second.file:
                only = join([f"`{v}`" for v in sorted(a ^ b)])
                yield Conflict("entity.values", "conflict", f"The values of `{name}` have {only} in one place and not in another.",
                               (first, second), subject=name)  # fmt: skip
                break


def _versions(technologies: tuple[Technology, ...]) -> Iterator[Conflict]:
    for technology in technologies:
        for (a, first), (b, second) in combinations(technology.versions, 2):
            if not _compatible(a, b):
                yield Conflict("stack.version", "conflict", f"{technology.name} is {a} in one place and {b} in another.",
                               (first, second), blocks=3 if technology.side == "frontend" else 2, subject=technology.name)  # fmt: skip
                break


def _compatible(a: str, b: str) -> bool:
    """`3.12` and `3.12.4` agree, and so do `3.11+` and `3.12`."""
    first, second = ([int(n) for n in re.findall(r"\d+", v)] for v in (a, b))
    shared = min(len(first), len(second))
    if first[:shared] == second[:shared]:
        return True
    return ("+" in a and second >= first) or ("+" in b and first >= second)


def _stack(corpus: Corpus) -> Iterator[Conflict]:
    """Two databases or two web frameworks, each chosen where the other is not spoken of."""
    named = {t.name: t for t in corpus.facts.technologies if t.side != "frontend"}
    for kind, exclusive in _EXCLUSIVE.items():
        chosen = []
        for name in exclusive:
            places = [p for p in named[name].evidence if not _aside(corpus, p)] if name in named else []
            if places:
                chosen.append((name, places))
        for (a, first), (b, second) in combinations(chosen, 2):
            if not {p.file for p in first} & {p.file for p in second}:
                yield Conflict(f"stack.{kind}", "conflict", f"The {kind} is {a} in one place and {b} in another.",
                               (first[0], second[0]), blocks=1)  # fmt: skip


def _aside(corpus: Corpus, place: Evidence) -> bool:
    """True when the line speaks of tests, of development or of an alternative."""
    document = corpus.document(place.file)
    line = document.lines[place.line - 1] if document else ""
    return (
        document is None
        or document.role == "frontend"
        or bool(
            re.search(
                r"(?i)\btest|in-memory|\bdev(?:elopment)?\b|local|e\.g\.|example|such as|\bor\b|alternativ|compar|unlike|migrat|legacy|deprecated|phase",
                line,
            )
        )
    )


def _credentials(corpus: Corpus) -> Iterator[Conflict]:
    for topic, what, first, second in (
        (
            "auth.algorithm-two",
            "Tokens are signed",
            r"\bHS(?:256|384|512)\b",
            r"\b(?:RS|ES|PS)(?:256|384|512)\b|(?i:eddsa)",
        ),
        (
            "auth.hash",
            "Passwords are hashed",
            r"(?i)\bbcrypt\b",
            r"(?i)\bargon2(?:id)?\b|\bpbkdf2\b|\bscrypt\b",
        ),
    ):
        a, b = (
            search(corpus, p, roles=("constitution", "backend", "frontend"), most=2) for p in (first, second)
        )
        apart = [p for p in b if p not in a]
        if a and apart and not {(p.file, p.line) for p in a} & {(p.file, p.line) for p in b}:
            names = [*found_in(corpus, first, a[:1])[:1], *found_in(corpus, second, apart[:1])[:1]]
            yield Conflict(topic, "conflict", f"{what} with {names[0]} in one place and with {names[1]} in another.",
                           (a[0], apart[0]), blocks=1)  # fmt: skip
    spans: dict[int, tuple[str, Evidence]] = {}
    for place in search(corpus, _LIFETIME, roles=("constitution", "backend", "frontend"), most=40):
        document = corpus.document(place.file)
        line = document.lines[place.line - 1] if document else ""
        match = _LIFETIME.search(line)
        if match and not re.search(r"(?i)refresh|remember|reset|verification|invite|cookie", match[0]):
            seconds = int(match[1]) * _SECONDS[match[2][0].lower()]
            spans.setdefault(seconds, (f"{match[1]} {match[2]}", place))
    if len(spans) > 1:
        shown = join([said for said, _ in spans.values()])
        yield Conflict("auth.lifetime", "conflict", f"A token is valid for {shown} in different places.",
                       tuple(p for _, p in spans.values())[:4])  # fmt: skip
