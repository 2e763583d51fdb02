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
    lines = source.split("\n")
    for tree in trees:
        if isinstance(tree, exp.Create) and str(tree.args.get("kind", "")).upper() == "TABLE" and isinstance(tree.this, exp.Schema):
            found.append(_table(tree, lines))
    if not found:
        raise Broken(told or "it defines no table")
    yield from found


def _table(tree: Any, lines: list[str]) -> Definition:
    from sqlglot import exp

    facts: list[tuple[str, str]] = [("store", "table")]
    for column in tree.this.expressions:
        if isinstance(column, exp.ColumnDef):
            kind = column.args.get("kind")
            notes = [c.sql() for c in column.args.get("constraints") or ()]
            facts.append(("field", field_text(column.name, kind.sql() if kind else "", notes)))
        else:
            facts.append(("constraint", column.sql()))
    places = [n.meta["line"] for n in tree.walk() if "line" in getattr(n, "meta", {})]
    start, end = min(places, default=1), max(places, default=1)
    while end < len(lines) and ";" not in lines[end - 1]:
        end += 1
    return Definition("record", tree.this.this.name, start, end, tuple(facts))
