"""What cited places say now, for whoever carries a task out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planagent.model import Corpus

MOST_LINES = 80
"""Of one excerpt; what is longer is read in the spec."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`source` is what is cited (`path#slug (L3-L9)`), `text` its lines."""

    source: str
    text: str


def excerpts(corpus: Corpus, places: Iterable[tuple[str, str, int, int]]) -> Iterator[Excerpt]:
    """The lines of places (how it is cited, path, first and last line), each once; what is not there is left out."""
    seen: set[tuple[str, int, int]] = set()
    for source, path, start, end in places:
        document = corpus.document(path)
        if document is None or (path, start, end) in seen:
            continue
        seen.add((path, start, end))
        lines = document.lines[start - 1 : min(end, start + MOST_LINES - 1)]
        more = f"\n… ({end - start + 1 - len(lines)} more lines in {path})" if end - start + 1 > len(lines) else ""
        if any(line.strip() for line in lines):
            yield Excerpt(source, "\n".join(lines) + more)
