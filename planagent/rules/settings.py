"""Names that the environment gives, by their shape: something assigns or looks them up, or they stand together and are called as settings are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.corpus.markdown import plain, split_cells
from planagent.model import Corpus, Document, Unit
from planagent.statements.forms import VARIABLE

_ASSIGNED = re.compile(r"^\s*(?:-\s+|export\s+|ENV\s+)?[\"']?([A-Z][A-Z0-9_]{2,})=(?!=)")
_LOOKED_UP = re.compile(
    r"(?:process\.env\.|environ\[[\"']|environ\.get\([\"']|getenv\([\"']|\bENV\[[\"']|ENV\.fetch\([\"']|\benv\([\"']|\$\{)([A-Z][A-Z0-9_]{2,})\b"
)
"""A name in capitals is a setting where something assigns it without spaces, as shells do, or looks it up in the environment; an error
code and a constant look the same elsewhere."""
_ENV_FILE = re.compile(r"(?<![\w.])\.env(?![\w])|(?m:^\s*(?:```|~~~)\s*(?:dot)?env\s*$)")
_ENV_PLACE = re.compile(r"(?i)(?<![a-z])env(?:ironment)?(?![a-z])")
"""In a heading or a file's name."""
_MARKED = re.compile(r"[`*]{1,4}([A-Z][A-Z0-9_]{2,})[`*]{1,4}")
_WHERE = frozenset(
    ["URL", "URI", "DSN", "HOST", "HOSTNAME", "PORT", "SECRET", "PASSWORD", "PASSWD", "USERNAME", "ENDPOINT", "BUCKET", "DIR"]
)
_WHAT = _WHERE | {
    "KEY", "TOKEN", "USER", "PATH", "FILE", "LEVEL", "LOG", "ADDR", "ADDRESS", "REGION", "DATABASE", "DB", "NAME", "CERT", "TTL", "TIMEOUT", "MS",
    "SECONDS", "ORIGINS", "TIMEZONE", "TZ", "ENV", "DEBUG", "MODE", "ISSUER", "AUDIENCE", "CREDS", "SIZE", "LIMIT", "LISTEN", "FROM", "SERVICE",
}  # fmt: skip
"""Last words of names: code is named in English, whatever language a spec is in, and settings say where something is and how to get in."""
_FAILED = re.compile(r"(?<!\d)[45]\d\d(?!\d)")
_OTHERS = ("VITE_", "NEXT_PUBLIC_", "NUXT_PUBLIC_", "REACT_APP_", "EXPO_PUBLIC_", "GATSBY_", "TF_VAR_")
"""Beginnings by which tools tell what a browser or another tool reads."""


def environment(corpus: Corpus) -> Iterator[str]:
    """The names of all settings of a corpus."""
    for document in corpus.read:
        about, named = _places(document), _by_names(document)
        for unit in document.units:
            found = _LOOKED_UP.findall(unit.text)
            if unit.kind == "code" and (given := _ASSIGNED.match(unit.text)) and ("_" in given[1] or unit.passage in about):
                found.append(given[1])
            elif unit.passage in about and unit.kind != "code":
                found += [*VARIABLE.findall(unit.text), *_MARKED.findall(unit.text)]
            elif unit.passage in named:
                found += named[unit.passage]
            yield from (n for n in found if not n.startswith(_OTHERS))


def settings_in(unit: Unit, known: frozenset[str]) -> list[str]:
    """The settings that a unit is about: the one that a line assigns or a row has in a cell, or those that a text begins with or lists."""
    if unit.kind == "code":
        found = [m[1]] if (m := _ASSIGNED.match(unit.text)) else []
    elif unit.kind == "row":
        found = [c for c in map(plain, split_cells(unit.text)) if c in known][:1]
    else:
        marked = _MARKED.findall(unit.text)
        leads = bool(marked) and not any(map(str.isalnum, unit.text[: unit.text.index(marked[0])]))
        found = marked if leads or len(marked) > 1 else []
    return [n for n in dict.fromkeys(found) if n in known]


def _places(document: Document) -> set[int]:
    """The passages that are about the environment, by a file `.env` or their heading."""
    heads = [any(map(_ENV_PLACE.search, (*p.trail, document.path))) for p in document.passages]
    return {i for i, p in enumerate(document.passages) if heads[i] or _ENV_FILE.search(document.said(p))}


def _by_names(document: Document) -> dict[int, list[str]]:
    """Passages in which most names in capitals end as those of settings do, with these names and those that begin like one of them; beside
    codes of failures stand names of failures."""
    texts: dict[int, list[str]] = {}
    for unit in document.units:
        texts.setdefault(unit.passage, []).append(unit.text)
    found: dict[int, list[str]] = {}
    for index, told in texts.items():
        names = dict.fromkeys(VARIABLE.findall("\n".join(told)))
        ends = {n: n.rpartition("_")[2] for n in names}
        sure = [n for n in names if ends[n] in _WHAT]
        if len(names) > 1 and len(sure) * 2 >= len(names) and not _WHERE.isdisjoint(ends.values()) and not any(map(_FAILED.search, told)):
            heads = {n.partition("_")[0] for n in sure}
            found[index] = [n for n in names if n in sure or n.partition("_")[0] in heads]
    return found
