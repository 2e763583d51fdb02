"""Formal sources, each read by a library made for it: no model is needed to know what they define."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from planagent.corpus.formal.definition import Broken, Definition, Lookup
from planagent.corpus.markdown import slugify
from planagent.model import Document, Passage

_BY_SUFFIX = {
    "graphql": "graphql_sdl", "graphqls": "graphql_sdl", "gql": "graphql_sdl", "proto": "protobuf", "sql": "sql", "prisma": "prisma",
}  # fmt: skip
_BY_FENCE = {
    "graphql": "graphql_sdl", "gql": "graphql_sdl", "sdl": "graphql_sdl", "proto": "protobuf", "protobuf": "protobuf", "proto3": "protobuf",
    "sql": "sql", "postgresql": "sql", "postgres": "sql", "mysql": "sql", "sqlite": "sql", "ddl": "sql", "prisma": "prisma",
}  # fmt: skip
_TREE = (
    ("openapi", re.compile(r"""(?m)^[ \t{]*['"]?(?:openapi|swagger)['"]?\s*:\s*['"]?\d""")),
    ("asyncapi", re.compile(r"""(?m)^[ \t{]*['"]?asyncapi['"]?\s*:\s*['"]?\d""")),
    ("jsonschema", re.compile(r"""['"]?\$schema['"]?\s*:\s*['"]?https?://json-schema\.org|(?ms:^type:\s*['"]?object\b.*^properties:)""")),
)
_NAME = re.compile(r"\s*[\"']?([\w$.-]+)[\"']?\s*[:{(=]")
_WORD = re.compile(r"\w")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w+-]*)")


def _module(form: str) -> ModuleType:
    return import_module(f"planagent.corpus.formal.{form}")


def form_of(path: str, text: str) -> str:
    """The format of a formal source; '' for prose, data, and what does not parse."""
    form = _claimed(path.rsplit(".", 1)[-1].lower(), text)
    if not form:
        return ""
    try:
        _parse(form, text)
    except Broken:
        return ""
    return form


def problem_of(path: str, text: str) -> str:
    """Why a text that claims to be a formal source is read as plain lines, '' when it is not so."""
    form = _claimed(path.rsplit(".", 1)[-1].lower(), text)
    try:
        if form:
            _parse(form, text)
    except Broken as error:
        return f"{path}: not read as {form}, but line by line: {error}"
    return ""


def _claimed(suffix: str, text: str) -> str:
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    return next((name for name, mark in _TREE if mark.search(text[:4000])), "") if suffix in ("yaml", "yml", "json") else ""


@lru_cache(maxsize=256)
def _parse(form: str, text: str) -> tuple[Definition, ...]:
    return tuple(_module(form).parse(text, lambda _: ""))


def passages_of(form: str, path: str, text: str) -> tuple[Passage, ...]:
    """One passage for each definition; what stands before, between and behind them has its own."""
    lines = text.split("\n")
    passages: list[Passage] = []
    seen: dict[str, int] = {}

    def add(name: str, trail: tuple[str, ...], start: int, end: int) -> None:
        slug = (slugify(name)[:60] or "rest") if start > 1 or trail else ""
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        passages.append(Passage(path, f"{slug}-{count}" if count else slug, trail, start, end))

    found = sorted(_parse(form, text), key=lambda d: d.start)
    starts = [*(d.start for d in found), len(lines) + 1]
    if starts[0] > 1:
        add("", (), 1, starts[0] - 1)
    reached = 0
    for one, follow in zip(found, starts[1:], strict=True):
        reached = max(reached, one.end)
        if follow == one.start:
            continue
        between = next((n for n in range(reached + 1, follow) if _WORD.search(lines[n - 1])), follow)
        name = one.name or _stem(path)
        add(name, (name,), one.start, between - 1)
        if between < follow:
            # An anchor stands in plans, and what people write does not: only a name that the line begins with.
            begins = _NAME.match(lines[between - 1])
            add(begins[1] if begins else f"behind {name}", (), between, follow - 1)
    return tuple(passages)


def is_telling(form: str, line: str) -> bool:
    """True for a line of a formal source that says what no definition has, and a builder needs."""
    telling: re.Pattern[str] | None = getattr(_module(form), "TELLING", None)
    return telling is not None and telling.match(line) is not None


def definitions_of(document: Document, lookup: Lookup) -> Iterator[Definition]:
    """What a document defines: as a whole, or in its fenced blocks. Blocks that do not parse define nothing."""
    if document.form not in ("markdown", "data"):
        for one in _module(document.form).parse(document.text, _relative(document.path, lookup)):
            yield one if one.name else replace(one, name=_stem(document.path))
        return
    for language, start, body in fences(document.text):
        form = _BY_FENCE.get(language, "") or _claimed(language, body)
        if not form:
            continue
        try:
            for one in _parse(form, body):
                yield Definition(one.kind, one.name, one.start + start - 1, one.end + start - 1, one.facts, one.says)
        except Broken:
            continue


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def fences(text: str) -> Iterator[tuple[str, int, str]]:
    """Language, first line (1-based) and text of each fenced block that is closed."""
    mark, language, begin, body = "", "", 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        match = _FENCE.match(line)
        if mark and match and match[1].startswith(mark) and not match[2]:
            yield language, begin + 1, "\n".join(body)
            mark, body = "", []
        elif mark:
            body.append(line)
        elif match:
            mark, language, begin = match[1], match[2].lower(), number


def _relative(path: str, lookup: Lookup) -> Lookup:
    folder = path.rpartition("/")[0]

    def look(name: str) -> str:
        parts = folder.split("/") if folder else []
        for part in name.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in (".", ""):
                parts.append(part)
        return lookup("/".join(parts))

    return look
