"""PA301, PA801, PA901 to PA903: scope, secrets, placeholders, empty promises, empty proofs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from planagent.checking.repetition import words_of
from planagent.checking.units import Unit
from planagent.checking.view import Entry
from planagent.model import Finding
from planagent.reading.secrets import looks_real, mask

if TYPE_CHECKING:
    from planagent.planning.drafts import SectionDraft

_FRONT = re.compile(
    r"(?i)\b(?:build|create|implement|add|write|design|style|render|update|wire|show|display)\b[^.;]{0,40}?\b"
    r"(?:(?:react|next\.js|vue|angular|svelte|blazor|ui|front-?end|client|page|form|chat|view|list|card|layout|navigation)\s+(?:\w+\s+){0,2}component"
    r"|button|modal|dialog|sidebar|navbar|css|tailwind|stylesheet|animation|login page|sign-?(?:in|up) page|dashboard page|web page|frontend page|landing page"
    r"|ui page|form field|toast|spinner|user interface|frontend form|login form|(?:[a-z-]+ ){1,2}(?:page|screen)(?! (?:size|number|parameter|token|of\b|break))|date picker|dark (?:theme|mode)|drag[ -]and[ -]drop|responsive (?:layout|design)|page layout|drop-?down|tooltip|loading skeleton|skeleton screen)s?\b"
)
_FRONT_FILE = re.compile(
    r"(?i)(?:^|[\s`(])(?:\./)?(?:frontend|client)/(?:[\w.\[\]()-]+/)*[\w.\[\]-]+\.(?!(?:md|ya?ml)\b)\w+|\b[\w/-]+\.(?:tsx|jsx|vue|svelte|css|scss|razor|cshtml)\b"
)
_SPEC_EDIT = re.compile(
    r"(?i)\b(?:update|edit|modify|change|amend|rewrite|correct|fix)\b(?:\s+(?:the|and|existing|\w+ing))*\s+`?(?:[\w.-]+/)*specs?/[\w./-]*(?:spec|openapi|api|schema|requirements|data-model|constitution)[\w-]*\.(?:md|ya?ml)`?"
    r"|\b(?:update|edit|modify|amend|rewrite)\s+the\s+(?:feature\s+)?spec(?:ification)?s?\b(?!\s+(?:test|file for test))"
)
_POINTER = re.compile(r"\b[A-Z]{1,6}-?\d+[A-Za-z]? \([^)]*\)")
# Runs that may be secrets: with the signs of a path, and without, so that a neighbour does not hide one.
_LONG_WORDS = (re.compile(r"[\w+/=.-]{10,}"), re.compile(r"[\w!#$%^*-]{10,}"))
_NOT_FRONT = re.compile(r"(?i)\b(?:no|not|never|nothing|without|none)\b")
_PLACEHOLDER = re.compile(
    r"\bTODO:|\bTODO\b(?=\s*$)|\bTBD\b|\bFIXME\b|(?<![\w-])XXX\b|\?\?\?|\[(?:INSERT|YOUR|FILL|NEEDS CLARIFICATION|PLACEHOLDER|NAME)[^\]]*\]"
    r"|\[(?:FEATURE|DATE|PROJECT|ARGUMENTS|###)[\w #-]*\]|\[e\.g\.,? [^\]]*\]|<(?:your|insert|placeholder)[^>]*>|(?i:lorem ipsum)"
)
_PROMISE = re.compile(
    r"(?i)\bas (?:needed|required|necessary|appropriate)\b|\bif (?:needed|necessary)\b|\b(?:appropriately|gracefully)\b|handle (?:all )?errors? properly|\betc\b|\band so on\b|"
    r"best practices|robust(?:ly)? (?:error|handling)|appropriate (?:error|validation|handling|status)|proper(?:ly)? (?:handle|validate|implement|error|validation|handling)|"
    r"ensure (?:quality|security|performance|proper)\b|where appropriate|various (?:edge )?cases|other relevant"
)


def check_language(unit: Unit) -> Iterator[Finding]:
    """All rules on the wording of one line."""
    text = unit.text
    # The words behind a requirement's id are the spec's: they point at it and order nothing.
    ordered = _POINTER.sub(lambda m: " " * len(m[0]), text)
    front = _FRONT.search(ordered) or (_FRONT_FILE.search(text) if unit.kind == "task" else None)
    binding = unit.kind in ("task", "overview", "item", "advice")
    # Section 7 is about the other side and may speak of it, but not order work there.
    builds = binding and (unit.section != 7 or bool(front and front.start() == 0))
    if front and builds and not _NOT_FRONT.search(text[: front.end()]):
        yield unit.finding(
            "PA301",
            f"work in the user interface: {front[0]!r}",
            "Leave it to the frontend; say what the backend answers.",
            front[0],
        )
    spec = _SPEC_EDIT.search(text) if binding else None
    if spec and not _NOT_FRONT.search(text[: spec.end()]):
        yield unit.finding(
            "PA302",
            f"a task changes a spec: {spec[0]!r}",
            "Make the open question a decision; the specs are changed by people, before the plan.",
            spec[0],
        )
    # The cheap look first: the detectors cost more than all other checks of a line together.
    if any(looks_real(w) for pattern in _LONG_WORDS for w in pattern.findall(text)) and mask(text)[0] != text:
        yield unit.finding(
            "PA801", "a value that looks like a secret", "Name the variable that holds it.", ""
        )
    placeholder = _PLACEHOLDER.search(text)
    if placeholder and unit.kind != "ruling":
        yield unit.finding(
            "PA901",
            f"placeholder {placeholder[0]!r}",
            "Write the value, or make it a decision.",
            placeholder[0],
        )
    promise = _PROMISE.search(text)
    if promise and unit.kind != "prose":
        yield unit.finding(
            "PA902", f"empty promise {promise[0]!r}", "Say which case and what happens in it.", promise[0]
        )


_COMMON = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "are",
        "and",
        "of",
        "in",
        "to",
        "for",
        "with",
        "its",
        "it",
        "by",
        "on",
        "all",
        "each",
        "every",
        "done",
        "works",
        "complete",
        "completed",
        "implemented",
        "exists",
        "created",
        "written",
    ]
)


def restates(title: str, proof: str) -> bool:
    """True when a done-when line has no word of weight that the title lacks."""
    said = {w for w in words_of(proof) if w not in _COMMON}
    return len(said - set(words_of(title))) < 2 and not re.search(r"`|\d", proof)


def check_proofs(draft: SectionDraft, titles: dict[str, str]) -> Iterator[Finding]:
    """PA903 for a draft."""
    for task in draft.tasks:
        if restates(titles.get(task.key, ""), task.done_when):
            yield _empty(task.key, task.key, 0, task.done_when)


def check_entry_proofs(entries: Iterable[Entry]) -> Iterator[Finding]:
    """PA903 for the tasks of a plan that say when they are done."""
    for entry in entries:
        if entry.proof and restates(entry.title, entry.proof):
            yield _empty(entry.id, entry.key, entry.proof_line or entry.line, entry.proof)


def _empty(place: str, key: str, line: int, proof: str) -> Finding:
    remedy = "Name what a test sees: input, status, value."
    return Finding("PA903", place, "the done-when line only restates the title", remedy, line, key, proof)
