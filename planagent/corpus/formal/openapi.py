"""OpenAPI 3.x and Swagger 2: operations with access, parameters, bodies and statuses; schemas with fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from planagent.corpus.formal.definition import Definition, Lookup, field_text
from planagent.corpus.formal.tree import Node, Tree, get, items, last_line, pairs, ref_name, remarks, text

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: the source is no YAML or JSON.
    """
    tree = Tree(source, lookup)
    prefix = _prefix(tree.root)
    required = _access(get(tree.root, "security"))
    for url, written, here in pairs(get(tree.root, "paths")):
        shared = tree.resolve(written)
        parameters = get(written, "parameters")
        above = ((parameters.start_mark.line, last_line(parameters, tree.lines)),) if parameters else ()
        for method, operation, line in pairs(shared):
            if method.lower() not in METHODS:
                continue
            one = _operation(tree, f"{method.upper()} {prefix}{url}", operation, line, shared, required)
            if shared is written:
                yield replace(one, shared=(*above, *one.shared))
            else:  # it stands in another place, whose lines are accounted for there
                yield replace(one, start=here, end=last_line(written, tree.lines), shared=())
    for name, hook, line in pairs(get(tree.root, "webhooks")):
        yield Definition("operation", name, line, last_line(hook, tree.lines), (("transport", "webhook"),))
    schemas = get(tree.root, "components", "schemas") or get(tree.root, "definitions")
    for name, schema, line in pairs(schemas):
        facts = [("store", "message"), *(("field", f) for f in tree.fields(schema))]
        facts += [("limit", note) for note in tree.limits(schema)]
        facts += [("about", told) for told in remarks(schema)]
        yield Definition("record", name, line, last_line(schema, tree.lines), tuple(facts))


def _prefix(root: Node) -> str:
    """The path that all servers share in front of the operations' own."""
    urls = [text(get(server, "url")) for server in items(get(root, "servers"))]
    paths = {re.sub(r"^(?:https?:)?//[^/]+|^\{[^}]*\}", "", url).rstrip("/") for url in urls}
    base = text(get(root, "basePath")).rstrip("/")
    if base:
        return base
    return paths.pop() if len(paths) == 1 and all(p.startswith("/") for p in paths) else ""


def _access(node: Node) -> str | None:
    """What a `security` list asks for in words; None where there is no list. An empty list, or an empty entry, asks for nothing."""
    if node is None:
        return None
    names = [" + ".join(name for name, _, _ in pairs(entry)) for entry in items(node)]
    if not names or not any(names):
        return "none"
    return " or ".join(n or "none" for n in names)


def _operation(tree: Tree, name: str, node: Node, line: int, shared: Node, default: str | None) -> Definition:
    own = _access(get(node, "security"))
    access = own if own is not None else default
    facts: list[tuple[str, str]] = [("transport", "http"), *([("security", access)] if access else [])]
    if text(get(node, "operationId")):
        facts.append(("id", text(get(node, "operationId"))))
    body, responses = get(node, "requestBody"), [r for _, r, _ in pairs(get(node, "responses"))]
    parameters = [*items(get(shared, "parameters")), *items(get(node, "parameters"))]
    for written in parameters:
        facts += _parameter(tree, tree.resolve(written))
    facts += _content(tree, "body", tree.resolve(body))
    for status, response, _ in pairs(get(node, "responses")):
        facts.append(("status", status))
        answer = tree.resolve(response)
        facts += _content(tree, f"answer {status}", answer)
        facts += [("header", f"{status} {name}") for name, _, _ in pairs(get(answer, "headers"))]
    referred = [*parameters, body, *responses]
    says = text(get(node, "summary")) or text(get(node, "description"))
    told = remarks(get(shared, "parameters"), node, *map(tree.resolve, referred))
    facts += [("about", t) for t in told if t != says]
    spans = tuple(s for r in referred if (s := tree.span(r)))
    return Definition("operation", name, line, last_line(node, tree.lines) if node else line, tuple(facts), says, spans)


def _parameter(tree: Tree, node: Node) -> list[tuple[str, str]]:
    where, name = text(get(node, "in")), text(get(node, "name"))
    schema = tree.resolve(get(node, "schema") or node)
    if where == "body":
        return [("body", ref_name(get(node, "schema")) or ", ".join(tree.fields(get(node, "schema"))))]
    needed = "required" if where == "path" or text(get(node, "required")) == "true" else "optional"
    return [("parameter", field_text(name, tree.kind(schema), [where, needed, *tree.limits(schema)]))] if name else []


def _content(tree: Tree, label: str, node: Node) -> list[tuple[str, str]]:
    """The body of a request or an answer: its schema's name, or its fields where it has none."""
    schemas = [get(node, "schema"), *(get(media, "schema") for _, media, _ in pairs(get(node, "content")))]
    for schema in (s for s in schemas if s is not None):
        named = ref_name(schema) or (tree.kind(schema) if text(get(schema, "type")) == "array" else "")
        told = named or "; ".join(tree.fields(schema))
        return [(label, told)] if told else []
    return []
