"""Profiles, checklists and prompts: data from `prompts/`, read once and checked on reading."""

from __future__ import annotations

import posixpath
import re
import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import yaml

from planagent.data import prompts_folder
from planagent.errors import UsageError
from planagent.model import Corpus


@dataclass(frozen=True, slots=True)
class Topic:
    """One entry of a section's fixed checklist.

    `ordered` is what the checklist orders by name for this profile; `technology`, `pattern` and `endpoint`
    say how to see whether the specs have it; without any of them the topic always applies.
    """

    id: str
    section: int
    label: str
    technology: str = ""
    pattern: str = ""
    endpoint: str = ""
    folder: str = ""
    ordered: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a library does that no spec says; `item` is the topic whose item carries it."""

    text: str
    item: str
    when: tuple[str, ...] = ()
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A stack as data: layout, words, checklists, advice."""

    name: str
    title: str
    detect: tuple[str, ...]
    case: str
    extension: str
    root: str
    files: dict[str, str]
    folders: dict[str, str]
    words: dict[str, str]
    service_names: dict[str, str]
    advice: tuple[Advice, ...]
    topics: tuple[Topic, ...]
    variables: tuple[str, ...]
    operations: tuple[str, ...]
    briefs: dict[int, str] = field(default_factory=dict)
    languages: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Technology to (extension in the patterns, extension of its files): `TypeScript` to (".js", ".ts").

    An empty first one is for patterns without extension: `Ruby` to ("", ".rb").
    """

    def written_in(self, technologies: set[str]) -> Profile:
        """The profile with file names of the language that the specs name."""
        files = self.files
        for language, (old, new) in self.languages.items():
            if language in technologies:
                files = {r: p.removesuffix(old) + new if _extends(r, p, old) else p for r, p in files.items()}
        return replace(self, files=files)

    def path(self, role: str, root: str = "", **names: str) -> str:
        """The file of a role, relative to the workspace; `..` in a pattern leaves the root."""
        return join(root or self.root, self.files[role].format(**names))


def _extends(role: str, pattern: str, old: str) -> bool:
    """True for a source file whose name ends in the extension, or has none when none is looked for."""
    if old:
        return pattern.endswith(old)
    bare = "." not in pattern.rsplit("/", 1)[-1] and not pattern.endswith("/")
    return bare and role not in ("container", "dependencies")


def join(root: str, relative: str) -> str:
    """POSIX join that keeps a trailing slash and resolves `..` without leaving the workspace."""
    tail = "/" if relative.endswith("/") else ""
    path = posixpath.normpath(posixpath.join(root, relative))
    while path.startswith("../"):
        path = path[3:]
    return path.lstrip("/") + tail


@cache
def prompt(name: str) -> str:
    """The text of one prompt file (`system.md`).

    Raises:
        UsageError: the file is missing, which only a broken installation can cause.
    """
    try:
        return (prompts_folder() / name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"prompts/{name}: cannot be read ({error}).", "Reinstall planagent.") from error


@cache
def rulings_data() -> dict[str, dict[str, Any]]:
    return tomllib.loads(prompt("rulings.toml"))


_SECTION_FILES = (
    "01-architecture", "02-environment", "03-database", "04-auth", "05-endpoints", "06-services", "07-frontend",
    "08-errors", "09-testing", "10-timeline",
)  # fmt: skip


@cache
def _section_file(name: str) -> tuple[dict[str, Any], str]:
    text = prompt(f"sections/{name}.md")
    match = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not match:
        raise UsageError(
            f"prompts/sections/{name}.md: no front matter.", "Restore the file from the repository."
        )
    return yaml.safe_load(match[1]), match[2].strip()


@cache
def load_profile(name: str) -> Profile:
    """One profile with the checklists that apply to it."""
    data = tomllib.loads(prompt(f"profiles/{name}.toml"))
    topics, briefs, variables, operations = [], {}, [], []
    for file in _SECTION_FILES:
        front, text = _section_file(file)
        number = int(front["number"])
        briefs[number] = text
        variables += front.get("variables", {}).get(name, [])
        operations += front.get("operations", {}).get(name, [])
        for entry in front["checklist"]:
            entry = dict(entry)
            ordered = entry.pop("ordered", {}).get(name, "")
            topics.append(Topic(section=number, ordered=ordered, **entry))
    return Profile(
        name=data["name"],
        title=data["title"],
        detect=tuple(data["detect"]),
        case=data["case"],
        extension=data["extension"],
        root=data["root"],
        files=data["files"],
        folders=data["folders"],
        words=data["words"],
        service_names=data.get("service_names", {}),
        advice=tuple(
            Advice(a["text"], a["item"], tuple(a.get("when", ())), a.get("variable", ""))
            for a in data.get("advice", ())
        ),
        topics=tuple(topics),
        variables=tuple(variables),
        operations=tuple(operations),
        briefs=briefs,
        languages={language: (old, new) for language, (old, new) in data.get("languages", {}).items()},
    )


PROFILES = ("fastapi", "spring", "go", "dotnet", "rust", "php", "node")


def choose_profile(corpus: Corpus, wanted: str = "") -> Profile:
    """The profile of the backend framework that the specs name; `generic` where they name none we know.

    Args:
        corpus: what was read.
        wanted: a profile's name from the configuration, '' to choose.

    Raises:
        UsageError: `wanted` is no profile.
    """
    named = {t.name for t in corpus.facts.technologies}
    if wanted:
        if wanted not in (*PROFILES, "generic"):
            raise UsageError(
                f"No profile is called {wanted!r}.", f"Choose one of: {', '.join((*PROFILES, 'generic'))}."
            )
        return load_profile(wanted).written_in(named)
    weights = {
        t.name: len(t.evidence) + (4 if t.kind == "framework" else 0)
        for t in corpus.facts.technologies
        if t.side != "frontend"
    }
    scored = [(sum(weights.get(n, 0) for n in load_profile(name).detect), name) for name in PROFILES]
    best = max(scored)
    return load_profile(best[1] if best[0] else "generic").written_in(named)
