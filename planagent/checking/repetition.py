"""PA201: runs of words taken from the specs, whatever their case, punctuation and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from planagent.checking.units import Unit
from planagent.model import Corpus, Finding

RUN = 10
"""Words in a row that no two people write by chance about one matter."""
RUN_PROSE = 16
"""The same outside of tasks, where another program's plan sums its specs up."""
RUN_UNSPACED = 20
"""The same for characters of scripts without spaces."""

_BREAK = "\x00"
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")
_MARKED = re.compile(r"`[^`]*`|[\"“][^\"”]*[\"”]|「[^」]*」|『[^』]*』|«[^»]*»|\b(?:GET|POST|PUT|PATCH|DELETE)\s+/\S*")
_WORD = re.compile(r"[^\W\d_][\w'’-]*", re.UNICODE)
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯฀-๿]+")
_UNSPACED_OR_ID = re.compile(rf"{_UNSPACED.pattern}|\b[A-Z]+-\d+\b")


def words_of(text: str) -> list[str]:
    """Lower-case words without marks; names in code marks, quotations and HTTP lines do not count: they have to be exact."""
    return [word for word, _, _ in _spans(text)]


def _spans(text: str) -> list[tuple[str, int, int]]:
    """The words with their start and end in the text."""
    blank = _MARKED.sub(lambda m: " " * len(m[0]), text)
    return [(m[0].lower(), m.start(), m.end()) for m in _WORD.finditer(blank) if not _UNSPACED.search(m[0])]


def characters_of(text: str) -> list[tuple[str, int]]:
    """The characters of scripts without spaces with their places, whatever stands between; an id is a break."""
    found: list[tuple[str, int]] = []
    blank = _MARKED.sub(lambda m: " " * len(m[0]), text)
    for match in _UNSPACED_OR_ID.finditer(blank):
        if _UNSPACED.match(match[0]):
            found += [(character, match.start() + i) for i, character in enumerate(match[0])]
        else:
            found.append((_BREAK, match.start()))
    return found


def _grams(characters: list[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Place and hash of each run of characters that no id breaks."""
    text = "".join(c for c, _ in characters)
    for i in range(len(text) - RUN_UNSPACED + 1):
        gram = text[i : i + RUN_UNSPACED]
        if _BREAK not in gram:
            yield i, hash(gram)


class Index:
    """Hashes of every run in the corpus: one pass over the text, constant time for a look-up."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        self._grams: set[int] = set()
        for text in texts:
            words = words_of(text)
            self._runs.update(hash(tuple(words[i : i + RUN])) for i in range(len(words) - RUN + 1))
            self._grams.update(h for _, h in _grams(characters_of(text)))

    @classmethod
    def of(cls, corpus: Corpus) -> Index:
        return cls(d.text for d in corpus.read)

    def repeated(self, text: str) -> str:
        """The longest run that stands in the corpus, as the text writes it; '' when none does."""
        return self._words(text) or self._characters(text)

    def _words(self, text: str) -> str:
        words = _spans(text)
        hits = [i for i in range(len(words) - RUN + 1) if hash(tuple(w for w, _, _ in words[i : i + RUN])) in self._runs]
        if not hits:
            return ""
        first, last = _longest(hits)
        return text[words[first][1] : words[last + RUN - 1][2]]

    def _characters(self, text: str) -> str:
        characters = characters_of(text)
        hits = [i for i, gram in _grams(characters) if gram in self._grams]
        if not hits:
            return ""
        first, last = _longest(hits)
        return text[characters[first][1] : characters[last + RUN_UNSPACED - 1][1] + 1]


def _longest(hits: list[int]) -> tuple[int, int]:
    """First and last of the longest row of neighbours."""
    best = start = (hits[0], hits[0])
    for hit in hits[1:]:
        start = (start[0], hit) if hit == start[1] + 1 else (hit, hit)
        if start[1] - start[0] > best[1] - best[0]:
            best = start
    return best


def check_repeated(units: Iterable[Unit]) -> Iterator[Finding]:
    """PA202: a run of words that stands at two places of a plan: a rule has one home. Sentences that name different things in code marks
    or quotations are different."""
    homes: dict[tuple[str, ...], Unit] = {}
    told: set[tuple[str, str]] = set()
    for unit in units:
        for run, shown in _runs(unit.text):
            first = homes.setdefault(run, unit)
            apart = first is not unit and (first.text != unit.text or first.place != unit.place)
            if apart and (first.place, unit.place) not in told:
                told.add((first.place, unit.place))
                remedy = "Say it at one place and refer to that from the other."
                yield unit.finding("PA202", f"said before at {first.place}: {shown!r}", remedy, shown)


def _runs(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each run of words with the marked names of its sentence, and as the text writes it; enumerations of names are none."""
    for sentence in _SENTENCE.split(text):
        words = _spans(sentence)
        named = [m[0] for m in _MARKED.finditer(sentence)]
        for i in range(len(words) - RUN + 1):
            run = words[i : i + RUN]
            shown = sentence[run[0][1] : run[-1][2]]
            if not _is_list(shown):
                yield (*(w for w, _, _ in run), *named), shown


_PARTS = re.compile(r"[,;:()|/、，；：（）]")


def _is_list(run: str) -> bool:
    """True for names with their types: fields in their order are exact, and nobody's prose."""
    return len(_PARTS.findall(run)) * 3 >= (len(words_of(run)) or len(run) // 2)


def check_repetition(unit: Unit, index: Index) -> Iterator[Finding]:
    run = index.repeated(unit.text)
    if run and not _is_list(run) and not (unit.kind == "prose" and len(words_of(run)) in range(1, RUN_PROSE)):
        shown = run if len(run) <= 90 else run[:87] + "…"
        yield unit.finding("PA201", f"taken over from the specs: {shown!r}", "Say in words of your own what to do.", run)
