"""JSON Schema: each object with a name is a record; one without is called as its file."""

from __future__ import annotations

from collections.abc import Iterator

from planagent.corpus.formal.definition import Definition, Lookup
from planagent.corpus.formal.tree import Tree, get, last_line, pairs, remarks, text


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: the source is no YAML or JSON.
    """
    tree = Tree(source, lookup)
    title = text(get(tree.root, "title"))
    fields = tree.fields(tree.root)
    if fields:
        facts = (("store", "message"), *(("field", f) for f in fields), *(("about", t) for t in remarks(tree.root)))
        last = last_line(tree.root, tree.lines)
        yield Definition("record", title or text(get(tree.root, "$id")).rsplit("/", 1)[-1], 1, last, facts)
    for group in ("$defs", "definitions"):
        for name, node, line in pairs(get(tree.root, group)):
            facts = (("store", "message"), *(("field", f) for f in tree.fields(node)), *(("about", t) for t in remarks(node)))
            yield Definition("record", name, line, last_line(node, tree.lines), facts)
