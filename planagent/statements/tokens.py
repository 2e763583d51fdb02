"""Exact tokens: what of a text must not change when it is said in other words. Known by form alone, in any language.

A number, a path, an address, a name that no language has as a word (`snake_case`, `camelCase`, `a.b`, letters with digits), what
stands in code marks or in quotation marks. Words are not exact: they may be said otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from planagent.model import normalize_path

_CODE = re.compile(r"(`+)([^`\n]+?)\1")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,160})\"|“([^”\n]{1,160})”|«([^»\n]{1,160})»|「([^」\n]{1,160})」|『([^』\n]{1,160})』|„([^“”\n]{1,160})[“”]"
)
_RUN = re.compile(r"[A-Za-z0-9_/@{$<][A-Za-z0-9_@/{}<>:.,$%+=&?\\\[\]~-]*")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])-?\d+(?:[.,:]\d+)*")
_ESCAPED = re.compile(r"(?:\\[nrt])+")
"""Line breaks inside of a JSON or YAML string: no part of the word behind them."""
_TRIM = ".,:;!?*_~-+=<>[]\\&"
_CJK_DIGITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "億": 100_000_000, "亿": 100_000_000}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, path, name (case counts), code (a word in code marks) or quote."""

    kind: str
    text: str


@lru_cache(maxsize=16_384)
def exact_tokens(text: str) -> tuple[Token, ...]:
    """The exact tokens of a text in their order, each once."""
    text = _ESCAPED.sub(" ", unicodedata.normalize("NFKC", text))
    found: dict[Token, None] = {}
    spoken = _CODE.sub(" ", text)
    for match in _CODE.finditer(text):
        found.update(dict.fromkeys(_of_code(match[2])))
    for match in _QUOTED.finditer(spoken):
        inner = next(g for g in match.groups() if g is not None)
        if any(c.isalnum() for c in inner):
            found[Token("quote", " ".join(inner.split()))] = None
    bare = _QUOTED.sub(" ", _LINK.sub(r"\1", spoken))
    for match in _RUN.finditer(bare):
        found.update(dict.fromkeys(_of_run(match[0])))
    return tuple(found)


def _of_code(inner: str) -> Iterator[Token]:
    for word in inner.split():
        word = word.strip("\"'(),;")
        parts = [p for p in re.split(r"[=(),;\"']+", word) if p] if not word.startswith(("/", "http")) else [word]
        for part in parts:
            named = list(_of_run(part))
            if named:
                yield from named
            elif sum(c.isalnum() for c in part) > 1:  # a flag's one letter says nothing by itself
                yield Token("code", part.strip(_TRIM + "{}"))


_OPENED = re.compile(r"^[<{\[$]+(?=\w)(?![^>}\]]*[>}\]])")
_ABSOLUTE = re.compile(r"/[\w{}<>:.\-\[\]*%~@]+(?:/[\w{}<>:.\-\[\]*%~@]*)*(?:\?[\w=&{},.-]*)?")
_RELATIVE = re.compile(r"[\w.@{}-]*(?:/[\w.@{}\-]+)+/?")
_BETWEEN = re.compile(r"[/,=&<>\[\]?\\]+|(?<=\d)-(?=\d)|(?<=\d)-(?=[A-Za-z]{2,}\b)")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*(?:%|[A-Za-zµ]{1,3})?")
_MIXED = re.compile(r"[a-zA-Z]\d|\d[a-zA-Z]|[A-Za-z]-\d|\d-[A-Za-z]|@")
_CASED = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2,}[a-z]{3,}")
_LETTER = re.compile(r"[^\W\d_]")


def _of_run(run: str) -> Iterator[Token]:
    run = _OPENED.sub("", run).rstrip(_TRIM)
    assigned, mark, value = run.partition("=")
    if mark and "://" in value and "://" not in assigned and "/" not in assigned:
        yield from (*_of_run(assigned), *_of_run(value))
        return
    if "://" in run or _ABSOLUTE.fullmatch(run):
        yield Token("path", run)
        return
    if _RELATIVE.fullmatch(run) and re.search(r"[.{}_\d]", run) and not run[0].isdigit():
        yield Token("path", run)
        return
    if _is_number(run):
        yield Token("number", _digits(run))
        return
    for part in _BETWEEN.split(run):
        part = part.strip(_TRIM + "{}$")
        if _is_number(part):
            yield Token("number", _digits(part))
        elif "-" in part and not _MIXED.search(part):
            # `TypeORM-related` is a name in a word of somebody's own.
            yield from (Token("name", p) for p in part.split("-") if _is_name(p))
        elif _is_name(part):
            yield Token("name", part)


def _is_number(part: str) -> bool:
    return _NUMBER.fullmatch(part) is not None


def _digits(part: str) -> str:
    return re.sub(r"(?:%|[A-Za-zµ]+)$", "", part)


def _is_name(part: str) -> bool:
    if not _LETTER.search(part):
        return False
    if _MIXED.search(part) or _CASED.search(part):
        return True
    dotted = part.split(".")
    return len(dotted) > 1 and all(p for p in dotted) and max(len(p) for p in dotted) > 2


class Said:
    """A text against which tokens are looked up."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = _ESCAPED.sub(" ", unicodedata.normalize("NFKC", "\n".join(texts)))
        self._folded = _fold(self._text)
        tokens = exact_tokens(self._text)
        self._numbers = numbers(self._text) | {t.text for t in tokens if t.kind == "number"}
        self._paths = {normalize_path(t.text) for t in tokens if t.kind == "path"}

    def has_number(self, number: str) -> bool:
        """True when the text says a number, in digits of any script."""
        return number in self._numbers

    def has(self, token: Token) -> bool:
        """True when the text says the token, whatever marks stand around it."""
        if token.kind == "number":
            return token.text in self._numbers or token.text.replace(",", "") in self._numbers
        if token.kind == "path" and normalize_path(token.text) in self._paths:
            return True
        folded = _fold(token.text)
        at = self._folded.find(folded)
        while at >= 0:
            end = at + len(folded)
            open_left = at == 0 or not _joins(self._folded[at - 1], folded[0])
            open_right = end == len(self._folded) or not _joins(self._folded[end], folded[-1])
            if open_left and open_right:
                return True
            at = self._folded.find(folded, at + 1)
        return False


def _joins(one: str, other: str) -> bool:
    """True for two characters of one word; scripts without spaces have no such bounds."""
    return one.isascii() and other.isascii() and one.isalnum() and other.isalnum()


def _fold(text: str) -> str:
    text = text.replace("İ", "ı")  # the one letter whose small form is two, of which the first would join what stands before
    return " ".join(re.sub(r"(?<![\w`*])[`*_]+|[`*_]+(?![\w`*])|\\(?=[_*|<>\[\]])", "", text).lower().split())


@lru_cache(maxsize=8_192)
def numbers(text: str) -> frozenset[str]:
    """Every number that a text says in digits of any script, in full or in its parts."""
    text = unicodedata.normalize("NFKC", text)
    found: set[str] = set()
    # A digit of a name (`FR-2`, `v1`, `utf_8`) is no number.
    for match in re.finditer(r"(?<![A-Za-z0-9_])(?<![A-Za-z][-.])\d+(?:[.,:]\d+)*", text):
        whole = "".join(str(unicodedata.digit(c, c)) if c.isdigit() else c for c in match[0])
        found |= {whole, whole.replace(",", "")}
        if not re.fullmatch(r"\d{1,3}(?:,\d{3})+", whole):
            found.update(whole.split(","))
    for match in re.finditer(r"\d{1,3}(?:[ \u00a0\u202f_]\d{3})+", text):
        found.add(re.sub(r"\D", "", match[0]))
    for match in re.finditer(r"[〇零一二三四五六七八九十百千万億亿两]+", text):
        found.add(str(_spelled(match[0])))
    return frozenset(found)


def _spelled(text: str) -> int:
    """A number in Han numerals, as Unicode knows their values."""
    total = section = digit = 0
    for character in text:
        if character in _CJK_DIGITS:
            unit = _CJK_DIGITS[character]
            if unit >= 10_000:
                total, section, digit = total + (section + digit or 1) * unit, 0, 0
            else:
                section, digit = section + (digit or 1) * unit, 0
        else:
            digit = digit * 10 + int(unicodedata.numeric(character, 2))
    return total + section + digit
