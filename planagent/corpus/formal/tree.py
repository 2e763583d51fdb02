"""YAML and JSON as trees that know their lines, with `$ref` followed over files. For OpenAPI, AsyncAPI and JSON Schema."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from planagent.corpus.formal.definition import Broken, Lookup, field_text

Node = yaml.Node | None
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 8
_DEEPEST_NEST = 200
_OPENING = re.compile(r"[\[{]")
_INDENTS = re.compile(r"(?m)^([ -]*)[^\s-]")
_LIMITS = (
    "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern",
    "default", "const", "nullable", "readOnly", "writeOnly", "uniqueItems",
)  # fmt: skip


def _is_deep(text: str) -> bool:
    """True for what is nested deeper than the parser in C, which has no bound of its own, can hold without ending the process.

    Brackets and indents are counted first, which is fast and never too few; brackets in texts count as well, so that only the
    parser's own events are believed.
    """
    if max(len(_OPENING.findall(text)), max((len(m[1]) for m in _INDENTS.finditer(text)), default=0)) <= _DEEPEST_NEST:
        return False
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_NEST:
            return True
    return False


def compose(text: str) -> yaml.MappingNode:
    """
    Raises:
        Broken: the text is no YAML or JSON, or no mapping.
    """
    try:
        if _is_deep(text):
            raise Broken(f"nested deeper than {_DEEPEST_NEST} levels")
        root = yaml.compose(text, Loader=_Loader)
    except Broken:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Broken(f"not valid YAML{f' at line {mark.line + 1}' if mark else ''}") from error
    if not isinstance(root, yaml.MappingNode):
        raise Broken("the document is no mapping")
    return root


def pairs(node: Node) -> Iterator[tuple[str, yaml.Node, int]]:
    """Name, value and line of each entry of a mapping."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), value, key.start_mark.line + 1


def get(node: Node, *names: str) -> Node:
    for name in names:
        node = next((value for key, value, _ in pairs(node) if key == name), None)
    return node


def text(node: Node) -> str:
    return " ".join(str(node.value).split()) if isinstance(node, yaml.ScalarNode) else ""


def items(node: Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def last_line(node: yaml.Node, lines: Sequence[str]) -> int:
    """1-based last line of a node that holds anything."""
    # A block's end is the beginning of what follows it; a value in brackets or on its line ends where it stands.
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    end = node.end_mark.line + (0 if block and node.end_mark.line > node.start_mark.line else 1)
    end = max(min(end, len(lines)), node.start_mark.line + 1)
    while end > node.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


class Tree:
    """A document with what it refers to."""

    def __init__(self, source: str, lookup: Lookup) -> None:
        self.root = compose(source)
        self.lines = source.split("\n")
        self._lookup = lookup
        self._others: dict[str, yaml.Node | None] = {"": self.root}

    def resolve(self, node: Node, depth: int = 0) -> Node:
        """The node that a reference leads to; the node itself where there is none, or none that can be followed."""
        reference = text(get(node, "$ref"))
        if not reference or depth > _DEEPEST:
            return node
        file, _, pointer = reference.partition("#")
        target: Node = self._document(file)
        for part in (p for p in pointer.split("/") if p):
            target = get(target, part.replace("~1", "/").replace("~0", "~"))
        return self.resolve(target, depth + 1) if target is not None else node

    def span(self, node: Node) -> tuple[int, int] | None:
        """First and last line of what a reference within the document leads to, its name included."""
        if not text(get(node, "$ref")).startswith("#"):
            return None
        target = self.resolve(node)
        return None if target is None or target is node else (target.start_mark.line, last_line(target, self.lines))

    def _document(self, file: str) -> Node:
        if file not in self._others:
            try:
                other = compose(self._lookup(file))
                _rebase(other, file)
                self._others[file] = other
            except Broken:
                self._others[file] = None
        return self._others[file]

    def fields(self, node: Node, depth: int = 0) -> list[str]:
        """The fields of a schema in words, those of its parts (`allOf`, `oneOf`) included."""
        node = self.resolve(node)
        if depth > 4 or node is None:
            return []
        found: list[str] = []
        for name in ("allOf", "oneOf", "anyOf"):
            for part in items(get(node, name)):
                found += self.fields(part, depth + 1)
        required = {text(n) for n in items(get(node, "required"))}
        for name, schema, _ in pairs(get(node, "properties")):
            target = self.resolve(schema)
            notes = ["required" if name in required else "optional", *self.limits(target)]
            inner = "; ".join(self._inner(schema, depth))
            found.append(field_text(name, f"{self.kind(schema)} ({inner})" if inner else self.kind(schema), notes))
        return list(dict.fromkeys(found))

    def _inner(self, schema: Node, depth: int) -> list[str]:
        """The fields of an object that has no name of its own, and of the entries of a list."""
        entries = get(schema, "items") or schema
        return [] if ref_name(schema) or ref_name(entries) else self.fields(entries, depth + 1)

    def kind(self, node: Node) -> str:
        """The type of a schema in words: a name for a reference, `array of …` for a list."""
        named = ref_name(node)
        if named:
            return named
        kind = text(get(node, "type")) or "/".join(text(n) for n in items(get(node, "type")))
        if kind == "array":
            return f"array of {self.kind(get(node, 'items')) or 'values'}"
        return kind

    def limits(self, node: Node) -> list[str]:
        notes = [f"{name} {value}" for name in _LIMITS if (value := text(get(node, name)))]
        # Of a list the bounds count entries, of a text characters: the word says which.
        notes += [f"{n} {v} entries" for n in ("minItems", "maxItems") if (v := text(get(node, n)))]
        values = [text(n) for n in items(get(node, "enum"))]
        return [*notes, *(["one of " + " | ".join(values)] if values else [])]


def _rebase(node: Node, file: str) -> None:
    """Has the references of another document lead on from this one."""
    for name, value, _ in pairs(node):
        if name == "$ref" and isinstance(value, yaml.ScalarNode):
            target, _, pointer = str(value.value).partition("#")
            if "://" not in target:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(file), target)) if target else file
                value.value = f"{path}#{pointer}" if pointer else path
        _rebase(value, file)
    for entry in items(node):
        _rebase(entry, file)


_REMARKS = ("summary", "description", "title")
LONGEST_REMARK = 60
"""Words; what is longer is a text of its own, for a reader."""


def remarks(*nodes: Node) -> list[str]:
    """What people wrote into some nodes and all below them, each text once; references are not followed."""
    found: dict[str, None] = {}
    for node in nodes:
        for name, value, _ in pairs(node):
            told = text(value) if name in _REMARKS else ""
            if 2 < len(told.split()) <= LONGEST_REMARK:
                found[told] = None
            found.update(dict.fromkeys(remarks(value)))
        for entry in items(node):
            found.update(dict.fromkeys(remarks(entry)))
    return list(found)


def ref_name(node: Node) -> str:
    return text(get(node, "$ref")).rsplit("/", 1)[-1].removesuffix(".yaml").removesuffix(".yml").removesuffix(".json")
