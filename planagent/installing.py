"""Files that this program puts into a project: commands for coding agents, each in its own place and format, and a workflow
for the forge. A file that somebody changed is never touched."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from planagent import __version__
from planagent.data import prompts_folder
from planagent.errors import UsageError
from planagent.files import decode, read_bytes, write_atomically

COMMANDS = ("plan", "plan-check", "next")
WORKFLOWS = {"github": ".github/workflows/planagent.yml"}
_MARK = re.compile(r"(?m)^(?:<!-- |# )planagent init; text ([0-9a-f]{12})(?: -->)?\n?")
State = Literal["absent", "current", "older", "foreign"]
Action = Literal["written", "updated", "unchanged", "kept", "removed", "absent"]


@dataclass(frozen=True, slots=True)
class Agent:
    """A coding agent and the place of its commands, as `prompts/agents/places.toml` describes it."""

    key: str
    name: str
    folder: str
    form: Literal["skill", "markdown", "toml", "prompt"]
    typed: str
    join: str = "-"
    arguments: str = "$ARGUMENTS"
    marks: tuple[str, ...] = ()

    def path(self, command: str, prefix: str) -> str:
        """Where a command's file lies, relative to the workspace."""
        name = f"{prefix}{self.join}{command}"
        file = {"skill": f"{name}/SKILL.md", "markdown": f"{name}.md", "toml": f"{name}.toml", "prompt": f"{name}.prompt.md"}
        return f"{self.folder}/{file[self.form]}"


@dataclass(frozen=True, slots=True)
class File:
    """A file to be installed; `path` is relative to the workspace, `owner` the agent or forge that it is for."""

    owner: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of one file."""

    owner: str
    path: str
    action: Action


@cache
def agents() -> dict[str, Agent]:
    """All known agents by key."""
    table = tomllib.loads((prompts_folder() / "agents" / "places.toml").read_text(encoding="utf-8"))
    return {key: Agent(key, **{**entry, "marks": tuple(entry["marks"])}) for key, entry in table.items()}


def chosen(workspace: Path, keys: Iterable[str]) -> list[Agent]:
    """The agents of these keys; without keys those that the project shows signs of.

    Raises:
        UsageError: there is no such agent, or no sign of any.
    """
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        if key not in agents():
            raise UsageError(f"There is no agent {key!r}.", f"Known: {', '.join(agents())}.")
    if wanted:
        return [agents()[k] for k in wanted]
    seen = [a for a in agents().values() if any((workspace / m).exists() for m in a.marks)]
    if not seen:
        raise UsageError(f"{workspace}: no sign of a coding agent here.", f"Name one or more with --agent: {', '.join(agents())}.")
    return seen


def commands(which: Iterable[Agent], prefix: str) -> list[File]:
    """The commands of some agents; a path that agents share comes once."""
    found: dict[str, File] = {}
    for agent in which:
        for command in COMMANDS:
            path = agent.path(command, prefix)
            found.setdefault(path, File(agent.key, path, rendered(agent, command, prefix)))
    return list(found.values())


def workflow(forge: str, *, branch: str, plan: str) -> File:
    """The workflow that plans again when specs change, and on a schedule.

    Args:
        branch: the one that is planned for.
        plan: the plan's path in the repository.
    """
    text = (prompts_folder() / "ci" / f"{forge}.yml").read_text(encoding="utf-8")
    for name, value in (("branch", branch), ("plan", plan), ("version", __version__)):
        text = text.replace(f"{{{name}}}", value)
    return File(forge, WORKFLOWS[forge], f"# planagent init; text {_digest(text)}\n{text}")


def install(workspace: Path, files: Iterable[File], *, dry_run: bool = False) -> list[Installed]:
    """Writes files; brings those of an older version up to date; leaves all others as they are."""
    actions: dict[State, Action] = {"absent": "written", "older": "updated", "current": "unchanged", "foreign": "kept"}
    found = []
    for file in files:
        state = state_of(workspace, file)
        if state in ("absent", "older") and not dry_run:
            write_atomically(workspace / file.path, file.text)
        found.append(Installed(file.owner, file.path, actions[state]))
    return found


def uninstall(workspace: Path, files: Iterable[File], *, dry_run: bool = False) -> list[Installed]:
    """Removes the files that nobody has changed, and the folders that this leaves empty."""
    found = []
    for file in files:
        state = state_of(workspace, file)
        if state in ("current", "older"):
            if not dry_run:
                (workspace / file.path).unlink()
                _remove_empty(workspace, workspace / file.path)
            found.append(Installed(file.owner, file.path, "removed"))
        else:
            found.append(Installed(file.owner, file.path, "absent" if state == "absent" else "kept"))
    return found


def rendered(agent: Agent, command: str, prefix: str) -> str:
    """A command's file, with a hash of itself by which a changed one is known."""
    source = (prompts_folder() / "agents" / f"{command}.md").read_text(encoding="utf-8")
    description, _, body = source.partition("\n")
    body = body.strip("\n").replace("{arguments}", agent.arguments or "what they write after this") + "\n"
    if agent.form == "toml":
        text = f"description = {json.dumps(description, ensure_ascii=False)}\n\nprompt = '''\n{body}'''\n"
        return f"# planagent init; text {_digest(text)}\n{text}"
    front: dict[str, Any] = {"description": description}
    if agent.form == "skill":
        front = {"name": f"{prefix}{agent.join}{command}", **front}
    if agent.form == "prompt":
        front = {"agent": "agent", **front}
    head = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in front.items())
    text = f"---\n{head}---\n\n{body}"
    return f"{text}<!-- planagent init; text {_digest(text)} -->\n"


def state_of(workspace: Path, file: File) -> State:
    """Whether a file is there, and as this program wrote it."""
    path = workspace / file.path
    if not path.is_file():
        return "absent"
    found, _ = decode(read_bytes(path))
    if found == file.text:
        return "current"
    marks = _MARK.findall(found)
    return "older" if len(marks) == 1 and marks[0] == _digest(_MARK.sub("", found)) else "foreign"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _remove_empty(workspace: Path, path: Path) -> None:
    for folder in path.parents:
        if folder == workspace or any(folder.iterdir()):
            return
        folder.rmdir()
