"""Operations by their shape: methods beside a path, in a sentence, a fence, or the cells of a row in any order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from http import HTTPStatus
from itertools import pairwise

from planagent.corpus.markdown import plain, split_cells
from planagent.model import Unit, normalize_path

_M = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_BESIDE = re.compile(rf"\b((?:{_M})(?:\s?[|/,+&]\s?(?:{_M}))*)\b[`*\s|]{{1,6}}(?:https?://[^\s/`]+)?(/[^\s`,;)\]\"'“”’|*·]*)")
_METHODS = re.compile(rf"(?:{_M})(?:[\s|/,+&]+(?:{_M}))*")
_PATH = re.compile(r"/\S*")
_LABELLED = re.compile(rf"^[^:：|]{{1,40}}[:：]\W*?(?:({_M})|(/[^\s`]*))\W*$")
_PARAMETER = re.compile(r"v\d+|\{[^}]*\}|:\w+|<[^>]*>|\[[^\]]*\]|[a-z]+\d")
_STAR = re.compile(r"\*(?!\*)")
_BASE = re.compile(r"(?:/(?:api|rest|v\d+(?:\.\d+)?))+(?=/)")
_STATUS = re.compile(r"(?<![\w/.-])([1-5]\d\d)(?![\w%])")

Route = tuple[str, str]
"""A method and a path."""


def routes_in(unit: Unit) -> list[Route]:
    """The operations that a unit names, without those of other servers and examples with an id in their path."""
    told = [m for m in _BESIDE.finditer(unit.text) if "://" not in m[0] and not _STAR.match(unit.text, m.end())]
    if unit.kind == "code":
        told = [m for m in told if not unit.text[: m.start()].strip()]
    found = [(m[1], m[2]) for m in told] or (_of_cells(unit) if unit.kind == "row" else [])
    routes = dict.fromkeys((method, _clean(path)) for methods, path in found for method in re.findall(_M, methods))
    return [r for r in routes if _is_template(r[1])]


def _of_cells(unit: Unit) -> list[Route]:
    cells = [plain(c) for c in split_cells(unit.text)]
    methods = next((c for c in cells if _METHODS.fullmatch(c)), "")
    return [(methods, c) for c in cells if methods and _PATH.fullmatch(c)][:1]


def labelled(units: Sequence[Unit]) -> Iterator[tuple[Route, tuple[Unit, Unit]]]:
    """Operations told in two lines below each other, `Method: POST` and `Path: /boats`, whatever the labels are."""
    for one, other in pairwise(units):
        first, second = (_LABELLED.match(u.text.strip()) for u in (one, other))
        if first and second and bool(first[1]) != bool(second[1]):
            path = _clean(first[2] or second[2])
            if _is_template(path):
                yield (first[1] or second[1], path), (one, other)


def without_base(route: Route, known: Set[Route]) -> Route:
    """A route as a contract knows it, where it has no more than the base path that the contract leaves to its servers; else as it is."""
    method, path = route
    found = (method, normalize_path(path))
    if found in known:
        return route
    base = _BASE.match(path)
    rest = (method, normalize_path(path[base.end() :])) if base else found
    return (method, path[base.end() :]) if base and rest in known else route


def statuses_in(unit: Unit) -> list[str]:
    """The status codes of HTTP that a unit names, each once."""
    known = {int(s) for s in HTTPStatus}
    return [n for n in dict.fromkeys(_STATUS.findall(unit.text)) if int(n) in known]


def _clean(path: str) -> str:
    return path.partition("?")[0].rstrip(".:*")


def _is_template(path: str) -> bool:
    """False for a path with a concrete id or something left out in it, which is an example of another or of several."""
    if not path or re.search(r"[*…]|\.\.\.", path) or path.startswith("//"):
        return False
    return not any(re.search(r"\d", p) and not _PARAMETER.fullmatch(p) for p in path.split("/"))
