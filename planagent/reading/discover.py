"""Finds the documents of a workspace and gives each a role, without configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from planagent.features import SPEC_ROOTS
from planagent.model import Role

MAX_DOCUMENTS = 5_000
_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".yaml", ".yml", ".json", ".txt"})
_SKIPPED_FOLDERS = frozenset(
    {
        "node_modules", "venv", "__pycache__", "dist", "build", "target", "bin", "obj", "vendor", "templates",
        "site-packages", "coverage", "history", "prompts",
    }
)  # fmt: skip
_CONSTITUTION = re.compile(r"(?i)constitution")
_STEERING = re.compile(r"^(?:\.kiro/steering/[^/]+\.md|openspec/project\.md)$")
_PLAN_NAME = re.compile(
    r"(?i)^(?:plan|research|quickstart|tasks|todo|implementation[-_]?plan|backend_implementation_plan|.*[-_.]plan|changelog|contributing|"
    r"code_of_conduct|license|spec-analysis.*|.*-findings|analysis|.*[-_]report|deferred_requirements|manual-testing|.*-audit|"
    r"claude|agents|gemini|cursor|retrospective|notes)$"
)
_FRONT_PART = re.compile(r"(?i)^(?:front-?end|ui|web-?ui|client|mobile|pages|components|design-?system|ux)$")
_FRONT_NAME = re.compile(
    r"(?i)(?:^|[-_.])(?:front-?end|ui|ux|pages?|components?|client|mobile|styling|wireframes?)(?:[-_.]|$)"
)
_FRONT_TITLE = re.compile(
    r"(?i)\bfront-?end\b|\(ui\)|\bweb client\b|\buser interface\b|\binterfaz\b|\bOberfläche\b"
)
_BACK_PART = re.compile(r"(?i)^(?:back-?end|api|server|database|db|contracts?|services?)$")
_TASK_LINE = re.compile(r"(?m)^[ \t]*-[ \t]*\[[ xX]\][ \t]*(?:\*\*)?(?:T\d{2,4}|\d+\.\d*|Task\s+\d)")
_UNFILLED = re.compile(
    r"\[(?:FEATURE NAME|PROJECT_NAME|PRINCIPLE_\d_\w+|SECTION_\d_\w+|GOVERNANCE_RULES|CONSTITUTION_VERSION|RATIFICATION_DATE|"
    r"Entity \d|Brief Title|specific capability|initial state|boundary condition|error scenario|action|expected outcome|"
    r"###-feature-name|DATE|key data|user type|What it represents[^\]]*|Describe [^\]]{10,80})\]"
)
_DESCRIBES = re.compile(
    r"(?im)^[ \t]*(?:#{1,6}\s|\*\*|\|).*?(?:response|status code|request body|回應|回应|resposta|respuesta)"
)
_FRONT_WORDS = re.compile(
    r"(?i)\b(?:next\.?js|react|vue|angular|svelte|blazor|tailwind|css|component|responsive|viewport|button|modal|toast|page|pages|screen|hover|"
    r"dark mode|layout|click(?:s|ed)?|browser|localstorage|spinner|sidebar|navbar|accessibility|aria)\b"
)
_BACK_WORDS = re.compile(
    r"(?i)\b(?:api|endpoint|database|sql|schema|table|migration|backend|server|fastapi|jwt|http \d{3}|status code|query|orm|service|"
    r"repository|middleware|persist\w*|foreign key|index|401|403|404|422)\b"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a document, relative to the workspace."""

    path: str
    absolute: Path


def find_files(
    workspace: Path, include: tuple[str, ...], exclude: tuple[str, ...]
) -> tuple[list[Found], list[str]]:
    """The candidate files in a stable order, and warnings on what was passed over.

    Without `include`, the spec folders, the constitution and API documents under `docs/` are read; a workspace
    that has no such folder is read whole.
    """
    warnings: list[str] = []
    everything = list(_walk(workspace, warnings))
    if include:
        chosen = [f for f in everything if any(fnmatch(f.path, g) for g in include)]
    else:
        roots = tuple(f"{r}/" for r in SPEC_ROOTS if (workspace / r).is_dir())
        has_roots = bool(roots) or (workspace / ".specify").is_dir()
        chosen = [f for f in everything if not has_roots or _belongs(f.path, roots)]
    chosen = [f for f in chosen if not any(fnmatch(f.path, g) for g in exclude)]
    if len(chosen) > MAX_DOCUMENTS:
        warnings.append(
            f"{len(chosen):,} candidate files; only the first {MAX_DOCUMENTS:,} are read (set `include` in planagent.toml)"
        )
        chosen = chosen[:MAX_DOCUMENTS]
    return chosen, warnings


def _belongs(path: str, roots: tuple[str, ...]) -> bool:
    name = path.rsplit("/", 1)[-1]
    if path.startswith(roots) or (_CONSTITUTION.search(name) and path.count("/") <= 3):
        return True
    if path.startswith((".spec-kit/", "spec-kit/")) or _STEERING.match(path):
        return True
    parts = path.lower().split("/")
    if "docs" in parts[:-1] or "contracts" in parts[:-1]:
        return bool(
            re.search(r"(?i)api|openapi|swagger|schema|data-?model|database|spec|auth|requirements", name)
        )
    return len(parts) == 1 and bool(re.match(r"(?i)(?:openapi|swagger)\.", name))


def _walk(workspace: Path, warnings: list[str]) -> Iterator[Found]:
    root = workspace.resolve()
    for folder, names, files in os.walk(root, followlinks=False):
        here = Path(folder)
        relative = here.relative_to(root).as_posix()
        names[:] = sorted(n for n in names if _enters(relative, n) and not (here / n).is_symlink())
        for name in sorted(files):
            if Path(name).suffix.lower() not in _SUFFIXES:
                continue
            path = here / name
            shown = path.relative_to(root).as_posix()
            try:
                outside = path.is_symlink() and not path.resolve(strict=True).is_relative_to(root)
                readable = path.is_file()
            except (OSError, RuntimeError):  # a link that leads to itself, or to nothing
                warnings.append(f"{shown}: a link that leads nowhere; not read")
                continue
            if outside:
                warnings.append(f"{shown}: leads out of the workspace; not read")
            elif readable:
                yield Found(shown, path)


def _enters(parent: str, name: str) -> bool:
    if name in (".specify", ".spec-kit", ".kiro", "memory"):
        return True
    if name.startswith(".") or name in _SKIPPED_FOLDERS:
        return False
    # A plan's own folder and tests are not specs; inside a spec root such names may be features.
    return not (parent == "." and name in ("plan", "plans", "tests", "test", "src", "examples"))


def role_of(path: str, text: str) -> tuple[Role, str]:
    """The role of a document and why it has it."""
    parts = path.split("/")
    name = parts[-1]
    stem = name.rsplit(".", 1)[0]
    if _CONSTITUTION.search(stem):
        return ("other", "an unfilled template") if is_template(text) else ("constitution", "its name")
    if _STEERING.match(path) and text.strip():
        return "constitution", "steering, which binds all work like a constitution"
    if any(p.lower() in ("checklists", "checklist") for p in parts[:-1]) or re.match(r"(?i)checklist", stem):
        return "other", "a checklist, not a spec"
    if path.startswith((".spec-kit/", "spec-kit/", ".specify/")):
        return "other", "tool configuration"
    if _PLAN_NAME.match(stem) and not (
        stem.lower() in ("tasks", "todo", "notes") and not _is_task_list(text, least=1)
    ):
        return "other", "a plan, task list or note, not a spec"
    if _is_task_list(text):
        return "other", "a task list, not a spec"
    if not text.strip():
        return "other", "empty"
    if is_template(text):
        return "other", "an unfilled template"
    if name.endswith(".json") and not re.search(r'"(?:openapi|swagger|paths)"', text[:20_000]):
        return "other", "JSON that is no API description"
    if name.endswith((".yaml", ".yml")) and "paths:" not in text and "openapi" not in text[:2000]:
        return "other", "YAML that is no API description"
    return _side_of(parts, stem, text)


def _is_task_list(text: str, least: int = 5) -> bool:
    """Mostly numbered check boxes; a spec may end in a few of them."""
    tasks = len(_TASK_LINE.findall(text))
    return tasks >= least and tasks * 10 > sum(1 for line in text.split("\n") if line.strip())


def is_template(text: str) -> bool:
    """An unfilled Spec Kit template: its bracketed questions still stand."""
    head = text[:20_000]
    unfilled = len(_UNFILLED.findall(head))
    if unfilled < 4:
        return False
    if not _CONSTITUTION.search(head[:200]) and "Feature Specification" in head[:400]:
        return unfilled >= 6
    bare = re.sub(r"<!--.*?-->", "", head, flags=re.DOTALL)
    rules = [
        line
        for line in bare.split("\n")
        if "[" not in line and not line.startswith("#") and len(line.split()) >= 6
    ]
    return len(rules) < 3


def _side_of(parts: list[str], stem: str, text: str) -> tuple[Role, str]:
    in_front = any(_FRONT_PART.match(p) for p in parts[:-1])
    named_api = re.search(r"(?i)\bapi\b|api[-_]|[-_]api|openapi", stem)
    # In a frontend's folder an API description describes answers; a list of calls does not.
    describes = not in_front or len(_DESCRIBES.findall(text)) >= 3
    if named_api and describes and re.search(r"\b(?:GET|POST|PUT|DELETE)\b[` ]+/", text):
        return "backend", "an API description"
    if any(_BACK_PART.match(p) for p in parts[:-1]):
        return "backend", "its folder"
    if in_front or _FRONT_NAME.search(stem):
        return "frontend", "its folder or name"
    title = next((line for line in text.split("\n")[:8] if line.startswith("# ")), "")
    if _FRONT_TITLE.search(title) and not re.search(r"(?i)back-?end|full-?stack|\bapi\b|server", title):
        return "frontend", "its title"
    features = [p for p in parts[:-1] if _FRONT_NAME.search(p)]
    front, back = len(_FRONT_WORDS.findall(text)), len(_BACK_WORDS.findall(text))
    if (features and front >= back) or (front > 12 and front > 4 * back):
        return "frontend", "its words are about the user interface"
    return "backend", "default"


def feature_of(path: str) -> str:
    """The folder that numbers its requirements for itself: `specs/002-x/spec.md` gives `002-x`."""
    parts = path.split("/")
    for index, part in enumerate(parts[:-1]):
        if part.lower() in ("specs", "spec", "features", "specifications") and index + 1 < len(parts) - 1:
            follow = parts[index + 1]
            if (
                follow.lower() in ("features", "backend", "frontend", "api", "database", "ui")
                and index + 2 < len(parts) - 1
            ):
                return parts[index + 2]
            return follow
    return ""
