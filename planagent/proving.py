"""One plan file checked: its format found, the specs it belongs to read, rules selected, suppressions applied."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from planagent.checking.check import Checker, check_elsewhere
from planagent.checking.markdown import view_of_markdown
from planagent.checking.suppressions import find_suppressions, suppress
from planagent.checking.taskmaster import NotTaskMaster, view_of_taskmaster
from planagent.checking.view import View, view_of_plan
from planagent.errors import CorpusError, UsageError
from planagent.files import decode, read_bytes
from planagent.model import Corpus, Facts, Finding
from planagent.planning.outline import make_outline
from planagent.publishing.markdown_in import NotAPlan, parse_located
from planagent.publishing.markdown_out import FORMAT
from planagent.reading.corpus import read_corpus
from planagent.rulebook import matching, rules
from planagent.settings import Settings

_BESIDE = ("plan.md", "research.md", "data-model.md", "quickstart.md", "design.md", "architecture.md")
_NEEDS_SPECS = ("PA201", "PA4", "PA5", "PA6")
_FULL_STACK = 0.25
"""Share of frontend tasks from which another program's plan is evidently for the frontend too."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome for one plan file. `notes` say what was not checked and why."""

    path: Path
    text: str
    format: str
    tasks: int
    findings: list[Finding]
    suppressed: list[Finding] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def check_file(
    settings: Settings,
    path: Path,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """Checks a plan against the specs of its workspace.

    Args:
        select: codes, starts of codes or names of the only rules to apply; empty for the format's own set.
        ignore: the same, for rules to leave out.

    Raises:
        UsageError: the file is missing, empty or of no known format, or a selector names no rule.
        CorpusError, NoBackendError: the specs of a plan of ours cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such plan.", "Write one with `planagent plan`, or give its path.")
    text, _ = decode(read_bytes(path))
    if not text.strip():
        raise UsageError(f"{path}: the file is empty.", "Give a plan.")
    active = _active(settings, select, ignore, own=text.startswith(f"<!-- {FORMAT}"))
    if text.startswith(f"<!-- {FORMAT}"):
        view, findings, notes = _own(settings, path, text, tell)
    else:
        view, findings, notes = _elsewhere(settings, path, text, tell, by_default=not select)
    findings = [f for f in findings if f.rule in active]
    left, gone = suppress(findings, find_suppressions(text), rules(), active)
    return Checked(path, text, view.format, len(view.entries), left, gone, notes)


def _active(
    settings: Settings, select: tuple[str, ...], ignore: tuple[str, ...], *, own: bool
) -> frozenset[str]:
    """The rules to apply: what is selected, else what the format's plans have; less what is ignored."""
    chosen = select or settings.check_select
    every = (
        matching(chosen) if chosen else frozenset(c for c, r in rules().items() if own or r.plans == "all")
    )
    return every - matching((*ignore, *settings.check_ignore))


def _own(
    settings: Settings, path: Path, text: str, tell: Callable[[str], None]
) -> tuple[View, list[Finding], tuple[str, ...]]:
    try:
        view = view_of_plan(parse_located(text), text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(
            f"{path}: the plan is damaged ({str(error).splitlines()[0]}).",
            "Restore it, or move it away and plan again.",
        ) from error
    corpus = _read(settings, settings.scope, path)
    tell(corpus.scope)
    outline = make_outline(corpus, profile=settings.profile, answers=settings.decisions, previous=view.plan)
    return view, Checker.of(outline).view(view), ()


def _elsewhere(
    settings: Settings, path: Path, text: str, tell: Callable[[str], None], *, by_default: bool
) -> tuple[View, list[Finding], tuple[str, ...]]:
    view = _foreign_view(path, text)
    feature = _feature(settings, path)
    notes: list[str] = []
    try:
        corpus = _read(settings, settings.scope or feature, path)
        tell(corpus.scope)
    except CorpusError as error:
        corpus = Corpus(settings.workspace.name, (), Facts(), ())
        notes.append(f"Checked without specs: {error.message} Repetition, invention, coverage and citations were not looked at.")  # fmt: skip
    findings = check_elsewhere(view, corpus, feature, _beside(path))
    if notes:
        findings = [f for f in findings if not f.rule.startswith(_NEEDS_SPECS)]
    if by_default:
        findings, more = _by_nature(view, path, findings)
        notes += more
    return view, findings, tuple(notes)


def _foreign_view(path: Path, text: str) -> View:
    if path.suffix == ".json":
        try:
            return view_of_taskmaster(text)
        except NotTaskMaster as error:
            raise UsageError(
                f"{path}: no plan that is known here ({error}).",
                "Give Markdown, or a tasks.json of Task Master.",
            ) from error
    if path.suffix.lower() not in (".md", ".markdown", ".mdx", ".txt", ""):
        raise UsageError(
            f"{path}: no plan that is known here.", "Give Markdown, or a tasks.json of Task Master."
        )
    return view_of_markdown(path.as_posix(), text)


def _by_nature(view: View, path: Path, findings: list[Finding]) -> tuple[list[Finding], list[str]]:
    """Leaves out what a plan of that kind is not meant to keep: a full-stack plan plans frontend work."""
    notes = []
    named = f"{path.parent.name} {path.name} {view.text[:200]}"
    backend, frontend = re.search(r"(?i)back-?end|server", named), re.search(r"(?i)front-?end|\bui\b", named)
    front = {f.place for f in findings if f.rule == "PA301"}
    if frontend and not backend:
        findings = [f for f in findings if f.rule != "PA301" and not f.rule.startswith("PA50")]
        notes.append("Taken for a frontend plan by its name: scope and coverage are not looked at. --select PA shows all.")  # fmt: skip
    elif front and not backend and (len(front) >= _FULL_STACK * len(view.entries) or _speaks_of_both(view)):
        findings = [f for f in findings if f.rule != "PA301"]
        notes.append(f"{len(front)} tasks work in the user interface: taken for a full-stack plan. --select PA301 shows them.")  # fmt: skip
    if view.format == "Spec Kit" and path.name == "plan.md":
        # Spec Kit's plan.md is where the stack and the layout are chosen.
        findings = [f for f in findings if f.rule not in ("PA403", "PA406")]
    return _once(findings), notes


def _speaks_of_both(view: View) -> bool:
    """True when the plan says outside its tasks that it has a frontend part."""
    prose = "\n".join(line for line in view.text.split("\n") if re.match(r"#{1,6}\s|\*\*|[A-Z]", line))
    return bool(re.search(r"(?i)\b(?:front-?end|user interface|website|full-?stack)\b|\bUI\b", prose))


def _once(findings: list[Finding]) -> list[Finding]:
    """An invented name is shown where it stands first, with the number of other places."""
    places: dict[tuple[str, str], list[Finding]] = {}
    for f in findings:
        places.setdefault(
            (f.rule, f.message if f.rule.startswith("PA4") else f"{f.line} {f.place} {f.message}"), []
        ).append(f)
    return [
        replace(same[0], message=f"{same[0].message} ({len(same) - 1} more)") if len(same) > 1 else same[0]
        for same in places.values()
    ]


def _feature(settings: Settings, path: Path) -> str:
    """The numbered feature folder that a plan lies in, when the specs have one of that name."""
    for part in reversed(path.resolve().parts[:-1]):
        if re.match(r"\d+-", part):
            found = any(next(settings.workspace.glob(f"{root}/{_literal(part)}"), None) for root in ("specs", ".specify/specs", "spec", "docs/specs"))  # fmt: skip
            return part if found else ""
    return ""


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _beside(path: Path) -> list[str]:
    """Design documents in the plan's folder: what they name, its tasks may name."""
    found = []
    for name in _BESIDE:
        other = path.parent / name
        if other.name != path.name and other.is_file():
            try:
                found.append(decode(read_bytes(other))[0])
            except CorpusError:
                continue
    return found


def _read(settings: Settings, scope: str, plan: Path) -> Corpus:
    """The corpus without the plan itself, which must not vouch for what it says."""
    root, own = settings.workspace.resolve(), plan.resolve()
    exclude = settings.exclude
    if own.is_relative_to(root):
        exclude = (*exclude, _literal(own.relative_to(root).as_posix()))
    return read_corpus(settings.workspace, scope=scope, include=settings.include, exclude=exclude)
