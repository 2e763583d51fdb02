"""`fleet.toml`: the workspaces of a fleet, each with its schedule, its model and its ceilings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from planagent.errors import UsageError

CRON = "17 5 * * *"
_ZONED = "CRON_TZ="
"""Before a schedule in another zone than UTC, as cron itself has it: `CRON_TZ=Europe/Berlin 17 5 * * *`."""
_OWN = {"name", "cron", "timezone", "requests_per_minute", "retries", "backoff"}
_PLACE = {"path", "git", "branch", "push", "name"}
_SETTINGS = {
    "model", "base_url", "scope", "feature", "profile", "output", "temperature", "batch", "concurrency", "timeout", "idle_timeout", "patience", "repairs",
    "max_calls", "max_tokens", "max_cost", "price_input", "price_output", "offline", "fill_from_rules",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One workspace: a folder, or a repository with its branch. `settings` override what the workspace says itself."""

    name: str
    path: str = ""
    git: str = ""
    branch: str = "main"
    push: str = "planagent/plan"
    cron: str = CRON
    settings: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in ("path", "git", "branch", "push", "settings")}


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the file says. `name` tells its workspaces from those of other files on the same database. `retries` failures in a row park a workspace; `backoff` seconds before the first of them is tried again,
    twice as many before each further one."""

    entries: tuple[Entry, ...]
    name: str = ""
    requests_per_minute: float = 0.0
    retries: int = 5
    backoff: float = 60.0


def load_fleet(path: Path) -> Fleet:
    """Reads the file; globs are looked up now.

    Raises:
        UsageError: it is missing, does not parse, or says something unknown or impossible.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).", "Write a fleet.toml, or name one with --file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no TOML ({error}).", "Mend the file.") from error
    unknown = set(data) - {"fleet", "workspace"}
    if unknown:
        raise UsageError(f"{path}: `{min(unknown)}` is unknown.", "Known: [fleet] and [[workspace]].")
    common = _table(path, "[fleet]", data.get("fleet", {}), _OWN | _SETTINGS)
    entries: dict[str, Entry] = {}
    for number, table in enumerate(data.get("workspace", []), 1):
        where = f"[[workspace]] {number}"
        own = _table(path, where, table, {"cron", "timezone"} | _PLACE | _SETTINGS)
        for entry in _entries(path, where, {n: v for n, v in common.items() if n != "name"} | own):
            if entry.name in entries:
                raise UsageError(f"{path}: {where}: {entry.name!r} is there twice.", "Give each its own `name`.")
            entries[entry.name] = entry
    if not entries:
        raise UsageError(f"{path}: lists no workspace that exists.", "Add a [[workspace]] with `path` or `git`.")
    return Fleet(
        tuple(entries.values()),
        name=str(common.get("name") or path.absolute()),
        requests_per_minute=_number(path, common, "requests_per_minute", 0.0),
        retries=int(_number(path, common, "retries", 5)),
        backoff=_number(path, common, "backoff", 60.0),
    )


def _table(path: Path, where: str, table: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {where} is no table.", "Correct it.")
    unknown = set(table) - known
    if unknown:
        raise UsageError(f"{path}: {where}: `{min(unknown)}` is unknown.", f"Known: {', '.join(sorted(known))}.")
    return table


def _number(path: Path, table: dict[str, Any], name: str, default: float) -> float:
    value = table.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise UsageError(f"{path}: [fleet]: `{name}` is {value!r}; expected a number.", f"Correct `{name}`.")
    return float(value)


def _entries(path: Path, where: str, table: dict[str, Any]) -> Iterator[Entry]:
    cron, zone = str(table.get("cron", CRON)), str(table.get("timezone", "UTC"))
    check_cron(cron, zone, f"{path}: {where}")
    cron = cron if zone == "UTC" else f"{_ZONED}{zone} {cron}"
    settings = {n: v for n, v in table.items() if n in _SETTINGS}
    git, folder = str(table.get("git", "")), str(table.get("path", ""))
    if bool(git) == bool(folder):
        raise UsageError(f"{path}: {where}: needs either `path` or `git`.", "Give one of them.")
    if git:
        branch, push = str(table.get("branch", "main")), str(table.get("push", "planagent/plan"))
        for name in (branch, push):
            if not re.fullmatch(r"[\w][\w./-]*", name):
                raise UsageError(f"{path}: {where}: {name!r} is no branch's name.", "Correct it.")
        if git.startswith("-") or branch == push:
            raise UsageError(f"{path}: {where}: cannot be cloned and pushed so.", "Correct `git`, `branch` and `push`.")
        yield Entry(str(table.get("name") or f"{_bare(git)}#{branch}"), git=git, branch=branch, push=push, cron=cron, settings=settings)
        return
    found = sorted(p for p in path.parent.glob(folder) if p.is_dir()) if re.search(r"[*?\[]", folder) else [path.parent / folder]
    for one in found:
        resolved = one.resolve()
        named = len(found) == 1 and table.get("name")
        yield Entry(str(named or resolved), path=str(resolved), cron=cron, settings=settings)


def _bare(url: str) -> str:
    """An address without what may be a password in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def check_cron(cron: str, zone: str, where: str) -> None:
    from croniter import croniter

    if not croniter.is_valid(cron):
        raise UsageError(f"{where}: {cron!r} is no cron expression.", "Five fields, such as 17 5 * * 1-5.")
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as error:  # unknown, no name at all, a folder
        raise UsageError(f"{where}: {zone!r} is no time zone.", "A name of the tz database, such as Europe/Berlin.") from error


def next_due(cron: str, after: datetime) -> datetime:
    """The next time of a schedule, in UTC; a time that a clock skips or strikes twice in its zone comes once."""
    from croniter import croniter

    zone: tzinfo = UTC
    fields = cron
    if cron.startswith(_ZONED):
        name, _, fields = cron.removeprefix(_ZONED).partition(" ")
        zone = ZoneInfo(name)
    found: datetime = croniter(fields, after.astimezone(zone)).get_next(datetime)
    return found.astimezone(UTC)
