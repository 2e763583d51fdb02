"""What sign-up, sign-in and input leave open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.model import Conflict, Corpus
from planagent.reading.search import found_lines, label_all, search

_CREDENTIAL = re.compile(
    r"(?i)\bx-[\w-]*(?:api-?key|token)\b|\bauthorization\b\W{0,4}(?:header|:)|\bbearer (?:token|auth|scheme)|\bbasic auth|\bsession cookie|"
    r"\bapi[- ]keys?\b.{0,60}(?:header|authenticat|required|identif)|\bauthenticat(?:ed|ion)\b\W{0,4}(?:\w+\W+){0,2}(?:by|with|via|through|using)\b"
)
_DENIED = re.compile(r"(?i)\bno\b|\bnot\b|without|out of scope|later|future|optional|none")


def names_credential(corpus: Corpus) -> bool:
    """True when a backend spec or the constitution says with what a caller proves who it is."""
    return any(not _DENIED.search(line) for line in found_lines(corpus, _CREDENTIAL, most=12))


def find_account_gaps(corpus: Corpus) -> Iterator[Conflict]:
    """What sign-up, sign-in and input leave open where the backend keeps accounts or takes texts."""
    endpoints = corpus.facts.endpoints
    registers = [
        e for e in endpoints if re.search(r"/(?:register|sign-?up)$|/users$", e.path) and e.method == "POST"
    ]
    unique = [
        (e, f)
        for e in corpus.facts.entities
        for f in e.fields
        if re.search(r"(?i)\bunique\b", f.note) and not e.managed_by
    ]
    for endpoint in registers[:1]:
        if unique and not {400, 409} & set(endpoint.statuses):
            status = "409" if search(corpus, r"\b409\b", roles=("backend",), most=1) else "400"
            yield Conflict(
                "account.duplicate",
                "gap",
                f"What `{endpoint.label}` answers for an account that exists is not said.",
                endpoint.evidence[:1],
                subject=f"status={status}|label={endpoint.label}",
            )
    active = [
        (e, f)
        for e in corpus.facts.entities
        for f in e.fields
        if f.name.lower() in ("is_active", "active", "isactive", "disabled")
    ]
    if (
        active
        and registers
        and not search(corpus, r"(?i)inactive|deactivated|disabled (?:user|account)", most=1)
    ):
        yield Conflict(
            "account.inactive",
            "gap",
            f"`{active[0][0].name}.{active[0][1].name}` exists; what a switched-off account may do is not said.",
            active[0][0].evidence[:1],
        )
    issuers = [
        e for e in endpoints if re.search(r"/(?:login|sign-?in|token)$", e.path) and e.method == "POST"
    ]
    if (
        issuers
        and search(corpus, r"(?i)\bjwt\b", most=1)
        and not search(
            corpus, r"(?i)\bclaims?\b|`sub`|\"sub\"|user_id claim", roles=("backend", "constitution"), most=1
        )
    ):
        yield Conflict(
            "auth.claims",
            "gap",
            "The backend issues tokens; their claims are not said.",
            issuers[0].evidence[:1],
        )
    texts = [
        e
        for e in endpoints
        if e.method == "POST"
        and any(p.name in ("title", "name", "content", "text") for p in e.fields("body"))
    ]
    if texts and not search(
        corpus,
        r"(?i)\bblank|whitespace|trim|non-?empty|not (?:be )?empty|\b1\s*[-–]\s*\d+ char|cannot be empty|min_length|minLength",
        roles=("backend",),
        most=1,
    ):
        yield Conflict(
            "text.blank",
            "gap",
            f"Whether {label_all(texts)} takes a blank text is not said.",
            tuple(e.evidence[0] for e in texts[:2]),
            blocks=3,
        )
