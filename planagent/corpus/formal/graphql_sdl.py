"""GraphQL's schema language, by `graphql-core`: fields of the root types are operations, other types are records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planagent.corpus.formal.definition import Broken, Definition, Lookup, field_text

_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: the source is no schema.
    """
    import graphql
    from graphql.language import ast

    try:
        document = graphql.parse(source)
    except (graphql.GraphQLError, RecursionError) as error:
        raise Broken(str(error).split("\n", 1)[0]) from error
    roots = dict(_ROOTS)
    for node in document.definitions:
        if isinstance(node, ast.SchemaDefinitionNode | ast.SchemaExtensionNode):
            roots |= {o.operation.value: o.type.name.value for o in node.operation_types}
    kinds = {name: kind for kind, name in roots.items()}
    found = 0
    for node in document.definitions:
        name = getattr(getattr(node, "name", None), "value", "")
        fields = list(getattr(node, "fields", None) or ())
        if name in kinds:
            found += 1
            yield from (_operation(name, f) for f in fields)
        elif fields or hasattr(node, "values"):
            found += 1
            yield _record(name, node, fields)
    if not found:
        raise Broken("it defines no type")


def _operation(root: str, field: Any) -> Definition:
    facts = [("transport", "graphql"), ("answer", _type(field.type))]
    facts += [("parameter", field_text(a.name.value, _type(a.type), _default(a))) for a in field.arguments or ()]
    start, end = _lines(field)
    return Definition("operation", f"{root}.{field.name.value}", start, end, tuple(facts), _description(field))


def _record(name: str, node: Any, fields: list[Any]) -> Definition:
    facts = [("store", "message")]
    facts += [("field", field_text(f.name.value, _type(f.type), _default(f))) for f in fields]
    facts += [("value", v.name.value) for v in getattr(node, "values", None) or ()]
    start, end = _lines(node)
    return Definition("record", name, start, end, tuple(facts), _description(node))


def _default(node: Any) -> list[str]:
    from graphql import print_ast

    value = getattr(node, "default_value", None)
    return [f"default {print_ast(value)}"] if value is not None else []


def _type(node: Any) -> str:
    from graphql import print_ast

    return str(print_ast(node))


def _description(node: Any) -> str:
    told = getattr(node, "description", None)
    return " ".join(str(told.value).split()) if told else ""


def _lines(node: Any) -> tuple[int, int]:
    place = node.loc
    return place.start_token.line, place.end_token.line
