"""Conflicts that only a reader of meaning finds: a model claims them, code keeps those whose quotes stand in the specs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from planagent import tokens
from planagent.errors import AnswerError
from planagent.model import Conflict, Corpus, Document, Evidence
from planagent.planning.briefs import Brief, Shape
from planagent.planning.ledger import Ledger
from planagent.planning.profile import prompt
from planagent.reading.secrets import mask
from planagent.writing.answers import dicts
from planagent.writing.protocol import Usage, Writer

MOST_CLAIMS = 12
_WHOLE = 24_000
"""Tokens of a corpus that goes into one request: disagreements lie far apart."""
_WINDOW = 10_000
_SMALL_WINDOW = 1_500
_KINDS = ("conflict", "gap", "trap")


@dataclass(slots=True)
class Deep:
    """What a model claimed and code confirmed. `dropped` counts claims without a true quote or known already."""

    conflicts: list[Conflict] = field(default_factory=list)
    dropped: int = 0
    usage: Usage = field(default_factory=Usage)


async def find_deep(corpus: Corpus, writer: Writer, ledger: Ledger, tell: Callable[[str], None]) -> Deep:
    """Asks for each window of the corpus and verifies every claim.

    Raises:
        WriterError: the writer failed; answers so far are in the ledger.
    """
    result = Deep()
    briefs = list(make_briefs(corpus, writer.shape))
    for brief in briefs:
        key = Ledger.key(writer.identity, brief.messages(), brief.schema)
        value = ledger.get([key]).get(key)
        if value is None:
            try:
                answer = await writer.answer(brief)
            except AnswerError as error:
                if error.kind in ("refusal", "content_filter"):
                    raise
                tell(f"{brief.id} of {len(briefs)}: {error.message}")
                continue
            value = answer.value
            if answer.whole:
                ledger.put({key: value})
        claims = dicts(value.get("claims"))
        kept = list(verified(claims, corpus, [*corpus.conflicts, *result.conflicts]))
        result.conflicts += kept
        result.dropped += len(claims) - len(kept)
        tell(f"{brief.id} of {len(briefs)}: {len(kept)} of {len(claims)} claims stand")
    result.usage = writer.usage
    return result


def make_briefs(corpus: Corpus, shape: Shape) -> Iterator[Brief]:
    """One brief over the whole corpus where it is small, else one for each window of neighbouring documents."""
    known = "\n".join(f"- {c.message}" for c in corpus.conflicts) or "- nothing"
    most = _WHOLE if shape.whole else _SMALL_WINDOW
    windows = list(_windows(corpus, most))
    if shape.whole and len(windows) > 1:
        windows = list(_windows(corpus, _WINDOW))
    paths = [d.path for d in corpus.read]
    for number, text in enumerate(windows, 1):
        yield Brief(
            id=f"window {number}",
            parts=(),
            system=prompt("conflicts.md").strip(),
            common=f"# Known already\n\n{known}",
            request=f"# The specs\n\n{text}\n\nReport at most {MOST_CLAIMS} claims.",
            schema=_schema(paths[:400]),
            base={"claims": []},
            max_tokens=600 if shape.lean else 3000,
            lean=shape.lean,
        )


def _schema(paths: list[str]) -> dict[str, Any]:
    quote = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "enum": paths},
            "text": {"type": "string", "maxLength": 240},
        },
        "required": ["path", "text"],
        "additionalProperties": False,
    }
    claim = {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": list(_KINDS)},
            "message": {"type": "string", "maxLength": 280},
            "quotes": {"type": "array", "items": quote, "minItems": 1, "maxItems": 3},
        },
        "required": ["kind", "message", "quotes"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"claims": {"type": "array", "items": claim, "maxItems": MOST_CLAIMS}},
        "required": ["claims"],
        "additionalProperties": False,
    }


def _windows(corpus: Corpus, most: int) -> Iterator[str]:
    """Texts of neighbouring passages, each at most about `most` tokens, with the paths they come from."""
    window: list[str] = []
    size = 0
    for document in corpus.read:
        for passage in document.passages:
            cost = tokens.count(passage.text)
            if window and size + cost > most:
                yield "\n".join(window)
                window, size = [], 0
            text = passage.text[: 4 * most]
            window.append(f"<passage path={json.dumps(document.path)}>\n{text}\n</passage>")
            size += cost
    if window:
        yield "\n".join(window)


# -- proof --------------------------------------------------------------------------------------


def verified(claims: list[dict[str, Any]], corpus: Corpus, known: list[Conflict]) -> Iterator[Conflict]:
    """The claims whose every quote stands in the document it names, and that say something new."""
    seen = [set(_near(c)) for c in known]
    for claim in claims:
        conflict = _conflict(claim, corpus)
        if conflict is None:
            continue
        places = set(_near(conflict))
        own = {(p.file, p.line) for p in conflict.places}
        if any(all(place in near for place in own) for near in seen):
            continue  # the very lines are reported already
        seen.append(places)
        yield conflict


def _near(conflict: Conflict) -> Iterator[tuple[str, int]]:
    for place in conflict.places:
        for line in range(place.line - 1, max(place.end, place.line) + 2):
            yield place.file, line


def _conflict(claim: dict[str, Any], corpus: Corpus) -> Conflict | None:
    kind, message = claim.get("kind"), " ".join(str(claim.get("message", "")).split())
    if kind not in _KINDS or not 10 <= len(message) <= 400:
        return None
    places: list[Evidence] = []
    for quote in dicts(claim.get("quotes"))[:3]:
        document = corpus.document(str(quote.get("path", "")))
        place = find_quote(document, str(quote.get("text", ""))) if document else None
        if place is None:
            return None
        places.append(place)
    apart = len({(p.file, p.line) for p in places})
    if not places or (kind == "conflict" and apart < 2):
        return None
    unique = tuple(dict.fromkeys(places))
    return Conflict("model.claim", kind, mask(message)[0], unique, blocks=3)


def find_quote(document: Document, quote: str) -> Evidence | None:
    """Where a quote stands: case, spaces and Markdown's marks do not matter, words and numbers do.

    A quote of less than three words (six characters in scripts without spaces) proves nothing and is not found.
    """
    wanted = _said(quote)
    if len(wanted.split()) < 3 and not re.search(r"[぀-ヿ㐀-鿿가-힯]{6}", wanted):
        return None
    lines = [_said(line) for line in document.lines]
    for span in (1, 2, 3, 4, 6):
        for start in range(len(lines)):
            joined = " ".join(x for x in lines[start : start + span] if x)
            if wanted in joined and lines[start]:
                return Evidence(document.path, start + 1, start + span if span > 1 else 0)
    return None


def _said(text: str) -> str:
    return " ".join(re.findall(r"[\w./{}:@-]+", text.lower().replace("**", " ").replace("`", " "))).strip()
