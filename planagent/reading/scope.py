"""Which documents the plan is for, when a corpus holds several phases or apps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from planagent.model import Document, Evidence

_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "one": 1, "two": 2, "three": 3, "four": 4}
_PHASE = re.compile(r"(?i)\bphase[\s_-]*(\d|iv|v?i{1,3}|v|one|two|three|four)\b(?![\w.]*\d)")
_CURRENT = re.compile(
    r"(?im)^#+[ \t]*current phase[^\n]*\n{1,4}[ \t]*([^\n]+)|^[^\w\n]{0,8}current phase\W{1,8}([^\n]+)|^[^\w\n]{0,8}phase[^\w\n]{0,4}:[^\w\n]{0,8}([^\n]+)"
)
_SUPERSEDED = re.compile(
    r"(?im)^[^\w\n]{0,8}(?:status|state)\W{1,6}(?:superseded|obsolete|archived|rejected|abandoned|withdrawn)\b"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """`phase` is the wanted phase, None for all. `told` says what was left out and why, '' for nothing."""

    phase: int | None
    documents: tuple[Document, ...]
    told: str = ""


def phase_of(path: str, text: str) -> int | None:
    """The phase a document is for: from its path, its title or a `Phase:` line; None when it names none or several."""
    folder = _PHASE.search(path.replace("/", " "))
    if folder:
        return _number(folder[1])
    head = "\n".join(text.split("\n")[:6])
    title = next(
        (line for line in head.split("\n") if line.startswith("#")), head.split("\n")[0] if head else ""
    )
    in_title = {_number(m) for m in _PHASE.findall(title)}
    if len(in_title) == 1:
        return in_title.pop()
    in_head = {_number(m) for m in _PHASE.findall("\n".join(text.split("\n")[:14]))}
    if len(in_head) == 1:
        return in_head.pop()
    return None


def choose_scope(documents: list[Document], wanted: str) -> Scope:
    """Marks documents that are not for the wanted phase or feature.

    Args:
        documents: everything that was found.
        wanted: '' for the default, 'all', a phase (`phase-2`, `II`), or the start of a feature folder's name.
    """
    if wanted.lower() == "all":
        return Scope(None, tuple(documents))
    phase = _phase_argument(wanted)
    if wanted and phase is None:
        return _by_feature(documents, wanted)
    documents = _inherit_phase(documents)
    phases = {d.phase for d in documents if d.phase is not None and d.role in ("backend", "frontend")}
    if phase is None:
        phase = _declared(documents) if len(phases) > 1 else None
    if phase is None and len(phases) > 1:
        phase = _busiest(documents)
    kept, left = [], []
    for document in documents:
        document, why = _judge(document, phase)
        kept.append(document)
        if why:
            left.append(f"{document.path} ({why})")
    told = ""
    if left:
        shown = ", ".join(left[:6]) + (f" and {len(left) - 6} more" if len(left) > 6 else "")
        named = f"Planning phase {phase}. " if phase else ""
        told = f"{named}Left out: {shown}. Use --scope all for everything."
    return Scope(phase, tuple(kept), told)


def _inherit_phase(documents: list[Document]) -> list[Document]:
    """A feature folder is for one phase: its data model and contracts are for the phase of its spec."""
    phases: dict[str, set[int]] = {}
    for d in documents:
        if d.phase is not None and re.match(r"\d|phase", d.feature):
            phases.setdefault(d.feature, set()).add(d.phase)
    return [
        replace(d, phase=next(iter(phases[d.feature])))
        if d.phase is None and len(phases.get(d.feature, ())) == 1
        else d
        for d in documents
    ]


def _judge(document: Document, phase: int | None) -> tuple[Document, str]:
    why = ""
    if document.role in ("backend", "frontend"):
        if _SUPERSEDED.search(document.text[:3000]):
            why = "superseded"
        elif phase is not None and document.phase is not None and document.phase != phase:
            why = f"phase {document.phase}"
    return (replace(document, in_scope=False, left_out=why), why) if why else (document, "")


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _ROMAN.get(word.lower(), 0)


def _phase_argument(wanted: str) -> int | None:
    match = re.fullmatch(r"(?i)(?:phase[\s_-]*)?(\d|iv|v?i{1,3}|v)", wanted.strip())
    return _number(match[1]) if match else None


def _declared(documents: list[Document]) -> int | None:
    """The phase that the corpus itself calls current; an overview's word counts before a constitution's."""
    return next((phase for _, phase in declared_phases(documents)), None)


def declared_phases(documents: Iterable[Document]) -> list[tuple[Evidence, int]]:
    """Where documents name the current phase, an overview first, the constitution last."""
    votes: list[tuple[Evidence, int]] = []
    ranked = sorted(
        documents, key=lambda d: ("overview" not in d.path.lower(), d.role == "constitution", d.path)
    )
    for document in ranked:
        if document.role == "other":
            continue
        head = document.text[:20_000]
        for match in _CURRENT.finditer(head):
            phase = _PHASE.search("phase " + next(g for g in match.groups() if g)) or _PHASE.search(match[0])
            explicit = "current" in match[0].lower()
            if phase and (explicit or document.role == "constitution"):
                line = head.count("\n", 0, match.start()) + 1
                votes.append((Evidence(document.path, line), _number(phase[1])))
    return votes


def _busiest(documents: list[Document]) -> int | None:
    counts: Counter[int] = Counter()
    for document in documents:
        if document.phase is not None and document.role == "backend":
            counts[document.phase] += (
                len(re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE)\b[` *]+/", document.text)) + 1
            )
    return counts.most_common(1)[0][0] if counts else None


def _by_feature(documents: list[Document], wanted: str) -> Scope:
    named = {d.feature for d in documents if d.feature}
    hits = {f for f in named if f.lower() == wanted.lower()}
    hits = hits or {f for f in named if f.lower().startswith(wanted.lower())}
    if not hits:
        return Scope(
            None, tuple(documents), f"No feature folder starts with {wanted!r}: planning everything."
        )
    kept = []
    for document in documents:
        other = document.feature and document.feature not in hits and re.match(r"\d", document.feature)
        kept.append(replace(document, in_scope=False, left_out=f"not {wanted}") if other else document)
    left = sum(not d.in_scope for d in kept)
    return Scope(
        None, tuple(kept), f"Planning {', '.join(sorted(hits))}; {left} documents of other features left out."
    )
