"""Secrets are masked the moment a file is read; nothing after this module ever holds one.

The one kept library of detectors looks at lines of code with quoted values; specs hold values in prose, tables and examples.
So a secret is known here by its shape (`secrets.toml`), by standing beside a word for one, or by being in a connection string.
"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import resources
from typing import Any

MASK = "[masked-secret]"
_BESIDE = 48
"""Characters between a word for a secret and its value."""
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z|(?=\n\s*\n\s*[#\w]{3,}\s))",
    re.DOTALL,
)
_CONNECTION = re.compile(r"(?<=://)(?P<user>[^/\s:@`\"'<>]*):(?P<secret>[^/\s@`\"'<>]+)@[^/\s?`\"'<>,)]+")
_BASIC = re.compile(
    r"(?:-u|--user)\s+[\"']?[^\s:\"']+:(?P<secret>[^\s\"']{4,})|\b(?i:basic)\s+(?P<basic>[A-Za-z0-9+/]{12,}={0,2})(?![\w/])"
)
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$%&*+/=?@^_.~:-]{6,}")
_REFERENCE = re.compile(
    r"[$<{\[(].*|(?:process|os|env|settings|config|import|secrets)\..*|[A-Z][A-Z0-9_]*|[a-z]+(?:[A-Z][a-z]+)+|[A-Za-z][a-z]*(?:[._/:-][A-Za-z][a-z_]*)+|[A-Za-z]+(?:-[A-Za-z]+)*\(?\)?"
)
_SHAPED_PATH = re.compile(r"(?:https?://|\.{0,2}/)?[\w.@{}:-]+(?:/[\w.@{}:-]*)+(?:#[\w~-]*)?")
_LONG = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{32,}={0,2}(?![A-Za-z0-9+/_=-])")


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("planagent") / "corpus" / "secrets.toml").read_text(encoding="utf-8"))


@cache
def _shapes() -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_table()['shapes'])})")


@cache
def _names() -> re.Pattern[str]:
    return re.compile("|".join(_table()["names"]), re.IGNORECASE)


@cache
def _examples() -> re.Pattern[str]:
    return re.compile("|".join(_table()["examples"]), re.IGNORECASE)


def mask(text: str) -> tuple[str, list[int]]:
    """The text with every secret value replaced by `MASK`, and the 1-based lines where a real one stood.

    Line numbers stay. Demonstration values (`your-secret-key`, `password123`) are masked as well where they stand in a
    connection string or as a whole shape, but not counted: nobody has to rotate them.
    """
    real: set[int] = set()
    keys = list(_PRIVATE.finditer(text))
    for match in reversed(keys):
        first = text.count("\n", 0, match.start()) + 1
        lines = match[0].count("\n")
        real.add(first)
        text = text[: match.start()] + MASK + "\n" * lines + text[match.end() :]
    if not _worth(text):
        return text, sorted(real)
    lines_out = text.split("\n")
    for number, line in enumerate(lines_out, 1):
        if len(line) < 8:
            continue
        for value in sorted(_values(line), key=len, reverse=True):
            line = line.replace(value, MASK)
            if looks_real(value) or _is_lettered(value.rpartition("@")[0].partition(":")[2]):
                real.add(number)
        lines_out[number - 1] = line
    return "\n".join(lines_out), sorted(real)


_LISTED = re.compile(r"- [^\s|]+ \| [a-z]+(?:, [a-z-]+)?(?: @\S+)? \| ")
_DENSE = re.compile(r"(?=\S{10})\S*\d")


def guarded(text: str) -> str:
    """A text that leaves this program, looked through once more: for what did not come from a file that was masked."""
    return "\n".join(_guarded(line) if _DENSE.search(line) else line for line in _PRIVATE.sub(MASK, text).split("\n"))


@lru_cache(maxsize=65_536)
def _guarded(line: str) -> str:
    if listed := _LISTED.match(line):
        # A statement's key and kind are ours: a word for a secret in them says nothing of what stands behind.
        return listed[0] + _guarded(line[listed.end() :])
    for value in sorted(secret_values(line), key=len, reverse=True):
        line = line.replace(value, MASK)
    return line


def _worth(text: str) -> bool:
    return bool(_names().search(text) or _shapes().search(text) or _CONNECTION.search(text) or _LONG.search(text) or _BASIC.search(text))


def secret_values(line: str) -> set[str]:
    """The secret values of one line."""
    return _values(line) if len(line) >= 8 and _worth(line) else set()


def holds_secret(line: str) -> bool:
    """True for a line with a value that nobody may publish."""
    return any(looks_real(v) or _shapes().fullmatch(v) for v in secret_values(line)) or bool(_PRIVATE.search(line))


def _values(line: str) -> set[str]:
    found = {m[0] for m in _shapes().finditer(line) if not _examples_in(m[0])}
    # The account and the host of a leaked connection string say where the password fits: they go with it.
    found |= {
        m[0]
        for m in _CONNECTION.finditer(line)
        if _is_lettered(m["secret"]) or (not _is_reference(m["secret"]) and (looks_real(m["secret"]) or len(m["secret"]) >= 8))
    }
    for match in _BASIC.finditer(line):
        value = match["secret"] or match["basic"]
        if looks_real(value):
            found.add(value)
    for match in _names().finditer(line):
        found |= _beside(line, match.end(), looks_real)
    found |= {m[0] for m in _LONG.finditer(line) if _is_random(m[0])}
    return {v for v in found if MASK not in v}


def _beside(line: str, end: int, real: Callable[[str], bool]) -> set[str]:
    """Values that a machine made, behind a word for a secret."""
    found = set()
    for match in _VALUE.finditer(line, end, min(len(line), end + _BESIDE + 200)):
        if match.start() - end > _BESIDE:
            break
        value = match[0].rstrip(".,:;!?*")
        body = value.rstrip("=")
        part = body.rpartition("=")[2] + value[len(body) :]  # of `name=value` the value
        if len(part) >= 8 and not _is_reference(part) and not _is_plain(part) and real(part):
            found.add(part)
    return found


def _is_plain(value: str) -> bool:
    """A path, an address without a secret, a version, a date, an e-mail: made of words, not of chance."""
    return bool(
        re.fullmatch(
            r"v?\d+(?:[.:/-]\d+)*\w?|[\w.+-]+@[\w-]+\.[\w.]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d[\d.,:]*[A-Za-z%]{0,4}", value
        )
        or all(re.fullmatch(r"[A-Za-z]*|\d+|[A-Za-z]?\d{1,6}|[A-Za-z]{2,}\d{1,2}", p) for p in re.split(r"[-_./:,]", value))
        or (value.startswith("http") and not any(_is_random(p) for p in re.split(r"[/?=&#]", value)))
        or (_SHAPED_PATH.fullmatch(value) and not _is_random(re.split(r"[/#]", value)[-1]))
    )


def _is_reference(value: str) -> bool:
    """`${NAME}`, `<your key>`, `process.env.X`, a plain identifier or a type: a name, not a value."""
    return bool(_REFERENCE.fullmatch(value)) and not _shapes().fullmatch(value)


def _is_lettered(value: str) -> bool:
    """Letters of both cases alone: elsewhere a name, in the place of a password one, unless it is a tutorial's."""
    return len(value) >= 8 and value.isalpha() and not value.islower() and not value.isupper() and not _examples().search(value)


def _examples_in(value: str) -> bool:
    return bool(re.search(r"(?i)example|your|xxxx|placeholder|\.\.\.", value))


def _is_random(value: str) -> bool:
    """A long value in which letters of both cases and digits are mixed as no name mixes them."""
    body = value.rstrip("=")
    if len(body) < 32 or re.fullmatch(r"[0-9a-fA-F]+", body) or _SHAPED_PATH.fullmatch(value):
        return False
    kinds = [any(c.islower() for c in body), any(c.isupper() for c in body), sum(c.isdigit() for c in body) >= 3]
    turns = sum(1 for a, b in itertools.pairwise(body) if (a.isdigit(), a.isupper()) != (b.isdigit(), b.isupper()))
    return all(kinds) and entropy(body) >= 4.2 and turns * 3 >= len(body)


def looks_real(value: str) -> bool:
    """True for a value that a machine made: long, mixed, not a word of a tutorial."""
    if _shapes().fullmatch(value):
        return not value.startswith("eyJ") and not _examples_in(value)  # a live token is short-lived by nature
    if len(value) < 8 or _examples().search(value) or re.fullmatch(r"[a-z]+(?:[-_][a-z]+)*", value):
        return False
    kinds = sum(
        (
            any(c.isdigit() for c in value),
            any(c.islower() for c in value),
            any(c.isupper() for c in value),
            any(not c.isalnum() for c in value),
        )
    )
    if re.fullmatch(r"[0-9a-fA-F]{16,}", value):
        return any(c.isdigit() for c in value) and entropy(value) >= 2.5
    return any(c.isdigit() for c in value) and kinds >= (3 if len(value) < 16 else 2) and entropy(value) >= 2.8


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
