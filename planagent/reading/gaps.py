"""What the specs leave open, and traps that only show when places are read together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Endpoint, Evidence
from planagent.reading.accounts import find_account_gaps
from planagent.reading.routes import is_collection, says_success
from planagent.reading.search import has_technology, label_all, search

_FUTURE_HEADING = re.compile(r"(?i)future|out of scope|non-goals|later")


def find_gaps(corpus: Corpus) -> Iterator[Conflict]:
    """Gaps and traps, in no particular order."""
    yield from _contract(corpus)
    yield from _data(corpus)
    yield from _stack(corpus)
    yield from _errors(corpus)
    yield from find_account_gaps(corpus)
    yield from _operations(corpus)
    yield from _questions(corpus)


_PAGING = frozenset(
    {
        "limit",
        "skip",
        "offset",
        "page",
        "page_size",
        "pageSize",
        "per_page",
        "sort",
        "order",
        "sort_by",
        "sortBy",
    }
)


def _contract(corpus: Corpus) -> Iterator[Conflict]:
    endpoints = corpus.facts.endpoints
    # A PUT on a named part, like `/rooms/{id}/closed`, sets that part and no record.
    puts = [e for e in endpoints if e.method == "PUT" and e.path.rstrip("/").endswith("}")]
    partial = search(
        corpus,
        r"(?i)\bpartial(?:ly)?\b|only (?:the )?(?:provided|sent|supplied)|full (?:update|replace)|replaces? the (?:whole|entire)",
        roles=("backend", "constitution"),
        most=3,
    )
    optional_bodies = [
        e for e in puts if e.fields("body") and all(p.required is False for p in e.fields("body"))
    ]
    if puts and partial and optional_bodies and search(corpus, r"(?i)full update|replace", most=1):
        yield Conflict(
            "put.partial",
            "conflict",
            "`PUT` is called a full update, yet every field of its body is optional.",
            (*partial[:2], puts[0].evidence[0]),
            subject=puts[0].label,
        )
    elif puts and not partial and len(optional_bodies) < len(puts):
        names = ", ".join(f"`{e.label}`" for e in puts[:3])
        yield Conflict(
            "put.partial",
            "gap",
            f"Whether {names} replaces the record or changes only the fields sent is not said.",
            tuple(e.evidence[0] for e in puts[:3]),
            subject=puts[0].label,
        )
    lists = [e for e in endpoints if is_collection(e, endpoints)]
    order = search(
        corpus,
        r"(?i)order(?:ed)? by|sort(?:ed|ing)?\b|(?:newest|oldest|latest) first|most recent|descending|ascending|alphabetical",
        roles=("backend",),
        most=1,
    )
    if lists and not order:
        yield Conflict(
            "list.order",
            "gap",
            f"The order of {label_all(lists)} is not said.",
            tuple(e.evidence[0] for e in lists[:2]),
            subject=lists[0].label,
        )
    sorted_lists = [e for e in lists if any(p.name.startswith("sort") for p in e.fields("query"))]
    if sorted_lists and not search(
        corpus,
        r"(?i)\b(?:asc|desc)\b|ascending|descending|direction|newest first",
        roles=("backend",),
        most=1,
    ):
        yield Conflict(
            "list.sort-direction",
            "gap",
            f"`{sorted_lists[0].label}` takes a sort field; its direction and default are not said.",
            sorted_lists[0].evidence[:1],
            subject=sorted_lists[0].label,
        )
    paged = [
        e
        for e in lists
        if any(
            p.name in ("limit", "skip", "offset", "page", "page_size", "pageSize", "per_page")
            for p in e.fields("query")
        )
    ]
    unbounded = [e for e in paged if not _bounded(e)]
    if unbounded:
        yield Conflict(
            "list.bounds",
            "gap",
            f"The bounds of the paging parameters of {label_all(unbounded)} are not said.",
            tuple(e.evidence[0] for e in unbounded[:3]),
            subject=unbounded[0].label,
        )
    totals = [
        e
        for e in lists
        if any(p.name.lower() in ("total", "count", "totalcount") for p in e.fields("response"))
    ]
    totals = [e for e in totals if any(p.name not in _PAGING for p in e.fields("query"))]
    if totals and not search(
        corpus,
        r"(?i)total.{0,40}(?:match|filter|regardless|before pag|all)|`total`\W.{4,}",
        roles=("backend",),
        most=1,
    ):
        yield Conflict(
            "list.total",
            "gap",
            f"What `total` of `{totals[0].label}` counts under a filter is not said.",
            totals[0].evidence[:1],
            blocks=3,
            subject=totals[0].label,
        )
    silent = [
        e
        for e in endpoints
        if not says_success(e) and not re.search(r"/(?:health\w*|ping|ready|live)$", e.path)
    ]
    if silent:
        yield Conflict(
            "response.success",
            "gap",
            f"No status of success stands beside {label_all(silent)}.",
            tuple(e.evidence[0] for e in silent[:3]),
            subject=silent[0].label,
        )
    empty = [e for e in endpoints if 204 in e.statuses]
    json_only = search(corpus, r"(?i)(?:only|always)\b.{0,24}\bjson|json\b.{0,16}\b(?:only|always)", most=2)
    if empty and json_only:
        yield Conflict(
            "response.empty",
            "conflict",
            f"{label_all(empty)} answers 204 without a body; another place says that every response is JSON.",
            (empty[0].evidence[0], *json_only),
            blocks=3,
        )


def _bounded(endpoint: Endpoint) -> bool:
    notes = " ".join(p.note for p in endpoint.fields("query"))
    return bool(
        re.search(
            r"(?i)max|min|最大|最小|between|≤|>=|[1-9]\d*\s*[-–]\s*\d+",
            re.sub(r"(?i)maximum (?:number|tasks|items)?", "", notes),
        )
    )


def _data(corpus: Corpus) -> Iterator[Conflict]:
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
                    entity.evidence[:1],
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


def _errors(corpus: Corpus) -> Iterator[Conflict]:
    shape = search(
        corpus,
        r"(?i)error response (?:format|body|schema)|error format|standard error|unified error",
        roles=("backend", "constitution"),
        most=2,
    )
    validation = search(corpus, r"(?i)\b422\b|validation error", roles=("backend",), most=2)
    if (
        shape
        and validation
        and not search(
            corpus, r"(?i)\berrors?\[\]|\"(?:errors|details|fields)\"\s*:", roles=("backend",), most=1
        )
    ):
        yield Conflict(
            "error.validation-body",
            "gap",
            "The error body is fixed; how a validation error with several fields fits into it is not said.",
            (*shape[:1], *validation[:1]),
        )
    if not shape and corpus.facts.endpoints:
        has_schema = search(
            corpus,
            r"(?i)\"detail\"|\"error\"\s*:|error(?:response)?:|\{\s*detail",
            roles=("backend",),
            most=1,
        )
        if not has_schema:
            yield Conflict(
                "error.body", "gap", "No place gives the body of an error response.", (), subject="error body"
            )


def _stack(corpus: Corpus) -> Iterator[Conflict]:
    named = [
        t
        for t in corpus.facts.technologies
        if t.side == "backend" and t.kind in ("framework", "language", "orm")
    ]
    if not named and corpus.facts.endpoints:
        yield Conflict(
            "stack.unnamed",
            "gap",
            "The specs name no language and no framework for the backend.",
            (),
            blocks=1,
        )


def _operations(corpus: Corpus) -> Iterator[Conflict]:
    if corpus.secrets:
        files = ", ".join(dict.fromkeys(f"`{s.file}`" for s in corpus.secrets))
        yield Conflict(
            "secrets.leaked",
            "prerequisite",
            f"Real-looking credentials stand in {files}: treat them as leaked.",
            corpus.secrets[:4],
            blocks=1,
        )
    front = [d for d in corpus.read if d.role == "frontend"] or has_technology(
        corpus, "Next.js", "React", "Vue", "Angular"
    )
    if (
        front
        and corpus.facts.endpoints
        and not search(corpus, r"(?i)\bcors\b|allowed origins?", roles=("backend", "constitution"), most=1)
    ):
        yield Conflict(
            "cors.absent",
            "gap",
            "A browser frontend calls this backend from another origin; no backend spec gives CORS rules.",
            (),
            blocks=1,
        )
    future = [
        Evidence(p.file, p.start, p.end)
        for d in corpus.read
        for p in d.passages
        if p.trail
        and _FUTURE_HEADING.search(p.heading)
        and d.role != "constitution"
        and len(p.text) > len(p.heading) + 10
    ]
    if future:
        yield Conflict(
            "scope.future", "gap", "The specs list later or excluded work.", tuple(future[:4]), blocks=3
        )


def _questions(corpus: Corpus) -> Iterator[Conflict]:
    """Edge cases that are asked and not answered."""
    for document in corpus.read:
        if document.role == "frontend":
            continue
        for passage in document.passages:
            if not re.search(r"(?i)edge cases|open questions|邊界|casos", passage.heading):
                continue
            open_lines = [
                passage.start + index
                for index, line in enumerate(passage.text.split("\n"))
                if re.match(r"\s*[-*]\s", line) and line.rstrip().endswith(("?", "？"))
            ]
            if open_lines:
                yield Conflict("questions.open", "gap", f"{len(open_lines)} edge cases of `{document.path}` are questions without an answer.",
                               (Evidence(document.path, open_lines[0], open_lines[-1]),), subject=document.path)  # fmt: skip
