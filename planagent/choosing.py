"""Who answers which kind of brief: the pipeline's one place that knows all answerers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from planagent.ledger import Ledger
from planagent.models.identity import LOCAL
from planagent.models.protocol import Model
from planagent.running import Run
from planagent.settings import Settings

if TYPE_CHECKING:
    from planagent.pipeline import Session, Told

KINDS = ("read", "decide", "write", "review")
_SETTING = {"read": "read_model", "decide": "write_model", "write": "write_model", "review": "review_model"}


def open_runs(session: Session, *, ask: bool = True) -> None:
    """One run for each model that is configured, under the kinds of briefs that it answers.

    Args:
        ask: False for runs that ask nobody: a local model is not loaded.
    """
    settings = session.settings
    ledger = session.ledger() if session.ledger else Ledger(settings.state, session.tell)
    rules = make_rules()
    by_name: dict[str, Run] = {}
    for kind in KINDS:
        name = "" if session.offline else str(settings.values[_SETTING[kind]] or settings.model)
        if session.host:
            name = "host"
        if name not in by_name:
            model = (
                _host()
                if session.host
                else make_model(settings, name, ledger, session.tell, offline=session.offline, ask=ask)
            )
            fill = session.fill_from_rules or session.allow_findings or model.shape.small
            run = Run(
                model, ledger, session.tell, rules if fill else None, 0 if session.host else int(settings.repairs)
            )
            run.stop, run.pace = session.stop, session.pace
            by_name[name] = run
        session.runs[kind] = by_name[name]
        if by_name[name].model.shape.small and kind == "decide":
            # A small model sees too little at once to decide for a whole plan.
            session.runs[kind] = by_name.setdefault("rules", Run(rules, ledger, session.tell))


def make_model(
    settings: Settings, name: str, ledger: Ledger, tell: Told, *, offline: bool = False, ask: bool = True
) -> Model:
    """The model of a name; the rules only when asked for or when no model is configured, and it says so."""
    if offline or not name:
        if not offline:
            tell("No model is configured: the rules read and write (set PLANAGENT_MODEL to use one).")
        return make_rules()
    from planagent.models.openai_model import OpenAIModel

    if name.startswith(LOCAL):
        if not ask:
            return OpenAIModel(settings, ledger, base_url="local", model=name, local=True)
        from planagent.models.local import serve

        tell("loading the local model")
        server = serve(Path(name.removeprefix(LOCAL)).expanduser())
        return OpenAIModel(
            settings, ledger, base_url=server.base_url, model=server.model, named=name, local=True, on_close=server.stop
        )
    return OpenAIModel(settings, ledger, model=name)


def make_rules() -> Model:
    """The answerer without a model."""
    from planagent.rules import RulesModel

    return RulesModel()


def _host() -> Model:
    from planagent.models.host import HostModel

    return HostModel()
