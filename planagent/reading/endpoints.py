"""HTTP operations in Markdown: headings, bare lines, tables, sentences, labels, curl examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from planagent.model import Endpoint, Evidence, Parameter, normalize_path, unique_evidence
from planagent.reading.text import Line, plain

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_METHOD = r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)"
_PATH = r"/[^\s`|\"'<>,;)*\]、，。）；]*(?:<[a-z_:]+>[^\s`|\"'<>,;)*]*)*|/"
# "PUT/PATCH /x", "**GET** `/x`", "GET: /x", "curl -X POST http://localhost:8000/x"
_MENTION = re.compile(
    rf"(?<![\w/-])({_METHOD}(?:\s*(?:/|,|\||and|or|&)\s*{_METHOD})*)(?:\*\*|__)?[`\s:*]{{1,6}}"
    rf"(?:to\s+)?(?:\"|')?(https?://[^/\s`\"']+|\{{\{{?\w+\}}?\}}|\$\{{?\w+\}}?)?({_PATH})"
)
_LABELLED = re.compile(
    r"^\W*(?:http\s+)?(method|verb|path|url|route|uri|endpoint|方法|路徑|路径|método|ruta|rota|caminho)\W*[:：|][\s`*]*(.+?)[\s`*|]*$",
    re.IGNORECASE,
)
_BARE_PATH = re.compile(rf"`?((?:https?://[^/\s`]+)?{_PATH})`?$")
_BASE_URL = re.compile(r"(?i)base[\s_-]*(?:url|path)|api prefix|路徑前綴")
_STATED_PREFIX = re.compile(
    r"(?i)(?:\bbase[\s_-]*(?:url|path)|\b(?:global |common |api |url |route |path )?prefix(?:ed)?|\bprefijo|\bprefixo|\bpräfix)\b[^/\n]{0,30}?[`\"' ](/(?:api|v\d)[\w/-]{0,30})[`\"'.,;\s]*(?:$|[^\w/{])"
)
_URL_PATH = re.compile(r"https?://[^/\s`\"')|]+(/[\w./-]*)?")
_IGNORED_HEADINGS = re.compile(
    r"(?i)future|out[ -]of[ -]scope|non-goals|not in scope|deprecated|removed|planned for|later phase|rejected|"
    r"anti-?pattern|what not to"
)
_NEGATED = re.compile(r"(?i)\b(?:no|not|never|without|instead of|removed|deprecated|replaces)\b[^.`]{0,40}$")
_SOMEBODY_ELSES = re.compile(
    r"\b[A-Z]\w+['’]s\s+(?:API\s+)?`?$|(?i:\bcalls? (?:the )?(?:stripe|paypal|twilio|sendgrid|github|google|slack|openai)\b[^.]{0,30})$"
)
_LOCAL_HOST = re.compile(
    r"(?i)localhost|127\.0\.0\.1|0\.0\.0\.0|example\.|api\.|\{|\$|your|host|domain|app\.|\.test|\.local"
)
_DRAWING = re.compile(r"[│┌└├─►▼╳]")
_CONCRETE = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[a-z]{2,5}_[0-9a-z]*\d[0-9a-z]*", re.IGNORECASE)
_THIRD_PARTY = re.compile(
    r"googleapis\.com|openai\.com|github\.com|stripe\.com|amazonaws\.com|anthropic\.com"
)


@dataclass(slots=True)
class Mention:
    """One place that names an operation.

    `defines` marks a heading or label that a description follows; `weak` a place that may confirm an
    operation but never makes one (a list of methods before one path, a drawing, a path of parameters only).
    """

    method: str
    path: str
    line: Line
    defines: bool = False
    concrete: bool = False
    weak: bool = False
    summary: str = ""

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """Sorts the most careful statement of an operation first."""
        heading = self.line.text.lstrip().startswith("#")
        return (self.weak, not (self.defines and heading), not self.defines)


@dataclass(slots=True)
class Group:
    """All mentions of one operation, across documents."""

    mentions: list[tuple[str, Mention]] = field(default_factory=list)


MOST_IN_A_LINE = 40
"""A line with more operations than this lists nothing that a reader could use."""


def find_mentions(lines: list[Line], prefix: str = "") -> Iterator[Mention]:
    """Every operation that a document's lines name, in order of lines.

    Args:
        lines: the parsed document.
        prefix: path of the document's stated base URL; put before paths that lack it.
    """
    for line in lines:
        text = line.text
        if _IGNORED_HEADINGS.search(line.under):
            continue
        found = False
        for match in islice(_MENTION.finditer(text), MOST_IN_A_LINE):
            methods = re.findall(_METHOD, match[1])
            host = match[2] or ""
            if (host and not _LOCAL_HOST.search(host)) or _THIRD_PARTY.search(host):
                continue
            if _NEGATED.search(text[: match.start()]) or _SOMEBODY_ELSES.search(text[: match.start()]):
                continue
            path = _clean(match[3])
            if not path:
                continue
            weak = (
                len(methods) > 2
                or bool(_DRAWING.search(text))
                or re.fullmatch(r"(?:/[{:][^/]*)+", path) is not None
            )
            for method in methods[:MOST_IN_A_LINE]:
                found = True
                mention = _mention(method, path, line, prefix, definition=_is_definition(text, match.start()))
                mention.weak = weak
                yield mention
        if not found and line.cells:
            yield from _from_row(line, prefix)
        elif not found:
            yield from _from_other_forms(line, prefix)
    yield from _from_labels(lines, prefix)


_METHOD_BEHIND = re.compile(rf"`({_PATH})`\s*\(({_METHOD})\)")
_CURL = re.compile(rf"\bcurl\s(?!.*(?:-X|--request)\b)[^|]*?(https?://[^/\s`\"']+)({_PATH})")


def _from_other_forms(line: Line, prefix: str) -> Iterator[Mention]:
    """`/path` (POST), and a curl line that leaves its method out."""
    for match in _METHOD_BEHIND.finditer(line.text):
        if not _NEGATED.search(line.text[: match.start()]):
            path = _clean(match[1])
            if path:
                yield _mention(match[2], path, line, prefix, definition=False)
    curl = _CURL.search(line.text)
    path = (
        _clean(curl[2]) if curl and _LOCAL_HOST.search(curl[1]) and not _THIRD_PARTY.search(curl[1]) else None
    )
    if path:
        method = "POST" if re.search(r"\s(?:-d|--data\S*)\s", line.text) else "GET"
        yield _mention(method, path, line, prefix, definition=False)


def base_path(lines: list[Line]) -> str:
    """The prefix that a document states, in a URL (`http://localhost:3001/api/v1`) or by itself (`Base URL: /api/v1`)."""
    for line in lines:
        if _BASE_URL.search(line.text) or _BASE_URL.search(line.heading):
            for match in _URL_PATH.finditer(line.text):
                path = (match[1] or "").rstrip("/")
                if path and len(path) > 1:
                    return path
        stated = _STATED_PREFIX.search(line.text) if line.fence is None else None
        if stated and not _NEGATED.search(line.text[: stated.start(1)]):
            return stated[1].rstrip("/")
    return ""


_WITHOUT_PREFIX = re.compile(
    r"(?i)\b(?:without|outside|no|sin|sem|ohne)\s+(?:the\s+|el\s+|o\s+)?(?:prefix|prefijo|prefixo|präfix)"
)


def _mention(method: str, path: str, line: Line, prefix: str, *, definition: bool) -> Mention:
    apart = _WITHOUT_PREFIX.search(line.text)
    if prefix and not apart and not (path + "/").startswith((prefix + "/", "/api/")):
        path = prefix + (path if path != "/" else "")
    concrete = any(_CONCRETE.fullmatch(part) for part in path.split("/") if part)
    return Mention(method, path, line, definition, concrete, summary=_summary(line))


def _is_definition(text: str, start: int) -> bool:
    before = plain(text[:start]).strip(" #-*|:`0123456789.)")
    listed = re.match(r"\s*(?:\d+[.)]|[-*+])\s", text)  # a step that names the operation describes nothing
    return len(before) <= 24 and not (listed and before)


def _summary(line: Line) -> str:
    """A title for the operation: the rest of a table row, or nothing."""
    for name, cell in zip(line.header, line.cells, strict=False):
        if any(word in name for word in ("description", "purpose", "summary", "說明", "描述", "descri")):
            return plain(cell)
    return ""


def _clean(path: str) -> str | None:
    path = path.split("?", 1)[0].split("#", 1)[0]
    if "..." in path or "…" in path:
        return None
    path = path.rstrip(".:!\\│").replace("\\", "")
    path = re.sub(r"\$\{(\w+)\}", r"{\1}", path)
    path = re.sub(r"/\[(\w+)\]", r"/{\1}", path) if re.search(r"/\[\w+\](/|$)", path) else path
    while path.endswith(("}", "]")) and path.count("{") < path.count("}"):
        path = path[:-1]
    if path.count("{") != path.count("}"):
        return None
    if "*" in path or "//" in path or "[" in path:
        return None
    if re.search(r"\.(?:md|ya?ml|json|py|ts|tsx|js|html)$", path) or re.fullmatch(r"/{_METHOD}", path):
        return None
    if path != "/" and not re.search(r"[a-z]", path, re.IGNORECASE):
        return None
    return path


def _from_row(line: Line, prefix: str) -> Iterator[Mention]:
    """A table row with the method and the path in cells of their own, in either order."""
    cells = [plain(c) for c in line.cells]
    methods: list[str] = []
    for cell in cells:
        words = re.split(r"[\s/,|]+", cell.upper())
        if words and all(word in METHODS for word in words if word) and any(words):
            methods = [word for word in words if word]
            break
    if not methods:
        return
    for cell in cells:
        match = _BARE_PATH.fullmatch(cell)
        if match:
            path = _clean(re.sub(r"^https?://[^/]+", "", match[1]))
            if path is None or path.startswith("/["):
                continue
            for method in methods:
                yield _mention(method, path, line, prefix, definition=False)
            return


def _from_labels(lines: list[Line], prefix: str) -> Iterator[Mention]:
    """`**Method**: POST` with `**Path**: /x` close by, as a label pair or as two rows of a property table."""
    method: tuple[str, Line] | None = None
    path: tuple[str, Line] | None = None
    for line in lines:
        text = " | ".join(line.cells) if line.cells else line.text
        match = _LABELLED.match(plain(text)) if len(text) < 300 else None
        if not match:
            continue
        value = match[2].strip("` *|")
        first = value.split()[0].upper() if value.split() else ""
        if first in METHODS and len(value) <= 8:
            method = (first, line)
        else:
            bare = _BARE_PATH.fullmatch(value)
            cleaned = _clean(re.sub(r"^https?://[^/]+", "", bare[1])) if bare else None
            if cleaned:
                path = (cleaned, line)
        if (
            method
            and path
            and abs(method[1].number - path[1].number) <= 4
            and method[1].trail == path[1].trail
        ):
            yield _mention(method[0], path[0], path[1], prefix, definition=True)
            method = path = None


def merge(found: list[tuple[str, Mention]]) -> dict[str, Group]:
    """Groups mentions by normalised key; concrete ids (`/tasks/1`) join the parametrised path they instance."""
    groups: dict[str, Group] = {}
    for file, mention in found:
        if not mention.concrete and not mention.weak:
            key = f"{mention.method} {normalize_path(mention.path)}"
            groups.setdefault(key, Group()).mentions.append((file, mention))
    shapes = {key: key.split("/") for key in groups}
    _join_short_forms(groups)
    for file, mention in found:
        if mention.weak:
            key = f"{mention.method} {normalize_path(mention.path)}"
            if key in groups:
                groups[key].mentions.append((file, mention))
            continue
        if not mention.concrete:
            continue
        parts = f"{mention.method} {normalize_path(mention.path)}".split("/")
        key = next((k for k, shape in shapes.items() if _instance_of(parts, shape)), "")
        if not key:
            mention.path = "/".join("{id}" if _CONCRETE.fullmatch(p) else p for p in mention.path.split("/"))
            key = f"{mention.method} {normalize_path(mention.path)}"
        groups.setdefault(key, Group()).mentions.append((file, mention))
    return groups


def _join_short_forms(groups: dict[str, Group]) -> None:
    """`GET /reviews` in a permission table means `GET /api/x/{id}/reviews` when no other path starts so."""
    firsts = Counter(key.split("/")[1] for key in groups if "/" in key)
    for key in list(groups):
        method, _, path = key.partition(" ")
        if (
            path == "/"
            or firsts[path.split("/")[1]] > 2
            or any(m.line.text.lstrip().startswith("#") for _, m in groups[key].mentions)
        ):
            continue
        longer = [k for k in groups if k != key and k.startswith(f"{method} ") and k.endswith(path)]
        others = [k for k in groups if k.partition(" ")[2].startswith(path.rstrip("/") + "/")]
        if len(longer) == 1 and not others:
            groups[longer[0]].mentions += groups.pop(key).mentions


def _instance_of(parts: list[str], shape: list[str]) -> bool:
    return len(parts) == len(shape) and all(
        a == b or (b == "{}" and _CONCRETE.fullmatch(a)) for a, b in zip(parts, shape, strict=True)
    )


def shown_path(group: Group) -> str:
    """The path as its definition writes it; without one, as it is written most carefully (no trailing slash)."""
    best = min(group.mentions, key=lambda fm: (fm[1].concrete, fm[1].path.endswith("/"), *_rank(*fm)))
    path = best[1].path
    path = re.sub(r"/:(\w+)", r"/{\1}", path)
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
    return path.rstrip("/") or "/"


def _rank(file: str, mention: Mention) -> tuple[bool, ...]:
    # A constitution quotes the contract; it does not write it.
    return ("constitution" in file.lower(), *mention.rank)


def to_endpoint(group: Group, details: dict[tuple[str, int], Details]) -> Endpoint:
    """One endpoint from all its mentions; details come from the passages that define it."""
    first = group.mentions[0][1]
    evidence = unique_evidence(Evidence(file, m.line.number) for file, m in group.mentions)
    merged = Details()
    for file, mention in sorted(group.mentions, key=lambda fm: _rank(*fm)):
        found = details.get((file, mention.line.number))
        if found:
            merged.take(found)
        merged.summary = merged.summary or mention.summary
    path = shown_path(group)
    named = re.findall(r"\{(\w+)\}", path)
    known = {p.name for p in merged.parameters if p.where == "path"}
    path_parameters = [Parameter(n, where="path", required=True) for n in named if n not in known]
    return Endpoint(
        method=first.method,
        path=path,
        evidence=evidence,
        summary=merged.summary,
        auth=merged.auth,
        statuses=tuple(sorted(merged.statuses)),
        parameters=(*path_parameters, *merged.parameters),
        operation_id=merged.operation_id,
        request_schema=merged.request_schema,
        response_schema=merged.response_schema,
    )


@dataclass(slots=True)
class Details:
    """What a description says of its operation."""

    summary: str = ""
    auth: Literal["required", "public", "unknown"] = "unknown"
    statuses: set[int] = field(default_factory=set)
    parameters: list[Parameter] = field(default_factory=list)
    operation_id: str = ""
    request_schema: str = ""
    response_schema: str = ""

    def take(self, other: Details) -> None:
        """Adds what the other knows and this does not; this one's own statements stand."""
        self.summary = self.summary or other.summary
        self.auth = self.auth if self.auth != "unknown" else other.auth
        self.statuses |= other.statuses
        known = {(p.where, p.name): i for i, p in enumerate(self.parameters)}
        for p in other.parameters:
            index = known.get((p.where, p.name))
            if index is None:
                self.parameters.append(p)
                continue
            mine = self.parameters[index]
            if p.note and p.note not in mine.note and len(mine.note) < 200:
                note = "; ".join(n for n in (mine.note, p.note) if n)
                required = mine.required if mine.required is not None else p.required
                self.parameters[index] = replace(mine, type=mine.type or p.type, required=required, note=note)
        self.operation_id = self.operation_id or other.operation_id
        self.request_schema = self.request_schema or other.request_schema
        self.response_schema = self.response_schema or other.response_schema
