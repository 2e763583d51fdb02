"""What the specs leave open, and traps that only show when places are read together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.model import Conflict, Corpus, Endpoint, Evidence
from planagent.reading.accounts import find_account_gaps
from planagent.reading.data_gaps import find_data_gaps
from planagent.reading.routes import is_collection, says_success
from planagent.reading.search import has_technology, label_all, search

_FUTURE_HEADING = re.compile(r"(?i)future|out of scope|non-goals|later")


def find_gaps(corpus: Corpus) -> Iterator[Conflict]:
    """Gaps and traps, in no particular order."""
    yield from _contract(corpus)
    yield from find_data_gaps(corpus)
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
        e
        for e in puts
        if any(p.required is False for p in e.fields("body"))
        and not any(p.required for p in e.fields("body"))
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
    if sorted_lists and not _says_direction(corpus, sorted_lists[0]):
        yield Conflict(
            "list.sort-direction",
            "gap",
            f"`{sorted_lists[0].label}` takes a sort field; its direction and default are not said.",
            _naming(corpus, sorted_lists[0], "sort"),
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


def _naming(corpus: Corpus, endpoint: Endpoint, word: str) -> tuple[Evidence, ...]:
    """The lines below the endpoint's places that have the word; its first place when none does."""
    held = []
    for place in endpoint.evidence:
        document = corpus.document(place.file)
        below = range(place.line, min(place.line + 30, len(document.lines)) + 1) if document else ()
        held += [
            Evidence(place.file, n) for n in below if document and word in document.lines[n - 1].lower()
        ][:1]
    return tuple(held[:2]) or endpoint.evidence[:1]


def _says_direction(corpus: Corpus, endpoint: Endpoint) -> bool:
    """True when the passages about a list say in which direction it is sorted."""
    passages = [corpus.passage_at(p) for p in endpoint.evidence]
    notes = " ".join(f"{p.name} {p.type} {p.note} {p.example}" for p in endpoint.fields("query"))
    text = notes + "\n".join(p.text for p in passages if p)
    return bool(
        re.search(r"(?i)\b(?:asc|desc)\b|ascending|descending|direction|(?:newest|oldest|latest) first", text)
    )


def _bounded(endpoint: Endpoint) -> bool:
    notes = " ".join(p.note for p in endpoint.fields("query"))
    return bool(
        re.search(
            r"(?i)max|min|最大|最小|between|≤|>=|[1-9]\d*\s*[-–]\s*\d+",
            re.sub(r"(?i)maximum (?:number|tasks|items)?", "", notes),
        )
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
    """Edge cases that are asked and not answered, and what the specs themselves mark as unclear."""
    marked = search(corpus, r"\[NEEDS CLARIFICATION", most=6)
    if marked:
        count = "One place is" if len(marked) == 1 else f"{len(marked)} places are"
        yield Conflict("questions.marked", "gap", f"{count} marked as needing clarification: a person must answer before it is built.",
                       tuple(marked), blocks=1)  # fmt: skip
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
