"""Finding lines in the documents that a plan is made from."""

from __future__ import annotations

import re
from functools import lru_cache

from planagent.model import Corpus, Document, Endpoint, Evidence


def search(
    corpus: Corpus,
    pattern: str | re.Pattern[str],
    *,
    roles: tuple[str, ...] = ("constitution", "backend"),
    most: int = 8,
) -> list[Evidence]:
    """The first lines of documents in scope that match, in document order."""
    compiled = re.compile(pattern) if isinstance(pattern, str) else pattern
    found: list[Evidence] = []
    anywhere = _by_lines(compiled.pattern, compiled.flags)
    for document in corpus.read:
        if document.role not in roles or not anywhere.search(document.text):
            continue  # one look at the whole spares a look at each line
        for number, line in enumerate(document.lines, 1):
            if compiled.search(line) and not _is_future(document, number):
                found.append(Evidence(document.path, number))
                if len(found) >= most:
                    return found
    return found


@lru_cache(maxsize=256)
def _by_lines(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags | re.MULTILINE)


def found_lines(corpus: Corpus, pattern: str | re.Pattern[str], *, most: int = 8) -> list[str]:
    """The text of the lines that `search` finds in the constitution and the backend specs."""
    documents = {d.path: d.lines for d in corpus.read}
    return [documents[p.file][p.line - 1] for p in search(corpus, pattern, most=most)]


def found_in(corpus: Corpus, pattern: str, places: list[Evidence]) -> list[str]:
    """What a pattern finds in the lines of places, in their order."""
    lines = [d.lines[p.line - 1] for p in places if (d := corpus.document(p.file))]
    return [m[0] for line in lines for m in re.finditer(pattern, line)]


@lru_cache(maxsize=512)
def _future_lines(document: Document) -> tuple[tuple[int, int], ...]:
    return tuple(
        (p.start, p.end)
        for p in document.passages
        if re.search(r"(?i)future|out of scope|non-goals", " ".join(p.trail))
    )


def _is_future(document: Document, number: int) -> bool:
    return any(start <= number <= end for start, end in _future_lines(document))


def has_technology(corpus: Corpus, *names: str) -> bool:
    wanted = set(names)
    return any(t.name in wanted for t in corpus.facts.technologies)


def uses_database(corpus: Corpus) -> bool:
    """True when the backend stores something: entities, or a database or mapper is named."""
    kinds = ("database", "driver", "orm")
    return bool(corpus.facts.entities) or any(
        t.kind in kinds and t.side != "frontend" for t in corpus.facts.technologies
    )


def join(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def label_all(endpoints: list[Endpoint]) -> str:
    """The first three endpoints by name."""
    return ", ".join(f"`{e.label}`" for e in endpoints[:3]) + (" and others" if len(endpoints) > 3 else "")
