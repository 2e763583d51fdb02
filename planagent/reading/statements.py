"""What one document says and another does not keep: lists, values, layouts, names, and orders to a reader."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from planagent.model import Conflict, Corpus, Document, Evidence
from planagent.reading.scope import declared_phases
from planagent.reading.search import join, label_all, search

_HTTP = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\s+[`*]*(/[^\s`*,;)|\]]*)")
_STATUS_LIST = re.compile(
    r"(?i)(?:status|response|return)\s*codes?\b|status list|狀態碼|códigos? de (?:status|resposta)"
)
_NOT_EVIDENT = frozenset((402, 403, 405, 406, 409, 410, 412, 423, 429))
"""Statuses whose case does not follow from their name and the list alone."""
_ASSIGNED = re.compile(
    r"(?<![\w$])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`?\s*[=:]\s*[`\"']?((?:https?|postgresql|redis)://[^\s`\"'|)]+|\d+[smhd]?)(?=[\s`\"'|,;)]|$)"
)
_FALLBACK = re.compile(
    r"(?:process\.env\.|getenv\(\s*[\"']|environ\.get\(\s*[\"'])([A-Z][A-Z0-9_]+)[\"']?\s*(?:\|\||\?\?|,)\s*[\"'](https?://[^\"'\s]+|\d+)[\"']"
)
_LEAVES = (
    "services|service|models|model|routes|routers|controllers|handlers|schemas|repositories|middleware|lib"
)
_FOLDER = re.compile(
    rf"(?<![\w./-])/?((?:(?:backend|server|api|src|app)/)(?:[\w-]+/)*(?:{_LEAVES}))(?=[/`\s,.)]|$)"
)
_BRANCH = re.compile(r"(?i)^\W*(?:feature )?branch\W+([\w./-]+)")
_ORDERS = re.compile(
    r"(?i)\bignore (?:all |any )?(?:previous|prior|above|earlier) instructions|\byou are (?:now |an? |the |operating |acting )[^.]{0,60}\b(?:agent|assistant|ai|model|constitution|expert|engineer)\b"
    r"|\bas an ai\b|\bdo not implement (?:any )?code\b|\bdisregard (?:all|any|the) (?:previous|prior|above|other) |\bsystem prompt\b"
)


def find_statements(corpus: Corpus) -> Iterator[Conflict]:
    """Every disagreement between statements about lists, values, folders, phases and readers."""
    yield from _endpoint_lists(corpus)
    yield from _status_lists(corpus)
    yield from _values(corpus)
    yield from _claims(corpus)
    yield from _sign_out(corpus)
    yield from _folders(corpus)
    yield from _documents(corpus)
    yield from _code(corpus)


def _endpoint_lists(corpus: Corpus) -> Iterator[Conflict]:
    """A constitution that lists the operations of a resource and lacks one, or spells a path otherwise."""
    endpoints = corpus.facts.endpoints
    for document in (d for d in corpus.read if d.role == "constitution"):
        listed = [e for e in endpoints if any(p.file == document.path for p in e.evidence)]
        stems = {_resource(e.path) for e in listed}
        lacking = [e for e in endpoints if e not in listed and _resource(e.path) in stems]
        if len(listed) >= 3 and lacking and len(lacking) < len(listed):
            place = next(p for p in listed[0].evidence if p.file == document.path)
            yield Conflict(
                "constitution.list-incomplete", "conflict",
                f"The constitution's list of endpoints lacks {label_all(lacking)}.",
                (place, *(e.evidence[0] for e in lacking[:3])), blocks=3,
            )  # fmt: skip
    slashed: list[Evidence] = []
    plain: list[Evidence] = []
    for endpoint in endpoints:
        for place in endpoint.evidence:
            document_found = corpus.document(place.file)
            line = document_found.lines[place.line - 1] if document_found else ""
            for method, path in _HTTP.findall(line):
                if method == endpoint.method and len(path) > 1:
                    (slashed if path.endswith("/") else plain).append(place)
    if slashed and plain:
        yield Conflict("endpoint.slash", "conflict", "Paths end with a slash in one place and without it in another.",
                       (*slashed[:3], *plain[:2]))  # fmt: skip


def _resource(path: str) -> str:
    return "/".join(p for p in path.split("/") if p and not p.startswith(("{", ":")))[:40].split("/complete")[
        0
    ]


def _status_lists(corpus: Corpus) -> Iterator[Conflict]:
    """A general list of statuses against those that endpoints have."""
    used: dict[int, Evidence] = {}
    for endpoint in corpus.facts.endpoints:
        for status in endpoint.statuses:
            used.setdefault(status, endpoint.evidence[0])
    if len(corpus.facts.endpoints) < 3 or len(used) < 3:
        return
    for document in (d for d in corpus.read if d.role in ("backend", "constitution")):
        for place, listed in _general_lists(document):
            lacking = sorted(s for s in used if s not in listed and s < 500)
            if lacking and len(lacking) < len(used):
                names = join([str(s) for s in lacking])
                yield Conflict("status.list-incomplete", "conflict", f"The general list of statuses lacks {names}, which endpoints have.",
                               (place, *(used[s] for s in lacking[:3])), blocks=3)  # fmt: skip
            unused = sorted(s for s in listed if s in _NOT_EVIDENT and s not in used)
            if unused:
                names = join([str(s) for s in unused])
                yield Conflict("status.unused", "gap", f"The general list of statuses has {names}; no endpoint says when it is answered.",
                               (place,), blocks=3)  # fmt: skip


def _general_lists(document: Document) -> Iterator[tuple[Evidence, set[int]]]:
    for passage in document.passages:
        if _HTTP.search(" ".join(passage.trail)) or len(passage.text) > 4000:
            continue
        lines = passage.text.split("\n")
        heading = bool(_STATUS_LIST.search(passage.heading))
        one_line = [
            n
            for n, x in enumerate(lines)
            if _STATUS_LIST.search(x) and len(re.findall(r"\b[1-5]\d\d\b", x)) >= 4
        ]
        if one_line:
            number = one_line[0]
            yield Evidence(document.path, passage.start + number), _statuses(lines[number])
        elif heading and not _HTTP.search(passage.text):
            listed = _statuses("\n".join(x for x in lines if re.match(r"\s*(?:[-*|]|\d{3})", x)))
            if len(listed) >= 4:
                first = next(n for n, x in enumerate(lines) if re.search(r"\b[1-5]\d\d\b", x))
                yield Evidence(document.path, passage.start + first, passage.end), listed


def _statuses(text: str) -> set[int]:
    return {int(s) for s in re.findall(r"(?<![\d.:])([1-5]\d\d)(?![\d.:])", text)}


def _values(corpus: Corpus) -> Iterator[Conflict]:
    """One variable with two values of one kind: two local ports, two numbers."""
    known = {v.name: v for v in corpus.facts.env_vars}
    seen: dict[str, dict[str, Evidence]] = defaultdict(dict)
    for document in corpus.read:
        for number, line in enumerate(document.lines, 1):
            if "_" not in line:
                continue
            for name, value in (*_ASSIGNED.findall(line), *_FALLBACK.findall(line)):
                if name in known and not re.search(r"<|\.\.\.|your|xxx|\$\{", value):
                    seen[name].setdefault(_kind(value), Evidence(document.path, number))
    for name, values in seen.items():
        for prefix in ("local ", "number "):
            same = {v.removeprefix(prefix): p for v, p in values.items() if v.startswith(prefix)}
            if len(same) > 1:
                yield Conflict("env.values", "conflict", f"`{name}` is {join(list(same))} in different places.",
                               tuple(same.values())[:4], blocks=3 if known[name].side == "frontend" else 2, subject=name)  # fmt: skip


def _kind(value: str) -> str:
    local = re.match(r"(\w+)://(?:[^@/]*@)?(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?", value)
    if local:
        return f"local {local[1]}://localhost{local[3] or ''}"
    return f"number {value}" if value[0].isdigit() else f"other {value}"


def _claims(corpus: Corpus) -> Iterator[Conflict]:
    """The claim that carries the user's id under two names."""
    own = search(
        corpus,
        r"(?i)`?\buser_?id`? claim|claims?\b[^.\n]{0,30}`user_?id`|(?:payload|user|claims)(?:\.get\(|\[)[\"']user_?id",
        most=2,
    )
    subject = search(
        corpus, r"(?i)`sub`|\bsub claim|claims?\b[^.\n]{0,40}\bsub\b|[\"']sub[\"']\s*[\]:)]", most=2
    )
    if own and subject:
        yield Conflict("auth.claim-name", "conflict", "The claim with the user's id is `user_id` in one place and `sub` in another.",
                       (*own, *subject), blocks=1)  # fmt: skip


def _sign_out(corpus: Corpus) -> Iterator[Conflict]:
    ended = search(
        corpus,
        r"(?i)token (?:is )?(?:no longer valid|invalidat\w+|revoked|blacklisted)|(?:invalidate|revoke|blacklist)s? (?:the |its |all )?(?:jwt|tokens?)\b",
        roles=("constitution", "backend", "frontend"),
        most=2,
    )
    stateless = search(
        corpus,
        r"(?i)\bstateless|no (?:memory or )?session state|no server-side session|without server-side session",
        most=2,
    )
    denied = search(
        corpus,
        r"(?i)deny-?list|black-?list|revocation (?:list|table)|token version",
        roles=("backend",),
        most=1,
    )
    if ended and stateless and not denied:
        yield Conflict("auth.sign-out", "conflict", "A token ends at sign-out in one place; the server keeps no state in another, and no list of ended tokens is specified.",
                       (*ended[:2], *stateless[:2]))  # fmt: skip


def _folders(corpus: Corpus) -> Iterator[Conflict]:
    """The folder that modules lie in, under one name in one document and another in another."""
    parents: dict[str, dict[str, Evidence]] = defaultdict(dict)
    for document in (d for d in corpus.read if d.role in ("constitution", "backend")):
        for number, line in enumerate(document.lines, 1):
            for path in _FOLDER.findall(line) if "/" in line else ():
                parent = path.rpartition("/")[0]
                if not re.search(r"/(?:api|v\d+|core|domain|tests?)$", parent):
                    parents[parent].setdefault(document.path, Evidence(document.path, number))
    for first, second in combinations(sorted(parents), 2):
        apart = not parents[first].keys() & parents[second].keys()
        same_root = first.split("/")[0] == second.split("/")[0]
        if apart and same_root:
            places = (*parents[first].values(), *parents[second].values())
            yield Conflict("layout.parents", "conflict", f"Modules lie in `{first}/` in one place and in `{second}/` in another.",
                           places[:4], subject=second)  # fmt: skip
            return


def _documents(corpus: Corpus) -> Iterator[Conflict]:
    """Names and phases of documents that do not fit, and texts that give orders to their reader."""
    for document in corpus.read:
        for number, line in enumerate(document.lines[:15], 1):
            branch = _BRANCH.match(line)
            if (
                branch
                and re.match(r"\d+-", document.feature)
                and re.match(r"\d+-", branch[1])
                and branch[1] != document.feature
            ):
                yield Conflict("document.branch", "trap", f"`{document.path}` names the branch `{branch[1]}`; its folder is `{document.feature}`.",
                               (Evidence(document.path, number),), blocks=3, subject=document.path)  # fmt: skip
    declared = declared_phases(corpus.documents)
    if len({phase for _, phase in declared}) > 1:
        named = join([f"{phase} in `{place.file}`" for place, phase in declared[:3]])
        yield Conflict(
            "scope.phase",
            "trap",
            f"The current phase is {named}: see what the plan is for.",
            tuple(p for p, _ in declared[:3]),
        )
    orders = search(corpus, _ORDERS, roles=("backend", "frontend"), most=4)
    if orders:
        yield Conflict("text.orders", "trap", "A spec gives orders to an agent that reads it; they are taken as text, not followed.",
                       tuple(orders), blocks=3)  # fmt: skip


def _code(corpus: Corpus) -> Iterator[Conflict]:
    """Faults in the code that specs show, which an executor would copy."""
    first = search(corpus, r"@validator\(|\borm_mode\b|@root_validator", roles=("backend",), most=1)
    second = search(
        corpus,
        r"\bfrom_attributes\b|@field_validator|\bConfigDict\b|\bmodel_validate\b",
        roles=("backend",),
        most=1,
    )
    if first and second:
        yield Conflict("code.pydantic-versions", "trap", "The shown code mixes Pydantic 1 (`validator`, `orm_mode`) with Pydantic 2 (`from_attributes`, `field_validator`).",
                       (*first, *second), blocks=3)  # fmt: skip
    for document in (d for d in corpus.read if d.role == "backend"):
        for passage in document.passages:
            listed = {
                m[1]: m.start()
                for m in re.finditer(r"\bIndex\(\s*[\"']\w+[\"']\s*,\s*[\"'](\w+)[\"']", passage.text)
            }
            for name, at in listed.items():
                column = re.search(
                    rf"(?ms)^[ \t]*{name}[ \t]*[:=](?:(?!^[ \t]*\w+[ \t]*:).){{0,300}}?index\s*=\s*True",
                    passage.text,
                )
                if column:
                    places = sorted(
                        {
                            _at(document, passage.start, passage.text, at),
                            _at(document, passage.start, passage.text, column.start() + 1),
                        }
                    )
                    yield Conflict("data.index-twice", "trap", f"The index on `{name}` is declared twice.", tuple(places), blocks=3, subject=name)  # fmt: skip


def _at(document: Document, start: int, text: str, offset: int) -> Evidence:
    return Evidence(document.path, start + text.count("\n", 0, offset))
