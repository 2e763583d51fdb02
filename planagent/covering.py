"""`planagent coverage`, worked out once for a plan and its specs: nothing heavy is loaded where neither has changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from planagent.cache import Cache, digest
from planagent.corpus.sources import read_sources
from planagent.errors import CorpusError
from planagent.files import decode, read_plan
from planagent.freshness import Head, state_of
from planagent.settings import Settings

_KIND = "coverage"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is told: as JSON, as lines for people, who read, and the share that is accounted for, in percent."""

    data: dict[str, Any]
    lines: list[str]
    by: str
    share: float


def coverage_of(settings: Settings, cache: Cache, *, missing: bool, dismissed: bool, columns: int = 0) -> Coverage:
    """
    Args:
        missing: lines name the units that are missing.
        dismissed: lines name the units that are dismissed, with their reasons.
        columns: of the terminal; 0 where names need not fit.

    Raises:
        CorpusError: the specs cannot be read.
        UsageError: what stands in the place of the plan is none.
    """
    key = _key(settings, missing, dismissed, columns)
    if key and (kept := _kept(cache, key)):
        return kept
    from planagent.known import known_of
    from planagent.reporting import coverage, coverage_as_json, coverage_as_text, total

    known = known_of(settings)
    rows = coverage(known)
    by = f"{known.by}." + ("" if known.plan else " There is no plan of these specs yet.")
    lines = list(coverage_as_text(known, rows, missing=missing, dismissed=dismissed, columns=columns))
    made = Coverage(coverage_as_json(known, rows), lines, by, total(rows).share)
    if key:
        cache.put(_KIND, key, json.dumps(asdict(made)).encode())
    return made


def _kept(cache: Cache, key: str) -> Coverage | None:
    """What was worked out before; a damaged entry is as good as none."""
    try:
        return Coverage(**json.loads(cache.get(_KIND, key) or b""))
    except (ValueError, TypeError):
        return None


def _key(settings: Settings, *asked: object) -> str:
    """Hash of a fresh plan and its specs, which all of it can be told from; '' where kept answers count as well."""
    try:
        text, _ = decode(read_plan(settings.output_path))
        head = Head.parse(text.partition("\n")[0])
        sources = read_sources(settings.workspace, settings.include, settings.exclude, without=settings.output_path)
    except (CorpusError, OSError):
        return ""
    fresh = head is not None and head.state == state_of(settings, sources)
    return digest(text, sources.identity, settings.scope, settings.feature, settings.overrides, asked) if fresh else ""
