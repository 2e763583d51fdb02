"""Protocol buffers, by `proto-schema-parser`: methods are operations, messages and enums are records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from planagent.corpus.formal.definition import Broken, Definition, Lookup, field_text

TELLING = re.compile(r"\s*(?:package\s+[\w.]+\s*;|option\s+\w*package\s*=)")
"""A package is part of the path of every call, and of what is generated; no definition has it."""


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: the source is no schema.
    """
    from proto_schema_parser.parser import Parser

    try:
        file = Parser().parse(source)
    except Exception as error:
        # The parser's errors are ANTLR's, and share no base of their own.
        raise Broken(f"no protobuf schema ({str(error).splitlines()[0] if str(error) else type(error).__name__})") from error
    lines = source.split("\n")
    found = list(_elements(file.file_elements, lines, ""))
    if not found:
        raise Broken("it defines no service and no message")
    yield from found


def _elements(elements: Sequence[Any], lines: Sequence[str], outer: str) -> Iterator[Definition]:
    for one in elements:
        kind = type(one).__name__
        if kind == "Service":
            yield from _methods(one, lines)
        elif kind == "Message":
            name = f"{outer}{one.name}"
            facts = [("store", "message"), *(("field", f) for f in _fields(one.elements))]
            start, end = _block(lines, "message", one.name)
            yield Definition("record", name, start, end, tuple(facts))
            yield from _elements([e for e in one.elements if type(e).__name__ in ("Message", "Enum")], lines, f"{name}.")
        elif kind == "Enum":
            values = [("value", e.name) for e in one.elements if type(e).__name__ == "EnumValue"]
            start, end = _block(lines, "enum", one.name)
            yield Definition("record", f"{outer}{one.name}", start, end, (("store", "message"), *values))


def _methods(service: Any, lines: Sequence[str]) -> Iterator[Definition]:
    first, last = _block(lines, "service", service.name)
    for method in service.elements:
        if type(method).__name__ != "Method":
            continue
        at = next((n for n in range(first, last + 1) if re.search(rf"\brpc\s+{re.escape(method.name)}\b", lines[n - 1])), first)
        facts = (("transport", "grpc"), ("body", _message(method.input_type)), ("answer", _message(method.output_type)))
        end = at
        while end < last and not re.search(r"[;}]\s*(?://.*)?$", lines[end - 1]):
            end += 1
        yield Definition("operation", f"{service.name}.{method.name}", at, end, facts)


def _message(kind: Any) -> str:
    return f"stream of {kind.type}" if kind.stream else str(kind.type)


def _fields(elements: Sequence[Any]) -> Iterator[str]:
    for one in elements:
        kind = type(one).__name__
        if kind == "Field":
            label = getattr(one.cardinality, "value", "") if one.cardinality else ""
            yield field_text(one.name, str(one.type), [str(label).lower(), f"number {one.number}"])
        elif kind == "MapField":
            yield field_text(one.name, f"map of {one.key_type} to {one.value_type}", [f"number {one.number}"])
        elif kind == "OneOf":
            yield from (f"{f}, one of {one.name}" for f in _fields(one.elements))


def _block(lines: Sequence[str], word: str, name: str) -> tuple[int, int]:
    """The lines of a block, by its braces; the parser gives no places."""
    head = re.compile(rf"^\s*{word}\s+{re.escape(name)}\b")
    start = next((n for n, line in enumerate(lines, 1) if head.match(line)), 1)
    depth, end = 0, start
    for number in range(start, len(lines) + 1):
        bare = re.sub(r"//.*|\"[^\"]*\"", "", lines[number - 1])
        depth += bare.count("{") - bare.count("}")
        end = number
        if depth <= 0 and "}" in bare:
            break
    return start, end
