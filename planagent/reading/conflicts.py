"""Places that disagree: between documents, between frontend and backend, with the constitution."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Evidence
from planagent.reading.choices import find_choices
from planagent.reading.definitions import find_definitions
from planagent.reading.disagreements import find_disagreements
from planagent.reading.entity_code import Found
from planagent.reading.search import found_in, search
from planagent.reading.statements import find_statements

_DATABASE_URL = re.compile(
    r"^(?:NEON_(?:DB_|DATABASE_)?URL|DATABASE_URL|DB_URL|POSTGRES(?:QL)?_URL|DATABASE_URI|DB_CONNECTION_STRING)$"
)
_FILE_NAME = re.compile(
    r"(?<![\w/.-])[@/]?((?:specs?|docs|backend|frontend|contracts)/[\w./-]+\.(?:md|ya?ml|json))\b|@([\w./-]+\.md)\b"
)
_OTHER_USER = re.compile(
    r"(?i)another user|other users?'?|not (?:own|belong)|some(?:one|body) else|different user|ownership|cross-user|owned by|not one of the (?:caller|user)"
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
    yield from find_disagreements(corpus, entities)
    yield from find_definitions(corpus, entities)
    yield from find_statements(corpus)
    yield from find_choices(corpus)
    yield from _features(corpus)


def _constitution(corpus: Corpus) -> Iterator[Conflict]:
    for template in [
        d for d in corpus.documents if d.why == "an unfilled template" and "constitution" in d.path.lower()
    ]:
        yield Conflict(
            "constitution.template",
            "gap",
            "The constitution is an unfilled template: it states no rule of this project.",
            (Evidence(template.path, 1),),
        )
    if not any(d.role == "constitution" or "constitution" in d.path.lower() for d in corpus.documents):
        yield Conflict(
            "constitution.absent", "gap", "The project has no constitution; the specs alone decide.", ()
        )
    endpoints = corpus.facts.endpoints
    rule = search(
        corpus,
        r"(?i)(?:routes?|endpoints?|paths?)\b.{0,40}`?/api(?:/v\d)?/\*?`?",
        roles=("constitution",),
        most=2,
    )
    stated = next(iter(found_in(corpus, r"/api/v\d+\b", rule)), "/api")
    outside = [e for e in endpoints if not e.path.startswith(stated)]
    if rule and outside and len(outside) < len(endpoints):
        names = ", ".join(f"`{e.label}`" for e in outside[:5])
        yield Conflict("api.prefix", "conflict", f"The constitution puts routes under `{stated}`; the specs put {names} outside it.",
                       (*rule, *(e.evidence[0] for e in outside[:5])), blocks=1)  # fmt: skip
    yield from _principles(corpus)
    demand = _token_everywhere(corpus)
    public = [
        e
        for e in endpoints
        if e.auth == "public" or re.search(r"/(?:login|register|sign-?in|sign-?up|health|ping)$|^/$", e.path)
    ]
    jwt = search(corpus, r"(?i)\b(?:jwt|bearer|token|auth)", roles=("constitution",), most=1)
    if demand and public and jwt:
        names = ", ".join(f"`{e.label}`" for e in public[:6])
        yield Conflict("api.public", "conflict", f"The constitution demands a token on every request; {names} cannot have one.",
                       (*demand, *(e.evidence[0] for e in public[:4])))  # fmt: skip
    optional = search(
        corpus,
        r"(?i)(?:alembic|migrations?)\b.*\boptional|optional\b.*(?:alembic|migrations?)",
        roles=("backend",),
        most=2,
    )
    strict = search(
        corpus,
        r"(?i)migrations?\b.*\b(?:must|required|approved|set ?s? up)|(?:must|sets? up)\b.*migrations?",
        most=3,
    )
    strict = [p for p in strict if p not in optional]
    if optional and strict:
        yield Conflict(
            "database.migrations",
            "conflict",
            "Migrations are optional in one place and demanded in another.",
            (*optional, *strict),
        )
    compose = search(corpus, r"(?i)docker[- ]compose", roles=("constitution",), most=2)
    if compose and not search(corpus, r"(?i)docker[- ]compose|dockerfile", roles=("backend",), most=1):
        yield Conflict(
            "ops.compose",
            "gap",
            "The constitution demands docker-compose; no backend spec describes a container.",
            tuple(compose),
            blocks=3,
        )


def _principles(corpus: Corpus) -> Iterator[Conflict]:
    """General rules of the constitution that a definition breaks."""
    gone = search(
        corpus, r"(?i)\bdelet\w+\b[^.]{0,60}\b204\b|\b204\b[^.]{0,40}\bdelet", roles=("constitution",), most=1
    )
    speaking = [
        e
        for e in corpus.facts.endpoints
        if e.method == "DELETE" and 200 in e.statuses and 204 not in e.statuses
    ]
    if gone and speaking:
        names = ", ".join(f"`{e.label}`" for e in speaking[:3])
        yield Conflict("constitution.delete-status", "conflict", f"The constitution has deletions answer 204; {names} answers 200.",
                       (*gone, *(e.evidence[0] for e in speaking[:3])), blocks=2)  # fmt: skip
    uuids = search(
        corpus,
        r"(?i)\b(?:primary keys?|identifiers?|ids?)\b[^.]{0,40}\buuids?\b",
        roles=("constitution",),
        most=1,
    )
    counted = [
        e
        for e in corpus.facts.entities
        for f in e.fields
        if f.name.lower() == "id"
        and re.search(r"(?i)\bserial|\bint|bigint|autoincrement", f.type)
        and not e.managed_by
    ]
    if uuids and counted:
        names = ", ".join(f"`{e.name}.id`" for e in counted[:4])
        yield Conflict("constitution.id-type", "conflict", f"The constitution demands UUIDs as keys; {names} is an integer.",
                       (*uuids, *(e.evidence[0] for e in counted[:3])), blocks=1)  # fmt: skip


_EVERYWHERE = re.compile(
    r"(?is)\b(?:every|all)\s+(?:\w+\s+){0,3}(?:requests?|endpoints?|routes?)\b(?=.{0,60}\b(?:must|requires?|needs?|include)\b)"
    r".{0,100}?\b(?:jwt|tokens?|bearer|authentication|authorization: )"
)


def _token_everywhere(corpus: Corpus) -> list[Evidence]:
    """Where the constitution demands a token on every request; the demand may run over a list below it."""
    found = []
    for document in corpus.read:
        for passage in document.passages if document.role == "constitution" else ():
            match = _EVERYWHERE.search(passage.text)
            if match:
                found.append(
                    Evidence(document.path, passage.start + passage.text.count("\n", 0, match.start()))
                )
    return found[:3]


def _missing_files(corpus: Corpus) -> Iterator[Conflict]:
    known = {d.path for d in corpus.documents}
    missing: dict[str, list[Evidence]] = defaultdict(list)
    for document in corpus.read:
        for number, line in enumerate(document.lines, 1):
            if "." not in line:
                continue
            for match in _FILE_NAME.finditer(line):
                name = (match[1] or match[2]).lstrip("/")
                if (
                    any(path == name or path.endswith("/" + name) for path in known)
                    or "plan.md" in name
                    or "tasks.md" in name
                ):
                    continue
                missing[name].append(Evidence(document.path, number))
    if missing:
        shown = ", ".join(f"`{name}`" for name in list(missing)[:5]) + (
            f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        )
        places = [places[0] for places in missing.values()]
        yield Conflict(
            "document.missing",
            "gap",
            f"The specs refer to files that do not exist: {shown}.",
            tuple(places[:5]),
        )


def _names(corpus: Corpus) -> Iterator[Conflict]:
    variables = corpus.facts.env_vars
    urls = [v for v in variables if _DATABASE_URL.match(v.name) and v.side != "frontend"]
    if len(urls) > 1:
        names = " and ".join(f"`{v.name}`" for v in urls)
        yield Conflict(
            "env.database-url",
            "conflict",
            f"The database address has several names: {names}.",
            tuple(v.evidence[0] for v in urls),
            blocks=1,
            subject=urls[0].name,
        )
    for variable in variables:
        other = re.fullmatch(r"\$\{?(\w+)\}?", variable.default)
        if other:
            source = next((v for v in variables if v.name == other[1]), None)
            places = (*variable.evidence[:2], *(source.evidence[:1] if source else ()))
            yield Conflict(
                "env.alias",
                "conflict",
                f"`{variable.name}` is given as a reference to `{other[1]}`: two names for one value.",
                places,
                subject=variable.name,
            )
    yield from _prefixed(corpus)
    numbers: dict[str, list[Evidence]] = defaultdict(list)
    for requirement in corpus.facts.requirements:
        numbers[requirement.id].append(requirement.evidence[0])
    for place, number in _numbers_left_out(corpus):
        numbers[number].append(place)
    shared = {n: places for n, places in numbers.items() if len(places) > 1}
    if shared:
        first = next(iter(shared.values()))
        yield Conflict(
            "requirement.collision",
            "trap",
            f"{len(shared)} requirement ids (`{next(iter(shared))}`, …) mean different things in different features; the plan qualifies them.",
            tuple(first[:4]),
            blocks=3,
        )


def _prefixed(corpus: Corpus) -> Iterator[Conflict]:
    """`SECRET_KEY` and `DJANGO_SECRET_KEY`: one setting, once with the name of a technology or of the app before it."""
    stack = {t.name.upper().replace(" ", "_") for t in corpus.facts.technologies} | {"APP"}
    variables = {v.name: v for v in corpus.facts.env_vars if v.side != "frontend"}
    for name, variable in variables.items():
        prefix, _, rest = name.partition("_")
        other = variables.get(rest)
        if other is None or prefix not in stack or _DATABASE_URL.match(name):
            continue
        if {p.file for p in variable.evidence} & {p.file for p in other.evidence}:
            continue  # a document that has both means two settings
        yield Conflict(
            "env.renamed",
            "conflict",
            f"`{rest}` and `{name}` are two names for what looks like one setting.",
            (other.evidence[0], variable.evidence[0]),
            subject=rest,
        )


def _numbers_left_out(corpus: Corpus) -> Iterator[tuple[Evidence, str]]:
    """Requirement ids that documents outside the scope define anew: whoever reads the folder meets both."""
    for document in corpus.documents:
        if document.in_scope or document.role not in ("backend", "frontend"):
            continue
        for number, line in enumerate(document.lines, 1):
            found = re.match(r"\s*[-*]\s+\*\*((?:FR|SC|NFR)-\d{2,3}[A-Za-z]?)\*\*", line)
            if found:
                yield Evidence(document.path, number), found[1]


def _authentication(corpus: Corpus) -> Iterator[Conflict]:
    endpoints = corpus.facts.endpoints
    own = [
        e
        for e in endpoints
        if re.search(r"/(?:login|sign-?in|register|sign-?up|token)$", e.path) and e.method == "POST"
    ]
    better = search(
        corpus, r"(?i)better[- ]?auth\b(?!_)", roles=("constitution", "backend", "frontend"), most=3
    )
    if own and better:
        yield Conflict("auth.issuer", "conflict", "Who logs users in: one place gives it to Better Auth on the frontend, another has the backend check passwords and issue tokens.",
                       (*better[:2], *(e.evidence[0] for e in own[:3])), blocks=1)  # fmt: skip
    elif better and not own:
        promised = search(
            corpus,
            r"(?i)users? (?:can |to )?(?:sign|log|create accounts?|register)",
            roles=("backend",),
            most=2,
        )
        if promised and endpoints:
            yield Conflict(
                "auth.outside",
                "conflict",
                "Requirements speak of sign-up and sign-in; no backend endpoint does them, since Better Auth on the frontend does.",
                (*promised, *_account_statuses(corpus), *better[:1]),
            )
    bearer = search(corpus, r"(?i)authorization\W+(?:header\W+)?bearer|bearer token", most=2)
    cookie = search(
        corpus,
        r"(?i)^(?!.*\b(?:stays?|never|not|no|instead)\b).*(?:(?:http-?only|session|secure) cookie|cookie-based|cookies? (?:for|to) (?:session|auth))",
        roles=("constitution", "backend", "frontend"),
        most=2,
    )
    if bearer and cookie:
        yield Conflict(
            "auth.transport",
            "conflict",
            "The token travels as a bearer header in one place and in a cookie in another.",
            (*bearer[:2], *cookie[:2]),
            blocks=1,
        )
    jwt = search(corpus, r"(?i)\bjwt\b", most=1)
    if jwt and not search(
        corpus,
        r"\b(?:HS|RS|ES)(?:256|384|512)\b|(?i:jwks|eddsa)",
        roles=("constitution", "backend", "frontend"),
        most=1,
    ):
        yield Conflict(
            "auth.algorithm",
            "gap",
            "Tokens are JWTs; no place names the signing algorithm.",
            tuple(jwt),
            blocks=1,
        )


def _account_statuses(corpus: Corpus) -> Iterator[Evidence]:
    """Where statuses are demanded of a sign-up or sign-in that no endpoint spec has."""
    for document in (d for d in corpus.read if d.role == "backend"):
        for passage in document.passages:
            if re.search(r"(?i)sign[- ]?(?:up|in)|regist|log ?in", passage.heading):
                demanded = re.search(r"(?i)\breturns? (?:200|201|400|401|409)\b", passage.text)
                if demanded:
                    line = passage.start + passage.text.count("\n", 0, demanded.start())
                    yield Evidence(document.path, line)


def _ownership(corpus: Corpus) -> Iterator[Conflict]:
    by_status: dict[str, list[Evidence]] = {"403": [], "404": []}
    for document in corpus.read:
        if document.role == "frontend":
            continue
        for number, line in enumerate(document.lines, 1):
            if _OTHER_USER.search(line):
                for status, places in by_status.items():
                    if status in line:
                        places.append(Evidence(document.path, number))
    if by_status["403"] and by_status["404"]:
        yield Conflict("ownership.status", "conflict", "A request for another user's record answers 403 in one place and 404 in another.",
                       (*by_status["403"][:3], *by_status["404"][:3]), blocks=1)  # fmt: skip
    elif not by_status["403"] and not by_status["404"]:
        owned = [
            e
            for e in corpus.facts.entities
            if "User" not in e.name and any(re.match(r"(?i)user_?id|owner_?id", f.name) for f in e.fields)
        ]
        single = [e for e in corpus.facts.endpoints if e.path.endswith("}") and e.auth != "public"]
        if owned and single:
            yield Conflict(
                "ownership.status",
                "gap",
                "What a request for another user's record answers, 403 or 404, is not said.",
                tuple(e.evidence[0] for e in single[:3]),
                blocks=1,
            )


def _features(corpus: Corpus) -> Iterator[Conflict]:
    names: dict[str, list[str]] = defaultdict(list)
    for feature in dict.fromkeys(d.feature for d in corpus.read if re.match(r"\d+-", d.feature)):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", re.sub(r"^\d+-", "", feature)).lower()
        stem = "".join(sorted(w.rstrip("s")[:6] for w in words.split("-") if w not in ("spec", "add", "the")))
        names[stem].append(feature)
    for group in names.values():
        if len(group) > 1:
            places = tuple(Evidence(next(d.path for d in corpus.read if d.feature == f), 1) for f in group)
            yield Conflict(
                "feature.duplicate",
                "conflict",
                f"Feature folders say the same thing twice: {', '.join(group)}.",
                places,
                subject=group[-1],
            )
