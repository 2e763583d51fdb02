"""The heavy half of a check: the plan's format, the corpus, the rules and the suppressions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from planagent.cache import Cache
from planagent.checking.check import check_elsewhere, check_plan
from planagent.checking.elsewhere import FEWEST
from planagent.checking.markdown import view_of_markdown
from planagent.checking.suppressions import find_suppressions, suppress
from planagent.checking.taskmaster import NotTaskMaster, view_of_taskmaster
from planagent.checking.view import View, view_of_plan
from planagent.corpus.discover import of_client
from planagent.corpus.read import corpus_of
from planagent.corpus.secrets import secret_values
from planagent.errors import CorpusError, UsageError
from planagent.freshness import RESTORE, damage
from planagent.known import read_by_rule
from planagent.model import Corpus, Finding
from planagent.request import Outcome, Request
from planagent.rulebook import rules
from planagent.settings import Settings
from planagent.statements.statement import Reading

_NEEDS_SPECS = ("PA201", "PA4", "PA5", "PA6", "PA912")
_FULL_STACK = 0.25
"""Share of frontend tasks from which another program's plan is evidently for the frontend too."""


def check(request: Request, settings: Settings, cache: Cache | None) -> Outcome:
    """Runs the rules.

    Raises:
        UsageError: the file is damaged or of no known format.
        CorpusError, NoBackendError: the specs of a plan of ours cannot be read.
    """
    view, found, notes = (_own if request.own else _elsewhere)(request, settings, cache)
    active = [f for f in found if f.rule in request.active]
    left, gone = suppress(active, find_suppressions(request.text), rules(), request.active)
    lines = request.text.split("\n")
    return Outcome(view.format, len(view.entries), _unspoken(left, lines), _unspoken(gone, lines), tuple(notes))


def _unspoken(findings: list[Finding], lines: list[str]) -> tuple[Finding, ...]:
    """The findings without the secrets that stand in their lines: a fault beside a secret quotes it too."""
    clean = []
    for f in findings:
        line = lines[f.line - 1] if 0 < f.line <= len(lines) else ""
        # A message may hold the beginning of a long quotation only.
        if any(v in f.excerpt or v[:8] in f.message for v in secret_values(line)):
            f = replace(f, message=f"{rules()[f.rule].name}; its words hold a secret", excerpt="")
        clean.append(f)
    return tuple(clean)


def _own(request: Request, settings: Settings, cache: Cache | None) -> tuple[View, list[Finding], list[str]]:
    # Only a plan of ours needs the planner and its schemas; another program's is checked without them.
    from planagent.plan.markdown_in import NotAPlan, parse_located
    from planagent.plan.markdown_out import render

    try:
        view = view_of_plan(parse_located(request.text), request.text)
    except (NotAPlan, ValueError) as error:
        raise UsageError(f"{request.path}: {damage(request.text, str(error))}", RESTORE) from error
    corpus = corpus_of(request.sources, settings.scope, settings.feature, cache)
    notes = [f"Specs: {view.plan.read_share}."] if view.plan and "handed on" in view.plan.read_share else []
    return view, check_plan(view, corpus, render), notes


def _elsewhere(request: Request, settings: Settings, cache: Cache | None) -> tuple[View, list[Finding], list[str]]:
    view = _foreign_view(request.path, request.text)
    notes: list[str] = []
    try:
        corpus = corpus_of(request.sources, settings.scope, "", cache)
        found = check_elsewhere(view, corpus, read_by_rule(corpus), request.feature, request.beside)
    except CorpusError as error:
        nothing = Corpus(settings.workspace.name, ())
        found = [f for f in check_elsewhere(view, nothing, Reading((), ()), "", ()) if not f.rule.startswith(_NEEDS_SPECS)]
        notes.append(f"Checked without specs: {error.message} Repetition, invention, coverage and citations were not looked at.")
    if 0 < len(view.entries) < FEWEST:
        notes.append(f"Fewer than {FEWEST} tasks: whether they cover the specs was not looked at.")
    if request.by_default:
        found, more = _by_nature(view, request.path, found)
        notes += more
    return view, found, notes


def _foreign_view(path: Path, text: str) -> View:
    if path.suffix == ".json":
        try:
            return view_of_taskmaster(text)
        except NotTaskMaster as error:
            raise UsageError(f"{path}: no plan that is known here ({error}).", "Give Markdown, or a tasks.json of Task Master.") from error
    if path.suffix.lower() not in (".md", ".markdown", ".mdx", ".txt", ""):
        raise UsageError(f"{path}: no plan that is known here.", "Give Markdown, or a tasks.json of Task Master.")
    return view_of_markdown(path.as_posix(), text)


def _by_nature(view: View, path: Path, findings: list[Finding]) -> tuple[list[Finding], list[str]]:
    """Leaves out what a plan of that kind is not meant to keep: by its place a frontend plan, by its tasks a full-stack one."""
    notes = []
    front = {f.place for f in findings if f.rule == "PA301"}
    if of_client(f"{path.parent.name}/"):
        findings = [f for f in findings if f.rule != "PA301" and not f.rule.startswith("PA50")]
        notes.append("Taken for a frontend plan by its place: scope and coverage are not looked at. --select PA shows all.")
    elif front and len(front) >= _FULL_STACK * len(view.entries):
        findings = [f for f in findings if f.rule != "PA301"]
        notes.append(f"{len(front)} tasks work in the user interface: taken for a full-stack plan. --select PA301 shows them.")
    return _once(findings), notes


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """An invented name is shown where it stands first, with the number of other places."""
    places: dict[tuple[str, str], list[Finding]] = {}
    for f in findings:
        places.setdefault((f.rule, f.message if f.rule.startswith("PA4") else f"{f.line} {f.place} {f.message}"), []).append(f)
    return [replace(same[0], message=f"{same[0].message} ({len(same) - 1} more)") if len(same) > 1 else same[0] for same in places.values()]
