"""What a run would meet: versions, settings and where they come from, specs, plan, state folder, and whether the models answer as is needed."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from planagent import __version__
from planagent.answers import obj, one_of
from planagent.briefs.brief import Brief
from planagent.corpus.secrets import guarded
from planagent.errors import PlanagentError
from planagent.models.identity import without_account
from planagent.models.protocol import Model
from planagent.settings import Settings

_PACKAGES = ("openai", "pydantic", "tiktoken", "click", "tenacity", "markdown-it-py", "sqlglot")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `code` is the exit code that a run would end with for it, 0 where all is well."""

    name: str
    told: str
    remedy: str = ""
    code: int = 0


def diagnose(settings: Settings) -> Iterator[Check]:
    """Every check in the order of a run; none of them changes a thing. Each model is asked once, for a few tokens."""
    versions = ", ".join(f"{p} {metadata.version(p)}" for p in _PACKAGES)
    yield Check("versions", f"planagent {__version__}, Python {platform.python_version()} on {platform.system()}, {versions}")
    told = (f"{n} = {_shown(n, settings.values[n])} ({o})" for n, o in settings.origins.items() if o != "default")
    yield Check("settings", "; ".join(told) or "all are the defaults")
    yield _specs(settings)
    yield _plan(settings)
    yield _state(settings.state)
    yield from _models(settings)


def _shown(name: str, value: object) -> str:
    """A setting's value without what nobody may see."""
    if name == "api_key":
        return "set"
    return repr(without_account(str(value))) if name == "base_url" else guarded(repr(value))


def _specs(settings: Settings) -> Check:
    from planagent.cache import Cache
    from planagent.corpus.read import corpus_of
    from planagent.corpus.sources import read_sources

    try:
        sources = read_sources(settings.workspace, settings.include, settings.exclude, without=settings.output_path)
        corpus = corpus_of(sources, settings.scope, settings.feature, Cache.of_user())
    except PlanagentError as error:
        return Check("specs", error.message, error.remedy, error.exit_code)
    left = sum(bool(d.left_out) for d in corpus.documents)
    units = sum(d.read_units for d in corpus.read)
    return Check("specs", f"{len(corpus.read)} documents with {units:,} units are read, {left} are left out (`planagent facts` lists them)")


def _plan(settings: Settings) -> Check:
    from planagent.staleness import status_of

    try:
        status = status_of(settings)
    except PlanagentError as error:
        return Check("plan", error.message, error.remedy, error.exit_code)
    remedy = "" if status.state in ("fresh", "absent") else "`planagent status` tells why; `planagent plan` brings it up to date."
    return Check("plan", f"{settings.output_path}: {status.state}", remedy)


def _state(folder: Path) -> Check:
    """The nearest folder that is there is what the state folder is made in."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    if os.access(there, os.W_OK):
        return Check("state", f"{folder} can be written")
    return Check("state", f"{there} cannot be written", "Check the folder's permissions.", 7)


def _models(settings: Settings) -> Iterator[Check]:
    from planagent.choosing import KINDS, make_model
    from planagent.ledger import Ledger

    names: dict[str, list[str]] = {}
    for kind in KINDS:
        names.setdefault(settings.model_of(kind), []).append(kind)
    if list(names) == [""]:
        yield Check("model", "none is configured: the rules answer, or a coding agent that takes briefs (`planagent init`)")
        return
    for name, kinds in names.items():
        label = f"model of {', '.join(kinds)}"
        with TemporaryDirectory() as folder:  # what the server can do is found out by every run; none is begun here
            ledger = Ledger(Path(folder))
            try:
                # Asked at once, whether or not a plan's briefs go by batches: nobody waits a day for a diagnosis.
                model = make_model(replace(settings, values=settings.values | {"batch": False}), name, ledger, lambda _: None)
                yield Check(label, asyncio.run(_asked(model, without_account(settings.base_url))))
            except PlanagentError as error:
                yield Check(label, guarded(error.message), error.remedy, error.exit_code)
            finally:
                ledger.close()


async def _asked(model: Model, base_url: str) -> str:
    """Asks for one word in the form that all briefs are asked in.

    Raises:
        ModelError: it does not answer so.
    """
    request = "Answer with the JSON object whose field `word` is `ready`."
    schema = obj(word=one_of(["ready"]))
    brief = Brief("doctor", "review", (), "You answer with one JSON object of the schema and nothing else.", "", request, schema, 200)
    try:
        started = time.monotonic()
        answer = await model.answer(brief)
        took = time.monotonic() - started
    finally:
        await model.close()
    right = "as it was asked" if answer.value == {"word": "ready"} else f"but not what was asked for: {str(answer.value)[:80]}"
    place = base_url or ("this process" if model.shape.small else "OpenAI")
    return f"{model.name} at {place} answers {right}, in {took:.1f} s, {answer.usage.input_tokens} tokens in and {answer.usage.output_tokens} out"
