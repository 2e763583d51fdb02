"""One plan file checked. What was found before for the very same bytes is not worked out again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from planagent.cache import Cache, digest
from planagent.errors import CorpusError, UsageError
from planagent.files import decode, read_bytes
from planagent.model import Finding
from planagent.reading.sources import Sources, read_sources
from planagent.rulebook import matching, rules
from planagent.settings import Settings

OWN = "<!-- planagent plan, format "
"""How a file of this program's own format begins."""
_BESIDE = ("plan.md", "research.md", "data-model.md", "quickstart.md", "design.md", "architecture.md")
_SPEC_ROOTS = ("specs", ".specify/specs", "spec", "docs/specs")


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome for one plan file. `notes` say what was left out or not checked, and why."""

    path: Path
    text: str
    format: str
    tasks: int
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def check_file(
    settings: Settings,
    path: Path,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    cache: Cache | None = None,
) -> Checked:
    """Checks a plan against the specs of its workspace.

    Args:
        select: codes, starts of codes or names of the only rules to apply; empty for the format's own set.
        ignore: the same, for rules to leave out.
        cache: where an outcome for the very same bytes may be found.

    Raises:
        UsageError: the file is missing, empty or of no known format, or a selector names no rule.
        CorpusError, NoBackendError: the specs of a plan of ours cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such plan.", "Write one with `planagent plan`, or give its path.")
    text, _ = decode(read_bytes(path))
    if not text.strip():
        raise UsageError(f"{path}: the file is empty.", "Give a plan.")
    own = text.startswith(OWN)
    chosen = select or settings.check_select
    every = (
        matching(chosen) if chosen else frozenset(c for c, r in rules().items() if own or r.plans == "all")
    )
    active = every - matching((*ignore, *settings.check_ignore))
    sources = _sources(settings, path)
    feature, beside = ("", ()) if own else (_feature(settings, path, text), _beside(path))
    key = digest(
        "check", path.name, path.parent.name, text, sorted(active), bool(select), settings.scope, settings.profile,
        sorted(settings.decisions.items()), feature, beside, sources.identity,
    )  # fmt: skip
    return _known(cache, key, path, text) or _work_out(
        cache, key, settings, path, text, own, sources, active, not select, feature, beside
    )


def _known(cache: Cache | None, key: str, path: Path, text: str) -> Checked | None:
    data = cache.get("check", key) if cache else None
    if data is None:
        return None
    import msgspec

    try:
        kind, tasks, findings, suppressed, notes = msgspec.msgpack.decode(
            data, type=tuple[str, int, tuple[Finding, ...], tuple[Finding, ...], tuple[str, ...]]
        )
    except msgspec.MsgspecError:
        return None  # a damaged entry is as good as none
    return Checked(path, text, kind, tasks, findings, suppressed, notes)


def _work_out(
    cache: Cache | None, key: str, settings: Settings, path: Path, text: str, own: bool, sources: Sources,
    active: frozenset[str], by_default: bool, feature: str, beside: tuple[str, ...],
) -> Checked:  # fmt: skip
    import msgspec

    from planagent.plancheck import Request, check

    request = Request(path, text, own, sources, active, by_default, feature, beside)
    done = check(request, settings, cache)
    if cache:
        record = (done.format, done.tasks, done.findings, done.suppressed, done.notes)
        cache.put("check", key, msgspec.msgpack.encode(record))
    return Checked(path, text, done.format, done.tasks, done.findings, done.suppressed, done.notes)


def _sources(settings: Settings, plan: Path) -> Sources:
    """The specs without the plan itself, which must not vouch for what it says."""
    root, own = settings.workspace.resolve(), plan.resolve()
    exclude = settings.exclude
    if own.is_relative_to(root):
        exclude = (*exclude, _literal(own.relative_to(root).as_posix()))
    return read_sources(settings.workspace, settings.include, exclude)


def _feature(settings: Settings, path: Path, text: str) -> str:
    """The numbered feature folder that a plan lies in or names as its input, when the specs have one of that name."""
    for part in reversed(path.resolve().parts[:-1]):
        if re.match(r"\d+-", part):
            found = any(next(settings.workspace.glob(f"{root}/{_literal(part)}"), None) for root in _SPEC_ROOTS)  # fmt: skip
            return part if found else ""
    named = re.search(r"(?m)^\*\*Input\*\*:.*?specs/(\d+-[\w.-]+?)/", text[:2000])
    return named[1] if named else ""


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


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
