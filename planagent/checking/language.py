"""PA301, PA801, PA901 to PA903: scope, secrets, placeholders, empty promises, empty proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.checking.repetition import words_of
from planagent.checking.units import Unit
from planagent.model import Finding
from planagent.planning.drafts import SectionDraft
from planagent.planning.plan import Plan
from planagent.reading.secrets import looks_real, mask

_FRONT = re.compile(
    r"(?i)\b(?:build|create|implement|add|write|design|style|render|update|wire)\b[^.;]{0,40}\b(?:react|next\.js|vue|angular|svelte|blazor)?\s*"
    r"(?:component|button|modal|dialog|sidebar|navbar|css|tailwind|stylesheet|animation|login page|sign-?in page|dashboard page|web page|frontend page|"
    r"ui page|form field|toast|spinner|user interface|frontend form|responsive layout|page layout)s?\b"
)
_NOT_FRONT = re.compile(r"(?i)\b(?:no|not|never|nothing|without|none)\b")
_PLACEHOLDER = re.compile(
    r"\bTODO:|\bTODO\b(?=\s*$)|\bTBD\b|\bFIXME\b|\bXXX\b|\?\?\?|\[(?:INSERT|YOUR|FILL|NEEDS CLARIFICATION|PLACEHOLDER|NAME)[^\]]*\]"
    r"|<(?:your|insert|placeholder)[^>]*>|(?i:lorem ipsum)"
)
_PROMISE = re.compile(
    r"(?i)\bas (?:needed|required|necessary|appropriate)\b|\bif (?:needed|necessary)\b|\b(?:appropriately|gracefully)\b|handle (?:all )?errors? properly|\betc\b|\band so on\b|"
    r"best practices|robust(?:ly)? (?:error|handling)|appropriate (?:error|validation|handling|status)|proper(?:ly)? (?:handle|validate|implement|error|validation|handling)|"
    r"ensure (?:quality|security|performance|proper)\b|where appropriate|various (?:edge )?cases|other relevant"
)


def check_language(unit: Unit) -> Iterator[Finding]:
    """All rules on the wording of one line."""
    text = unit.text
    front = _FRONT.search(text)
    if front and unit.kind == "task" and not _NOT_FRONT.search(text[: front.end()]):
        yield Finding(
            "PA301",
            unit.place,
            f"work in the user interface: {front[0]!r}",
            "Leave it to the frontend; say what the backend answers.",
            unit.line,
            unit.key,
        )
    # The cheap look first: the detectors cost more than all other checks of a line together.
    if any(looks_real(w) for w in re.findall(r"[\w+/=.-]{10,}", text)) and mask(text)[0] != text:
        yield Finding(
            "PA801",
            unit.place,
            "a value that looks like a secret",
            "Name the variable that holds it.",
            unit.line,
            unit.key,
        )
    placeholder = _PLACEHOLDER.search(text)
    if placeholder and unit.kind != "ruling":
        yield Finding(
            "PA901",
            unit.place,
            f"placeholder {placeholder[0]!r}",
            "Write the value, or make it a decision.",
            unit.line,
            unit.key,
        )
    promise = _PROMISE.search(text)
    if promise:
        yield Finding(
            "PA902",
            unit.place,
            f"empty promise {promise[0]!r}",
            "Say which case and what happens in it.",
            unit.line,
            unit.key,
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
    for task in draft.tasks:
        if restates(titles.get(task.key, ""), task.done_when):
            yield _empty(task.key, task.key)


def check_plan_proofs(plan: Plan, lines: dict[str, int]) -> Iterator[Finding]:
    for task in plan.tasks:
        if restates(task.title, task.done_when):
            finding = _empty(task.id, task.key)
            yield Finding(
                finding.rule, finding.place, finding.message, finding.remedy, lines.get(task.id, 0), task.key
            )


def _empty(place: str, key: str) -> Finding:
    return Finding(
        "PA903",
        place,
        "the done-when line only restates the title",
        "Name what a test sees: input, status, value.",
        0,
        key,
    )
