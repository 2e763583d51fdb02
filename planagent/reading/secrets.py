"""Secrets are masked the moment a file is read; nothing after this module ever holds one.

The detectors are detect-secrets'. Its keyword detector wants quoted values, so an unquoted `NAME=value`
line (the form of `.env` examples) is shown to it in quotes.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

MASK = "[masked-secret]"

_PLUGINS = (
    "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "DiscordBotTokenDetector",
    "GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector", "KeywordDetector", "MailchimpDetector",
    "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector",
    "SlackDetector", "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip

# A cheap gate before the detectors, which cost 0.1 ms a line: most lines of prose hold nothing of the kind.
_SUSPECT = re.compile(
    r"(?i)secret|passw|passphrase|pwd|token|api[_-]?key|access[_-]?key|private|credential|auth|://[^/\s:@]+:[^/\s@]+@"
    r"|eyJ[\w-]{8,}|AKIA|gh[pousr]_|sk-|sk_|xox[abp]-|npg_|glpat-|pypi-"
)
_UNQUOTED = re.compile(
    r"^\s*(?:export\s+|[-*]\s+)?`?([A-Za-z_][\w.-]*)\s*[=:]\s*([^\s\"'`#]{8,})`?\s*(?:#.*)?$"
)
_PREFIXED = re.compile(
    r"\b(?:npg_\w{8,}|gh[pousr]_\w{20,}|glpat-[\w-]{16,}|sk[-_](?:live|test|proj)?[-_]?\w{16,})"
)
_CONNECTION = re.compile(r"(?<=://)[^/\s:@]+:(?P<password>[^/\s@]+)@[^/\s?`\"']+")
_INLINE = re.compile(
    r"(?i)\b[A-Za-z_]*(?:secret|passw(?:or)?d|pwd|token|api_?key|private_?key|access_?key)[A-Za-z_]*\s*[=:]\s*([^\s\"'`<>,;]{10,})"
)
_SECRET_NAME = re.compile(r"(?i)secret|passw|pwd|token|api_?key|private_?key|access_?key|credential")
_EXAMPLE = re.compile(
    r"(?i)password|passwd|secret|example|your|change|dummy|sample|placeholder|token|user|pass$|xxx|\.\.\.|<|\$\{|"
    r"^[a-z]+(?:[-_][a-z]+)*$"
)


_ONE_AT_A_TIME = threading.Lock()


@cache
def _scanner() -> Any:
    from detect_secrets.core.scan import scan_line  # 0.4 s: only when there is a suspect line

    return scan_line


@contextmanager
def _detectors() -> Iterator[None]:
    """The detectors set up. Their settings belong to the whole process: of two threads that set them up at once, one would
    look for nothing."""
    from detect_secrets.settings import transient_settings

    with _ONE_AT_A_TIME, transient_settings({"plugins_used": [{"name": name} for name in _PLUGINS]}):
        yield


def mask(text: str) -> tuple[str, list[int]]:
    """The text with every secret value replaced by `MASK`, and the 1-based lines where a real one stood.

    Demonstration values (`your-secret-key`, `password123`) are masked as well, but not counted: nobody has
    to rotate them.
    """
    lines = text.split("\n")
    suspects = [index for index, line in enumerate(lines) if _SUSPECT.search(line)]
    if not suspects:
        return text, []
    real: list[int] = []
    with _detectors():
        for index in suspects:
            for value in sorted(_values(lines[index]), key=len, reverse=True):
                lines[index] = lines[index].replace(value, MASK)
                if looks_real(value):
                    real.append(index + 1)
    return "\n".join(lines), sorted(set(real))


def secret_values(line: str) -> set[str]:
    """The secret values of one line; empty without a look at the detectors for a line that holds nothing of the kind."""
    if not _SUSPECT.search(line):
        return set()
    with _detectors():
        return _values(line)


def _values(line: str) -> set[str]:
    found = {s.secret_value for s in _scanner()(line) if s.secret_value}
    assignment = _UNQUOTED.match(line)
    if assignment and _SECRET_NAME.search(assignment[1]) and "://" not in assignment[2]:
        quoted = f'{assignment[1]} = "{assignment[2]}"'
        found |= {s.secret_value for s in _scanner()(quoted) if s.secret_value}
        if looks_real(assignment[2]) and not assignment[2].startswith(("$", "<", "{", "[")):
            found.add(assignment[2])
    found |= set(_PREFIXED.findall(line))
    # An assignment inside of a sentence; the value must look made by a machine.
    found |= {m[1].rstrip(".)") for m in _INLINE.finditer(line) if looks_real(m[1].rstrip(".)"))}
    # The account and the host of a leaked connection string say where the password fits: they go with it.
    found |= {m[0] for m in _CONNECTION.finditer(line) if looks_real(m["password"])}
    return {v for v in found if len(v) >= 4 and not _is_reference(v) and MASK not in v}


def _is_reference(value: str) -> bool:
    """`${NAME}`, `<your key>`, `process.env.X`, a plain identifier or a type: a name, not a value."""
    if re.fullmatch(r"(?:AKIA|ASIA)[0-9A-Z]{16}", value):
        return False
    return bool(
        re.match(r"^[$<{\[(]|^process\.|^os\.|^env\.|^settings\.|^config\.", value)
        or re.fullmatch(
            r"[A-Z][A-Z0-9_]*|[a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:\.[a-z_]+)+|[A-Za-z]+(?:-[A-Za-z]+)*\(?\)?",
            value,
        )
    )


def looks_real(value: str) -> bool:
    """True for a value that a machine made: long, mixed, not a word of a tutorial."""
    if _PREFIXED.fullmatch(value):
        return True
    if len(value) < 10 or _EXAMPLE.search(value):
        return False
    if value.startswith("eyJ"):
        return False  # tokens in response examples; a live one is short-lived by nature
    return entropy(value) >= 3.0 and any(c.isdigit() for c in value)


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
