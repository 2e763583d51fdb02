"""What tasks give to each other: names that both sides must know, fixed before anybody builds either."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from planagent.planning.casing import cased
from planagent.planning.profile import Profile, prompt
from planagent.planning.tasks import TaskSpec

_NAME = re.compile(r"`(\w+)\(\)`")


@cache
def _data() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(prompt("gives.toml"))


def with_gives(tasks: Mapping[str, TaskSpec], profile: Profile) -> dict[str, TaskSpec]:
    """The tasks with what each gives, by `prompts/gives.toml`."""
    return {key: replace(task, gives=_of(key, tasks, profile)) for key, task in tasks.items()}


def _of(key: str, tasks: Mapping[str, TaskSpec], profile: Profile) -> tuple[str, ...]:
    return tuple(
        f"`{cased(entry['name'], profile.case)}()`: {entry['says']}"
        for entry in _data().get(key, ())
        if profile.name not in entry.get("not", ())
        and entry.get("with", key) in tasks
        # A folder of migration scripts gives no function.
        and not (key == "db.create" and tasks[key].file.endswith("/"))
    )


def given_names(tasks: Iterable[TaskSpec]) -> frozenset[str]:
    """The names themselves."""
    return frozenset(name for task in tasks for line in task.gives for name in _NAME.findall(line))
