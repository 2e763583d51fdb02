"""SQL definitions of any dialect, by `sqlglot`: tables with columns and constraints, and what changes them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from planagent.corpus.formal.definition import Broken, Definition, Lookup, field_text

_DIALECTS = ("postgres", "mysql", "sqlite", "tsql", "oracle", "clickhouse", "bigquery", "snowflake", None)


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: no dialect reads it, or it defines no table.
    """
    import sqlglot
    from sqlglot import errors, exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of statements that it keeps as they are
    trees: list[Any] = []
    told = ""
    for dialect in _DIALECTS:
        try:
            trees = [t for t in sqlglot.parse(source, read=dialect) if t is not None]
            break
        except (errors.SqlglotError, RecursionError) as error:
            told = told or str(error).split("\n", 1)[0]
    found = []
    for tree in trees:
        if isinstance(tree, exp.Create) and str(tree.args.get("kind", "")).upper() == "TABLE" and isinstance(tree.this, exp.Schema):
            found.append(_table(tree, source))
    if not found:
        raise Broken(told or "it defines no table")
    yield from found


_NO_COLUMN = ("INDEX", "KEY")
"""What some dialects begin an index with, and others read as a column of that name."""


def _table(tree: Any, source: str) -> Definition:
    from sqlglot import exp

    facts: list[tuple[str, str]] = [("store", "table")]
    for column in tree.this.expressions:
        if not isinstance(column, exp.ColumnDef):
            facts.append(("constraint", column.sql()))
        elif column.name.upper() in _NO_COLUMN:
            facts.append(("constraint", _element(source, column.this.meta["start"])))
        else:
            # As the source writes it: another dialect's words for a default or a type are another value.
            facts.append(("field", field_text(column.name, _element(source, column.this.meta["end"] + 1), ())))
    lines = source.split("\n")
    places = [n.meta["line"] for n in tree.walk() if "line" in getattr(n, "meta", {})]
    start, end = min(places, default=1), max(places, default=1)
    while end < len(lines) and ";" not in lines[end - 1]:
        end += 1
    name = ".".join(part.name for part in tree.this.this.parts)
    return Definition("record", name, start, end, tuple(facts))


def _element(source: str, start: int) -> str:
    """One element of a table as it is written: up to the comma or bracket that ends it."""
    found, depth, quote, at = [], 0, "", start
    while at < len(source):
        character = source[at]
        if quote:
            quote = "" if character == quote else quote
        elif source.startswith("--", at):
            at = source.find("\n", at)
            if at < 0:
                break
            continue
        elif character in "'\"`":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        if depth < 0 or (character == "," and not depth and not quote):
            break
        found.append(character)
        at += 1
    return " ".join("".join(found).split())
