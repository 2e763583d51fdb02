"""PA201: runs of words taken from the specs, whatever their case, punctuation and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from planagent.checking.units import Unit
from planagent.model import Corpus, Finding

RUN = 10
"""Words in a row that no two people write by chance about one matter."""
RUN_UNSPACED = 20
"""The same for characters of scripts without spaces."""

_MARKED = re.compile(r"`[^`]*`|\b(?:GET|POST|PUT|PATCH|DELETE)\s+/\S*")
_WORD = re.compile(r"[^\W\d_][\w'’-]*", re.UNICODE)
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯฀-๿]+")


def words_of(text: str) -> list[str]:
    """Lower-case words without marks; names in code marks and HTTP lines do not count."""
    return [w.lower() for w in _WORD.findall(_MARKED.sub(" ", text)) if not _UNSPACED.search(w)]


def characters_of(text: str) -> str:
    return "".join(_UNSPACED.findall(text))


class Index:
    """Hashes of every run in the corpus: one pass over the text, constant time for a look-up."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        self._grams: set[int] = set()
        for text in texts:
            words = words_of(text)
            self._runs.update(hash(tuple(words[i : i + RUN])) for i in range(len(words) - RUN + 1))
            characters = characters_of(text)
            self._grams.update(
                hash(characters[i : i + RUN_UNSPACED]) for i in range(len(characters) - RUN_UNSPACED + 1)
            )

    @classmethod
    def of(cls, corpus: Corpus) -> Index:
        return cls(d.text for d in corpus.read)

    def repeated(self, text: str) -> str:
        """The first run that stands in the corpus, '' when none does."""
        words = words_of(text)
        for i in range(len(words) - RUN + 1):
            if hash(tuple(words[i : i + RUN])) in self._runs:
                return " ".join(words[i : i + RUN])
        characters = characters_of(text)
        for i in range(len(characters) - RUN_UNSPACED + 1):
            if hash(characters[i : i + RUN_UNSPACED]) in self._grams:
                return characters[i : i + RUN_UNSPACED]
        return ""


def check_repetition(unit: Unit, index: Index) -> Iterator[Finding]:
    run = index.repeated(unit.text)
    if run:
        yield Finding(
            "PA201",
            unit.place,
            f"taken over from the specs: {run!r}",
            "Say what to do about the rule; the reader has the specs.",
            unit.line,
            unit.key,
        )
