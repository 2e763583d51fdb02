"""Who answers which kind of brief: the pipeline's one place that knows all answerers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from planagent.briefs.brief import fingerprint
from planagent.errors import UsageError
from planagent.ledger import Ledger
from planagent.models.identity import LOCAL, RULES
from planagent.models.protocol import Model
from planagent.recording import Author, Recording, read_recording
from planagent.running import Run
from planagent.settings import Settings

if TYPE_CHECKING:
    from planagent.pipeline import Session, Told

KINDS = ("read", "decide", "write", "review")


def open_runs(session: Session, *, ask: bool = True) -> None:
    """One run for each model that is configured, under the kinds of briefs that it answers.

    Args:
        ask: False for runs that ask nobody: a local model is not loaded.
    """
    settings = session.settings
    ledger = session.ledger() if session.ledger else Ledger(settings.state, session.tell)
    recording = _recorded(session, ledger)
    rules = Run(make_rules(), ledger, session.tell, progress=session.progress)
    by_name: dict[str, Run] = {}
    for kind in KINDS:
        name, make = _answerer(session, kind, recording, ledger, ask=ask)
        run = by_name.get(name) or _run(session, make(), ledger, rules.model)
        by_name[name] = run
        # A small model sees too little at once to decide for a whole plan.
        session.runs[kind] = rules if run.model.shape.small and kind == "decide" else run


def _answerer(session: Session, kind: str, recording: Recording | None, ledger: Ledger, *, ask: bool) -> tuple[str, Callable[[], Model]]:
    """Who answers a kind of brief: a name that tells one from another, and what makes it."""
    settings = session.settings
    if session.host:
        return "host", _host
    name = "" if session.offline else settings.model_of(kind)
    author = recording.authors.get(kind) if recording and not name and not session.offline else None
    if author is not None and author.identity != RULES:
        return f"recorded {fingerprint(author.identity)}", lambda: _recorded_model(author, settings.record)
    return name, lambda: make_model(settings, name, ledger, session.tell, offline=session.offline, ask=ask)


def _run(session: Session, model: Model, ledger: Ledger, rules: Model) -> Run:
    fill = session.fill_from_rules or session.allow_findings or model.shape.small
    repairs = int(session.settings.repairs) if model.can_be_asked else 0
    run = Run(model, ledger, session.tell, rules if fill else None, repairs)
    run.stop, run.pace, run.progress = session.stop, session.pace, session.progress
    run.recorded = session.settings.record_path is not None
    if session.refused and model.can_be_asked:
        model.gate.tell = session.refused
    return run


def _recorded(session: Session, ledger: Ledger) -> Recording | None:
    """What the workspace keeps under version control, put into the ledger; the rules have no use for it."""
    path = session.settings.record_path
    recording = read_recording(path, session.tell) if path and not session.offline else None
    if recording:
        recording.put_into(ledger)
    return recording


def make_model(settings: Settings, name: str, ledger: Ledger, tell: Told, *, offline: bool = False, ask: bool = True) -> Model:
    """The model of a name; the rules only when asked for or when no model is configured, and it says so."""
    if offline or not name:
        if not offline:
            tell("No model is configured: the rules read and write (set PLANAGENT_MODEL to use one).")
        return make_rules()
    from planagent.models.openai_model import OpenAIModel

    if settings.batch and ask:
        if name.startswith(LOCAL):
            raise UsageError("A model of this process has no Batch API.", "Plan without --batch.")
        from planagent.models.batch import BatchModel

        return BatchModel(settings, ledger, model=name, tell=tell)
    if name.startswith(LOCAL):
        if not ask:
            return OpenAIModel(settings, ledger, base_url="local", model=name, local=True)
        from planagent.models.local import serve

        tell("loading the local model")
        server = serve(Path(name.removeprefix(LOCAL)).expanduser())
        return OpenAIModel(settings, ledger, base_url=server.base_url, model=server.model, named=name, local=True, on_close=server.stop)
    return OpenAIModel(settings, ledger, model=name)


def make_rules() -> Model:
    """The answerer without a model."""
    from planagent.rules import RulesModel

    return RulesModel()


def _host() -> Model:
    from planagent.models.host import HostModel

    return HostModel()


def _recorded_model(author: Author, place: str) -> Model:
    from planagent.models.host import RecordedModel

    return RecordedModel(author.name, author.identity, small=author.small, place=place)
