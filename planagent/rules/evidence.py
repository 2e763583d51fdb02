"""What a whole corpus tells by rule, for whoever reads a passage of it: whether anything exact says that there is a backend, what is a setting,
which headings come again. What its sentences mean, nobody knows here."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache, cached_property
from importlib import resources

from planagent.briefs.read import ReadStage
from planagent.corpus.discover import of_client
from planagent.corpus.markdown import plain
from planagent.model import Document, Unit, normalize_path
from planagent.rules.fields import fields_in
from planagent.rules.routes import Route, routes_in
from planagent.rules.settings import environment
from planagent.statements.forms import label_of


class Surroundings:
    """One corpus around its passages; each thing is worked out when it is first asked for."""

    def __init__(self, stage: ReadStage) -> None:
        self.stage = stage
        self._series: dict[str, frozenset[str]] = {}
        self._kept: dict[str, dict[tuple[str, ...], bool]] = {}

    @cached_property
    def backend(self) -> bool:
        """True where there is a contract, an operation, or the name of what runs on a server, be it in a plan that is no spec; and where
        requirements are numbered and nothing of the other side is named."""
        corpus = self.stage.corpus
        if self.stage.candidates:
            return True
        texts = [d.text for d in corpus.documents if not of_client(d.path)]
        if any(_names("server").search(t) for t in texts):
            return True
        units = [u for d in corpus.read if not of_client(d.path) for u in d.units]
        if any(map(routes_in, units)):
            return True
        return any(label_of(u.text) for u in units) and not any(_names("client").search(t) for t in texts)

    @cached_property
    def settings(self) -> frozenset[str]:
        return frozenset(environment(self.stage.corpus))

    @cached_property
    def contracts(self) -> frozenset[Route]:
        """Methods and normalized paths of the operations that contracts define."""
        named = (s.name.partition(" ") for s in self.stage.candidates if s.kind == "operation")
        return frozenset((verb, normalize_path(path)) for verb, _, path in named if path.startswith("/"))

    @cached_property
    def heads(self) -> dict[tuple[str, str], set[str]]:
        """By document and heading, the headings above it."""
        found: dict[tuple[str, str], set[str]] = {}
        for passage in (p for d in self.stage.corpus.read for p in d.passages):
            found.setdefault((passage.file, plain(passage.heading).lower()), set()).add("".join(passage.trail[-2:-1]))
        return found

    def series(self, document: Document) -> frozenset[str]:
        """Words that number things in a document (`Requirement 1`, `Requirement 2`); beside a single number stands a version or a product."""
        if document.path not in self._series:
            seen = {label_of(u.text) for u in document.units}
            heads = Counter(label.partition(" ")[0] for label in seen if " " in label)
            self._series[document.path] = frozenset(w for w, n in heads.items() if n > 1)
        return self._series[document.path]

    def kept(self, document: Document) -> dict[tuple[str, ...], bool]:
        """The headings below which a document has lists of what is kept, and whether that is said of tables alone."""
        if document.path not in self._kept:
            units: dict[int, list[Unit]] = {}
            for unit in document.units:
                units.setdefault(unit.passage, []).append(unit)
            beside = [(p.trail[:-1], f) for i, p in enumerate(document.passages) for f in fields_in(document, p, units.get(i, []))]
            self._kept[document.path] = {above: f.sql for above, f in sorted(beside, key=lambda b: b[1].sql) if f.sql or f.known}
        return self._kept[document.path]


@cache
def _names(side: str) -> re.Pattern[str]:
    table = tomllib.loads((resources.files("planagent") / "rules" / "technologies.toml").read_text(encoding="utf-8"))
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, table[side]))})(?![A-Za-z0-9_])")
