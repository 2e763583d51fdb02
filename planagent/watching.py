"""Planning again while somebody edits the specs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planagent.errors import PlanagentError
from planagent.files import sha256
from planagent.pipeline import Session, make_plan
from planagent.settings import STATE, Settings
from planagent.staleness import Status, status_of

_LEFT_OUT = frozenset({".git", STATE, "node_modules", ".venv", "venv", "__pycache__", "target", "dist", "build"})
_READ = frozenset({".md", ".markdown", ".mdx", ".yaml", ".yml", ".json", ".txt", ".toml"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a change of files led to: the status that it left, and the plan that was made of it or why there is none."""

    files: tuple[str, ...]
    status: Status | None = None
    session: Session | None = None
    error: PlanagentError | None = None


def watch(
    load: Callable[[], Settings],
    *,
    offline: bool = False,
    plan: bool = True,
    debounce: float = 1.0,
    tell: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Iterator[Seen]:
    """Looks at the workspace now and after each change, until it is stopped.

    A change that leaves the plan fresh is not spoken of; neither is the plan's own file. What goes wrong is yielded, and
    looked at again with the next change.

    Args:
        load: reads the settings, anew for each change.
        plan: make the plan again; else tell only what became stale.
        debounce: seconds without a change before one is looked at.

    Raises:
        ImportError: `watchfiles` is not installed.
        PlanagentError: the settings cannot be read at the start.
    """
    import watchfiles

    settings = load()
    root = settings.workspace.resolve()
    before: list[str] = []

    def wanted(_: Any, name: str) -> bool:
        path = Path(name)
        parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts
        return not _LEFT_OUT & set(parts) and (path.suffix in _READ or path.name == ".env") and path != settings.output_path.resolve()

    changes = watchfiles.watch(
        root, watch_filter=wanted, debounce=int(max(debounce, 0.1) * 10_000), step=int(max(debounce, 0.05) * 1000),
        stop_event=stop, raise_interrupt=True, rust_timeout=500, yield_on_timeout=True,
    )  # fmt: skip
    first = True
    for batch in changes:
        names = (Path(n) for _, n in batch)
        files = tuple(sorted({p.relative_to(root).as_posix() for p in names if p.is_relative_to(root)}))
        # The first look comes when files are watched already, so that no change falls between the two.
        if first or files:
            yield from _look(load, files, offline, plan, tell, before)
        first = False


def _look(
    load: Callable[[], Settings], files: tuple[str, ...], offline: bool, plan: bool, tell: Callable[[str], None], before: list[str]
) -> Iterator[Seen]:
    """`before` holds the hash of what was said last: without planning, the same staleness is told once."""
    try:
        settings = load()
        found = status_of(settings, offline=offline)
        said = sha256(repr(found).encode())
        if found.state == "fresh" or [said] == before:
            return
        before[:] = [said]
        yield Seen(files, found)
        if plan:
            session = make_plan(Session(settings, offline=offline, tell=tell))
            before.clear()
            yield Seen(files, session=session)
    except PlanagentError as error:
        before.clear()
        yield Seen(files, error=error)
