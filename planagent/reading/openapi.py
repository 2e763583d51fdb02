"""OpenAPI documents (YAML or JSON) with line numbers; a line scan where the YAML does not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from planagent.model import Parameter, Passage
from planagent.reading.endpoints import METHODS, Details, Mention
from planagent.reading.text import Line, Parsed, slugify

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PATH_KEY = re.compile(r"^(\s*)['\"]?(/[^\s'\"]*)['\"]?\s*:\s*$")
_METHOD_KEY = re.compile(r"^(\s+)['\"]?(get|post|put|patch|delete|head|options)['\"]?\s*:\s*$", re.IGNORECASE)
_SCHEMA_SUFFIX = re.compile(
    r"(?i)(create|update|patch|new)?(request|response|input|output|payload|body|dto|list|page|paginated|error|params|"
    r"result|create|update|patch|problem|errors|message|envelope|login|token|register|summary|status)s?$|^(create|update|patch|new|list|error|api|"
    r"paginated|validation|success|base|health|login|register|token|problem|response|message|http|bulk|page|pagination)"
)


@dataclass(slots=True)
class OpenApi:
    """What one OpenAPI document says; lines are 1-based."""

    parsed: Parsed
    mentions: list[Mention] = field(default_factory=list)
    details: dict[int, Details] = field(default_factory=dict)
    schemas: list[tuple[str, int, tuple[Parameter, ...]]] = field(default_factory=list)
    prefixes: tuple[str, ...] = ()
    problem: str = ""


def is_openapi(text: str) -> bool:
    head = text[:4000]
    return bool(re.search(r"(?m)^[ \t]*['\"]?(?:openapi|swagger)['\"]?\s*:", head)) or (
        bool(re.search(r"(?m)^paths:\s*$", text)) and bool(_METHOD_KEY.search(text) or "get:" in text)
    )


def read_openapi(path: str, text: str) -> OpenApi:
    """Operations and schemas of one OpenAPI document; never raises on broken YAML."""
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    try:
        root = yaml.compose(text, Loader=_Loader)
        if not isinstance(root, yaml.MappingNode):
            raise yaml.YAMLError("the document is not a mapping")
        return _from_tree(path, lines, root)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        result = _from_lines(path, lines)
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        result.problem = f"{path}: not valid YAML{where}; its operations were found by a scan of its lines"
        return result


# -- the parsed document ------------------------------------------------------------------------


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value, key.start_mark.line + 1


def _get(node: yaml.Node | None, *names: str) -> yaml.Node | None:
    for name in names:
        node = next((value for key, value, _ in _pairs(node) if key == name), None)
    return node


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _from_tree(path: str, lines: list[Line], root: yaml.Node) -> OpenApi:
    result = OpenApi(Parsed(lines))
    urls = [_text(_get(server, "url")) for server in _items(_get(root, "servers"))]
    base = _text(_get(root, "basePath"))
    prefixes = [base, *(re.sub(r"^(?:https?:)?//[^/]+|^\{[^}]*\}", "", url) for url in urls)]
    result.prefixes = tuple(dict.fromkeys(p.rstrip("/") for p in prefixes if p.rstrip("/").startswith("/")))
    if any(not p.rstrip("/") for p in prefixes[1:]):
        result.prefixes = ("", *result.prefixes)
    secured = bool(_items(_get(root, "security")))
    starts: list[tuple[int, int, str]] = []
    for url, operations, _ in _pairs(_get(root, "paths")):
        shared = _items(_get(operations, "parameters"))
        for method, operation, line in _pairs(operations):
            if method.upper() not in METHODS:
                continue
            result.mentions.append(Mention(method.upper(), url, lines[line - 1], defines=True))
            result.details[line] = _operation(root, operation, shared, secured)
            starts.append((line, operation.end_mark.line, f"{method.upper()} {url}"))
    components = _get(root, "components", "schemas") or _get(root, "definitions")
    for name, schema, line in _pairs(components):
        starts.append((line, schema.end_mark.line, f"schema {name}"))
        result.schemas.append((name, line, tuple(_properties(root, schema, "field"))))
    result.parsed.passages = _passages(path, lines, starts)
    return result


def _operation(root: yaml.Node, node: yaml.Node, shared: list[yaml.Node], secured: bool) -> Details:
    details = Details(summary=_text(_get(node, "summary")) or _text(_get(node, "description")).split("\n")[0])
    details.operation_id = _text(_get(node, "operationId"))
    security = _get(node, "security")
    if security is not None:
        details.auth = "required" if _items(security) else "public"
    elif secured:
        details.auth = "required"
    for written in [*shared, *_items(_get(node, "parameters"))]:
        parameter = _resolve(root, written)
        where = _text(_get(parameter, "in"))
        schema = _resolve(root, _get(parameter, "schema") or parameter)
        if where in ("path", "query"):
            required = _text(_get(parameter, "required")) == "true"
            name = _text(_get(parameter, "name"))
            details.parameters.append(Parameter(name, _type(schema), required, _limits(schema), where))  # type: ignore[arg-type]
        elif where == "body":
            details.parameters += _properties(root, schema, "body")
    body = _content_schema(_resolve(root, _get(node, "requestBody")))
    if body is not None:
        details.request_schema = _ref_name(body)
        details.parameters += _properties(root, body, "body")
    for status, response, _ in _pairs(_get(node, "responses")):
        if status.isdigit():
            details.statuses.add(int(status))
        schema_node = _content_schema(_resolve(root, response))
        if status.startswith("2") and schema_node is not None and not details.response_schema:
            details.response_schema = _ref_name(schema_node)
            details.parameters += _properties(root, schema_node, "response")
    return details


def _content_schema(node: yaml.Node | None) -> yaml.Node | None:
    direct = _get(node, "schema")
    if direct is not None:
        return direct
    for _, media, _ in _pairs(_get(node, "content")):
        return _get(media, "schema")
    return None


def _ref_name(node: yaml.Node | None) -> str:
    return _text(_get(node, "$ref")).rsplit("/", 1)[-1]


def _resolve(root: yaml.Node, node: yaml.Node | None, depth: int = 0) -> yaml.Node | None:
    reference = _text(_get(node, "$ref"))
    if reference.startswith("#/") and depth < 8:
        return _resolve(root, _get(root, *reference[2:].split("/")), depth + 1)
    return node


def _properties(root: yaml.Node, node: yaml.Node | None, where: str, depth: int = 0) -> list[Parameter]:
    node = _resolve(root, node)
    if depth > 4 or node is None:
        return []
    found: list[Parameter] = []
    for part in _items(_get(node, "allOf")):
        found += _properties(root, part, where, depth + 1)
    if _text(_get(node, "type")) == "array":
        return [Parameter("[]", _ref_name(_get(node, "items")) or "object", where=where)]  # type: ignore[arg-type]
    required = {_text(n) for n in _items(_get(node, "required"))}
    for name, schema, _ in _pairs(_get(node, "properties")):
        target = _resolve(root, schema)
        kind = _ref_name(schema) or _type(target)
        found.append(Parameter(name, kind, name in required, _limits(target), where))  # type: ignore[arg-type]
    return found


def _type(node: yaml.Node | None) -> str:
    kind = _text(_get(node, "type"))
    form = _text(_get(node, "format"))
    return f"{kind} ({form})" if kind and form else kind


def _limits(node: yaml.Node | None) -> str:
    notes = []
    for name in ("minLength", "maxLength", "minimum", "maximum", "default", "pattern", "nullable"):
        value = _text(_get(node, name))
        if value:
            notes.append(f"{name} {value}")
    values = [_text(n) for n in _items(_get(node, "enum"))]
    if values:
        notes.append("one of " + ", ".join(values[:12]))
    return "; ".join(notes)


def is_entity_schema(name: str, fields: tuple[Parameter, ...]) -> bool:
    """A stored thing has an identity; requests, lists, errors and envelopes do not count."""
    names = {f.name.lower() for f in fields}
    return not _SCHEMA_SUFFIX.search(name) and bool(
        names & {"id", "uuid", "_id", f"{name.lower()}id", f"{name.lower()}_id"}
    )


# -- the fallback -------------------------------------------------------------------------------


def _from_lines(path: str, lines: list[Line]) -> OpenApi:
    result = OpenApi(Parsed(lines))
    url, indent = "", -1
    starts: list[tuple[int, int, str]] = []
    for line in lines:
        match = _PATH_KEY.match(line.text)
        if match:
            url, indent = match[2], len(match[1])
            continue
        verb = _METHOD_KEY.match(line.text)
        if verb and url and len(verb[1]) > indent:
            method = verb[2].upper()
            result.mentions.append(Mention(method, url, line, defines=True))
            result.details[line.number] = Details()
            starts.append((line.number, len(lines), f"{method} {url}"))
        status = re.match(r"\s+['\"]?([1-5]\d\d)['\"]?\s*:", line.text)
        if status and result.mentions:
            result.details[result.mentions[-1].line.number].statuses.add(int(status[1]))
    starts = [
        (start, starts[i + 1][0] - 1 if i + 1 < len(starts) else end, title)
        for i, (start, end, title) in enumerate(starts)
    ]
    result.parsed.passages = _passages(path, lines, starts)
    return result


def _passages(path: str, lines: list[Line], starts: list[tuple[int, int, str]]) -> list[Passage]:
    """The head of the file, then one passage per operation and schema."""
    starts = sorted(starts)
    first = starts[0][0] - 1 if starts else len(lines)
    passages = []
    if first >= 1:
        passages.append(Passage(path, "", (), 1, first, "\n".join(line.text for line in lines[:first])))
    seen: dict[str, int] = {}
    for index, (start, end, title) in enumerate(starts):
        stop = min(max(end, start), starts[index + 1][0] - 1 if index + 1 < len(starts) else len(lines))
        slug = slugify(title)
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        slug = f"{slug}-{count}" if count else slug
        body = "\n".join(line.text for line in lines[start - 1 : stop])
        passages.append(Passage(path, slug, (title,), start, stop, body))
        for line in lines[start - 1 : stop]:
            line.trail = (title,)
    return passages
