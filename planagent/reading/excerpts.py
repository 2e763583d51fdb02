"""The lines that a fact rests on: its table row, list item, paragraph or fence; under a heading its passage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from planagent.model import Corpus, Document, Evidence, Passage
from planagent.reading.text import content_digest

_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d+[.)])\s")
_ROW = re.compile(r"\s*\|")
MOST_LINES = 120
"""A passage with its sub-passages is cut there; no fact needs more to be understood."""


@dataclass(frozen=True)
class Excerpt:
    """Some lines of one passage, 1-based and inclusive. Equal digests mean that both say the same."""

    anchor: str
    start: int
    end: int
    text: str

    @cached_property
    def digest(self) -> str:
        return content_digest(self.text)

    @property
    def source(self) -> str:
        lines = f"L{self.start}" if self.end <= self.start else f"L{self.start}-L{self.end}"
        return f"{self.anchor} ({lines})"


def excerpts(corpus: Corpus, places: Iterable[Evidence], *, deep: bool = False) -> tuple[Excerpt, ...]:
    """One excerpt for each place, those that lie within another left out, in the order of the corpus.

    Args:
        deep: a heading stands for its sub-passages too, as that of an endpoint or an entity does.
    """
    found = [e for place in dict.fromkeys(places) if (e := _excerpt(corpus, place, deep))]
    # The longest of those that begin on one line comes first, so that it swallows the others.
    ordered = sorted(found, key=lambda e: (e.anchor.partition("#")[0], e.start, -e.end))
    kept: list[Excerpt] = []
    for excerpt in ordered:
        last = kept[-1] if kept else None
        same = last is not None and last.anchor.partition("#")[0] == excerpt.anchor.partition("#")[0]
        if not (same and last and excerpt.end <= last.end):
            kept.append(excerpt)
    return tuple(kept)


def _excerpt(corpus: Corpus, place: Evidence, deep: bool) -> Excerpt | None:
    document, passage = corpus.document(place.file), corpus.passage_at(place)
    if document is None or passage is None:
        return None
    if place.line == passage.start and passage.slug:
        end = _with_subs(document, passage) if deep else passage.end
        start, end = passage.start, min(end, passage.start + MOST_LINES)
    else:
        start, _ = _block(document.lines, passage, place.line)
        _, end = _block(document.lines, passage, max(place.end, place.line))
    return Excerpt(passage.anchor, start, end, "\n".join(document.lines[start - 1 : end]).strip())


def _with_subs(document: Document, passage: Passage) -> int:
    end = passage.end
    for other in document.passages:
        if other.start == end + 1 and other.trail[: len(passage.trail)] == passage.trail:
            end = other.end
    return end


def _block(lines: tuple[str, ...], passage: Passage, line: int) -> tuple[int, int]:
    """First and last line of the block that a line of the passage lies in."""
    fence = _fence(lines, passage, line)
    if fence:
        return fence
    own = lines[line - 1] if line <= len(lines) else ""
    if _ROW.match(own):
        return line, line
    start = line
    while start > passage.start and not _starts(lines[start - 1]):
        above = lines[start - 2]
        if not above.strip() or above.startswith("#"):
            break
        start -= 1
    item = _ITEM.match(lines[start - 1])
    end = line
    while end < passage.end:
        following = lines[end]
        deeper = item is not None and len(following) - len(following.lstrip()) > len(item[1])
        if not following.strip() or (_starts(following) and not deeper):
            break
        end += 1
    return start, end


def _starts(line: str) -> bool:
    return bool(_ITEM.match(line) or _ROW.match(line) or _FENCE.match(line) or line.startswith("#"))


def _fence(lines: tuple[str, ...], passage: Passage, line: int) -> tuple[int, int] | None:
    opened = 0
    for number in range(passage.start, min(passage.end, len(lines)) + 1):
        if _FENCE.match(lines[number - 1]):
            if opened and opened <= line <= number:
                return opened, number
            opened = 0 if opened else number
    return None
