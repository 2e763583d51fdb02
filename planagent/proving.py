"""One plan file checked. What was found before for the very same bytes is not worked out again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from planagent.cache import Cache, digest
from planagent.corpus.sources import literal, read_sources
from planagent.errors import CorpusError, UsageError
from planagent.files import decode, read_bytes, read_plan
from planagent.freshness import OWN, RESTORE, damage
from planagent.request import Outcome, Request
from planagent.rulebook import matching, rules
from planagent.settings import Settings

_STRICT = "PA508"
_BESIDE = ("plan.md", "research.md", "data-model.md", "quickstart.md", "design.md", "architecture.md")
_SPEC_ROOTS = ("specs", ".specify/specs", "spec", "docs/specs")


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan file and what was found in it."""

    path: Path
    text: str
    outcome: Outcome


def check_file(
    settings: Settings,
    path: Path,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    strict: bool = False,
    cache: Cache | None = None,
) -> Checked:
    """Checks a plan against the specs of its workspace.

    Args:
        select: codes, starts of codes or names of the only rules to apply; empty for the format's own set.
        ignore: the same, for rules to leave out.
        strict: what nobody has read is a finding too.
        cache: where an outcome for the very same bytes may be found.

    Raises:
        UsageError: the file is missing, empty or of no known format, or a selector names no rule.
        CorpusError, NoBackendError: the specs of a plan of ours cannot be read.
    """
    if not path.is_file():
        raise UsageError(
            f"{path}: no such plan.",
            "Write one with `planagent plan`, or with `planagent merge` where a coding agent answers; or give its path.",
        )
    text, _ = decode(read_plan(path))
    if not text.strip():
        raise UsageError(f"{path}: the file is empty.", "Give a plan.")
    own = text.startswith(OWN)
    if not own and path.resolve() == settings.output_path.resolve():
        raise UsageError(f"{path}: {damage(text, 'its first line is not that of a plan')}", RESTORE)
    chosen = select or settings.check_select
    every = matching(chosen) if chosen else frozenset(c for c, r in rules().items() if own or r.plans == "all")
    active = every - matching((*ignore, *settings.check_ignore))
    if not strict and not chosen:
        active -= {_STRICT}
    feature, beside = ("", ()) if own else (_feature(settings, path, text), _beside(path))
    sources = read_sources(settings.workspace, settings.include, settings.exclude, without=path)
    request = Request(path, text, own, sources, active, not select, feature, beside)
    return Checked(path, text, _outcome(request, settings, cache))


def _outcome(request: Request, settings: Settings, cache: Cache | None) -> Outcome:
    """The known outcome, or a new one that is known from then on."""
    import msgspec

    key = _key(request, settings)
    known = cache.get("check", key) if cache else None
    if known is not None:
        try:
            return msgspec.msgpack.decode(known, type=Outcome)
        except msgspec.MsgspecError:
            pass  # a damaged entry is as good as none
    from planagent.plancheck import check

    outcome = check(request, settings, cache)
    if cache:
        cache.put("check", key, msgspec.msgpack.encode(outcome))
    return outcome


def _key(request: Request, settings: Settings) -> str:
    """A hash of everything that can change the outcome; of the path only the names that the rules look at."""
    path = request.path
    return digest(
        "check", path.name, path.parent.name, request.text, sorted(request.active), request.by_default, settings.scope,
        settings.feature, sorted(settings.decisions.items()), request.feature, request.beside, request.sources.identity,
    )  # fmt: skip


def _feature(settings: Settings, path: Path, text: str) -> str:
    """The numbered feature folder that a plan lies in or names as its input, when the specs have one of that name."""
    for part in reversed(path.resolve().parts[:-1]):
        if re.match(r"\d+-", part):
            found = any(next(settings.workspace.glob(f"{root}/{literal(part)}"), None) for root in _SPEC_ROOTS)
            return part if found else ""
    named = re.search(r"(?m)^\*\*Input\*\*:.*?specs/(\d+-[\w.-]+?)/", text[:2000])
    return named[1] if named else ""


def _beside(path: Path) -> tuple[str, ...]:
    """Design documents in the plan's folder: what they name, its tasks may name."""
    found = []
    for name in _BESIDE:
        other = path.parent / name
        if other.name != path.name and other.is_file():
            try:
                found.append(decode(read_bytes(other))[0])
            except CorpusError:
                continue
    return tuple(found)
