"""PA401 to PA404: names that nothing in the corpus or the checklist gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from planagent.checking.units import Unit
from planagent.model import Corpus, Finding, normalize_path
from planagent.planning.outline import Outline
from planagent.reading.technologies import named_in

_ENDPOINT = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\s+`?(/[^\s`,;)\]]*)")
_VARIABLE = re.compile(r"(?<![\w/.{-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w(])")
_CALL = re.compile(r"`([A-Za-z_]\w*)\(\)`")
_SCHEMA = re.compile(
    r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*(?:Create|Update|Request|Response|Schema|Input|Output|DTO))`"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan may name."""

    endpoints: frozenset[str]
    uppercase: frozenset[str]
    technologies: frozenset[str]
    names: frozenset[str]
    text: str

    @classmethod
    def of(cls, outline: Outline) -> Known:
        corpus = outline.corpus
        text = "\n".join(d.text for d in corpus.read)
        ordered = [t.ordered for t in outline.profile.topics if t.ordered]
        technologies = {t.name for t in corpus.facts.technologies} | set().union(
            *(named_in(o) for o in ordered), named_in(text)
        )
        return cls(
            frozenset(_endpoint_keys(corpus)),
            frozenset(re.findall(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", text))
            | frozenset(outline.profile.variables),
            frozenset(technologies),
            frozenset(outline.blueprint.names()),
            text,
        )


def _endpoint_keys(corpus: Corpus) -> set[str]:
    return {e.key for e in (*corpus.facts.endpoints, *corpus.facts.consumed)}


def check_grounding(unit: Unit, known: Known) -> Iterator[Finding]:
    """Every name in one line that nobody gave."""
    for method, path in _ENDPOINT.findall(unit.text):
        key = f"{method} {normalize_path(path.rstrip('.:'))}"
        if key not in known.endpoints and "*" not in path:
            yield Finding(
                "PA401",
                unit.place,
                f"no spec names the endpoint {method} {path}",
                "Build the specified endpoints only; make it a decision if it is needed.",
                unit.line,
                unit.key,
            )
    for name in dict.fromkeys(_VARIABLE.findall(unit.text)):
        if name not in known.uppercase:
            yield Finding(
                "PA402",
                unit.place,
                f"neither specs nor checklist name {name}",
                "Use a variable that they name.",
                unit.line,
                unit.key,
            )
    for name in sorted(named_in(unit.text) - known.technologies):
        yield Finding(
            "PA403",
            unit.place,
            f"neither specs nor checklist name {name}",
            "Use what the specs name, or put it into advice on a named library.",
            unit.line,
            unit.key,
        )
    for name in (*_CALL.findall(unit.text), *_SCHEMA.findall(unit.text)):
        if name not in known.names and not re.search(rf"\b{re.escape(name)}\b", known.text):
            yield Finding(
                "PA404",
                unit.place,
                f"`{name}` is neither in the blueprint nor in the specs",
                "Use the blueprint's names.",
                unit.line,
                unit.key,
            )
