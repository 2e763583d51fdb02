"""What a task cites: at most five places, those that it covers first."""

from __future__ import annotations

import re

from planagent.model import Evidence
from planagent.planning.drafts import Item, OwnTask, SectionDraft
from planagent.planning.outline import Outline
from planagent.planning.plan import Source
from planagent.planning.rulings import Places, sources_of
from planagent.planning.tasks import TaskSpec

MOST_SOURCES = 5
"""A task that needs more places than this cannot be done in one sitting."""

_ABOUT: tuple[tuple[str, str], ...] = (
    ("db.", r"(?i)postgres|database|\bsql\b|connection"),
    ("test.", r"(?i)\btest(?:s|ing)?\b"),
    ("criteria.", r"(?i)\btest(?:s|ing)?\b"),
    ("config.env", r"(?i)environment|\.env"),
    ("config.logging", r"(?i)\blog"),
    ("config.", r"(?i)environment|configur|settings"),
    ("middleware.", r"(?i)\blog|error"),
    ("errors.", r"(?i)error|status code"),
    ("auth.", r"(?i)\bjwt\b|token|auth"),
    ("ops.", r"(?i)docker|deploy"),
    ("", r"(?i)stack|architecture|overview|structure"),
)


class Citing:
    """Finds the places of each task of one plan."""

    def __init__(self, outline: Outline, drafts: dict[int, SectionDraft]) -> None:
        self._outline = outline
        self._places = Places(outline.corpus)
        self._own = {own_key(t): t.sources for d in drafts.values() for t in d.own_tasks}

    def sources(self, spec: TaskSpec, items: list[tuple[str, Item]]) -> tuple[Source, ...]:
        """What the task covers first, then what its items cite, then the passages that speak of its subject."""
        if spec.key in self._own:
            return tuple(s for s in map(Source.parse, self._own[spec.key]) if s)
        found = list(sources_of(self._outline.corpus, self._covered(spec), MOST_SOURCES))
        if not found:
            cited = (Source.parse(t) for _, item in items for t in item.sources)
            found = list(dict.fromkeys(s for s in cited if s))[:MOST_SOURCES]
        return tuple(found or sources_of(self._outline.corpus, self._speaking(spec.key), 2))

    def _covered(self, spec: TaskSpec) -> list[Evidence]:
        places: list[Evidence] = []
        for kind in ("endpoint", "entity", "operation", "requirement", "env", "topic"):
            covered = [self._outline.obligations[c] for c in spec.covers if c.startswith(kind)]
            few = kind in ("endpoint", "entity") and len(covered) < 3
            for obligation in covered:
                places += obligation.evidence if few else obligation.evidence[:1]
        return places

    def _speaking(self, key: str) -> list[Evidence]:
        """For work that no obligation asks for by itself: the passages that speak most of its subject."""
        for prefix, pattern in _ABOUT:
            if key.startswith(prefix):
                found = self._places.best(pattern, key.replace(".", " "))
                if found:
                    return found
        return [Evidence(self._outline.corpus.read[0].path, 1)]


def own_key(task: OwnTask) -> str:
    """Identity of a writer's own task: the place it cites and what it is called."""
    anchor = task.sources[0].partition(" (L")[0] if task.sources else ""
    slug = re.sub(r"[^a-z0-9]+", "-", task.title.lower()).strip("-")[:48]
    return f"own.{anchor}.{slug}"
