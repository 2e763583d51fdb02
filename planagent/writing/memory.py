"""What the ledger knows of the parts of this plan, and what it is told of new ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from planagent.model import Corpus
from planagent.planning.briefs import asked
from planagent.planning.ledger import Ledger
from planagent.planning.parts import Part
from planagent.planning.plan import Source
from planagent.planning.profile import Profile
from planagent.reading.text import content_digest
from planagent.writing.answers import dicts

_FORMAT = 1
"""Of the records below; another number asks for everything anew."""


@dataclass(slots=True)
class Known:
    """One accepted part: its entry, and what the writer added beside it, by kind.

    `filled` marks an entry of the rules in the place of one that the writer could not get right.
    """

    entry: dict[str, Any]
    extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    filled: bool = False


class Memory:
    """Answers by part. The key of a part is its material, the prompts it is asked with, and the writer.

    How parts were packed into requests is in no key: an answer is judged part by part, and holds part by part.
    """

    def __init__(
        self, ledger: Ledger, corpus: Corpus, profile: Profile, identity: dict[str, Any], *, lean: bool
    ) -> None:
        self._ledger = ledger
        self._corpus = corpus
        self._profile = profile
        self._identity = identity
        self._lean = lean

    def key(self, part: Part) -> str:
        words = asked(self._profile, part.section, lean=self._lean)
        return Ledger.key(_FORMAT, self._identity, words, part.material)

    def recall(self, parts: Sequence[Part]) -> dict[str, Known]:
        """The accepted answers by part. What cites a passage that has changed since is not known."""
        keys = {self.key(p): p.key for p in parts}
        found = {}
        for key, record in self._ledger.get(keys).items():
            known = self._valid(record)
            if known is not None:
                found[keys[key]] = known
        return found

    def keep(self, parts: Iterable[Part], known: dict[str, Known]) -> None:
        """Keeps the accepted answers of some parts at once."""
        records = {self.key(p): self._record(known[p.key]) for p in parts if p.key in known}
        if records:
            self._ledger.put(records)

    def used(self, parts: Iterable[Part]) -> None:
        self._ledger.used(self.key(p) for p in parts)

    def _record(self, known: Known) -> dict[str, Any]:
        reads = {}
        for source in _sources(known.extras):
            place = self._place(source)
            if place:
                reads[source] = place
        return {"entry": known.entry, "extras": known.extras, "reads": reads, "filled": known.filled}

    def _place(self, text: str) -> list[Any] | None:
        """Where in its passage a cited range lies and what it says, so that it is found again when lines move."""
        source = Source.parse(text)
        passage = self._corpus.passage(source.anchor) if source else None
        if source is None or passage is None:
            return None
        first, last = source.start - passage.start, source.end - passage.start
        return [source.anchor, first, last, self._said(source.anchor, first, last)]

    def _said(self, anchor: str, first: int, last: int) -> str:
        passage = self._corpus.passage(anchor)
        lines = passage.text.split("\n") if passage else []
        return content_digest("\n".join(lines[max(first, 0) : last + 1]))

    def _valid(self, record: dict[str, Any]) -> Known | None:
        entry, extras, reads = record.get("entry"), record.get("extras"), record.get("reads")
        if not isinstance(entry, dict) or not isinstance(extras, dict) or not isinstance(reads, dict):
            return None
        moved = {}
        for text, (anchor, first, last, said) in reads.items():
            passage = self._corpus.passage(anchor)
            if passage is None or self._said(anchor, first, last) != said:
                return None
            source = Source(anchor=anchor, start=passage.start + first, end=passage.start + last)
            moved[text] = str(source)
        for entries in extras.values():
            for extra in dicts(entries):
                extra["sources"] = [moved.get(s, s) for s in extra.get("sources", [])]
        return Known(entry, extras, record.get("filled") is True)


def _sources(extras: dict[str, list[dict[str, Any]]]) -> Iterable[str]:
    return {s for entries in extras.values() for e in entries for s in e.get("sources", [])}
