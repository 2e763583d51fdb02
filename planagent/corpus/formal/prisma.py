"""Prisma schemas. No library for them exists in Python; the language is a list of blocks, one field a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.corpus.formal.definition import Broken, Definition, Lookup, field_text

_BLOCK = re.compile(r"^\s*(model|enum|type|view)\s+(\w+)\s*\{\s*$")


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: a block is not closed, or none is there.
    """
    lines = source.split("\n")
    number, found = 0, 0
    while number < len(lines):
        match = _BLOCK.match(lines[number])
        number += 1
        if not match:
            continue
        start = number
        facts = [("store", "table" if match[1] == "model" else "message")]
        while number < len(lines) and lines[number].strip() != "}":
            facts += _line(match[1], lines[number])
            number += 1
        if number == len(lines):
            raise Broken(f"the block of line {start} is not closed")
        number += 1
        found += 1
        yield Definition("record", match[2], start, number, tuple(facts))
    if not found:
        raise Broken("it defines no model")


def _line(kind: str, line: str) -> list[tuple[str, str]]:
    bare = re.sub(r"//.*", "", line).strip()
    if not bare:
        return []
    if bare.startswith("@@"):
        return [("constraint", bare)]
    if kind == "enum":
        return [("value", bare.split()[0])]
    name, _, rest = bare.partition(" ")
    written, _, attributes = rest.strip().partition(" ")
    return [("field", field_text(name, written, [attributes.strip()]))]
