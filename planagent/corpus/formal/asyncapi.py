"""AsyncAPI 2 and 3: what is published and what is consumed, by channel; messages and schemas with fields."""

from __future__ import annotations

from collections.abc import Iterator

from planagent.corpus.formal.definition import Definition, Lookup
from planagent.corpus.formal.tree import Node, Tree, get, items, last_line, pairs, ref_name, remarks, text

# AsyncAPI 2 says what others may do with the channel: an application is published to, and subscribed from.
_DIRECTIONS = {"publish": "event in", "subscribe": "event out", "receive": "event in", "send": "event out"}


def parse(source: str, lookup: Lookup) -> Iterator[Definition]:
    """
    Raises:
        Broken: the source is no YAML or JSON.
    """
    tree = Tree(source, lookup)
    for channel, node, _ in pairs(get(tree.root, "channels")):
        for verb in ("publish", "subscribe"):
            for key, operation, line in pairs(node):
                if key == verb:
                    yield _event(tree, channel, _DIRECTIONS[verb], operation, line, get(operation, "message"))
    for name, operation, line in pairs(get(tree.root, "operations")):
        action = text(get(operation, "action"))
        target = tree.resolve(get(operation, "channel"))
        address = text(get(target, "address")) or ref_name(get(operation, "channel")) or name
        messages = items(get(operation, "messages")) or [m for _, m, _ in pairs(get(target, "messages"))]
        yield _event(tree, address, _DIRECTIONS.get(action, "event"), operation, line, messages[0] if messages else None, name)
    for group in ("messages", "schemas"):
        for name, node, line in pairs(get(tree.root, "components", group)):
            payload = get(node, "payload") if group == "messages" else node
            facts = (("store", "message"), *(("field", f) for f in tree.fields(payload)), *(("about", t) for t in remarks(node)))
            yield Definition("record", name, line, last_line(node, tree.lines), facts)


def _event(tree: Tree, channel: str, transport: str, node: Node, line: int, message: Node, name: str = "") -> Definition:
    facts = [("transport", transport), ("channel", channel)]
    told = name or text(get(node, "operationId"))
    if told:
        facts.append(("id", told))
    target = tree.resolve(message)
    named = ref_name(message) or text(get(target, "name"))
    if named:
        facts.append(("message", named))
    facts += [("field", f) for f in tree.fields(get(target, "payload"))]
    says = text(get(node, "summary")) or text(get(node, "description"))
    facts += [("about", t) for t in remarks(node, target) if t != says]
    label = f"{channel} {transport.rpartition(' ')[2]}"
    return Definition("operation", label, line, last_line(node, tree.lines) if node else line, tuple(facts), says)
