"""`planagent decide`: a person's answer goes into planagent.toml, under the ruling's stable topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from planagent.errors import UsageError
from planagent.files import write_atomically
from planagent.pipeline import previous_plan
from planagent.settings import Settings
from planagent.staleness import command_of
from planagent.workspace import locked

_LOCK = "decisions.lock"
"""Its own: a person need not wait for a plan that is being made."""


def record(settings: Settings, ruling_id: str, answer: str | None, *, dry: bool = False) -> dict[str, Any]:
    """Writes or clears one answer; comments and order of the file are kept.

    Args:
        ruling_id: an id of the current plan (`D3`).
        answer: the text, None to clear. One of the likely answers is taken as it is spelled there.
        dry: only tell what would change.

    Raises:
        UsageError: no plan, no such ruling, an empty answer, or a file that does not parse.
    """
    plan = previous_plan(settings.output_path)
    if plan is None:
        raise UsageError(f"{settings.output_path}: there is no plan yet.", "Run `planagent plan` first: its decisions have the ids.")
    wanted = ruling_id.strip().upper()
    ruling = next((r for r in plan.rulings if r.id == wanted), None)
    if ruling is None:
        known = ", ".join(r.id for r in plan.rulings if r.letter in "DG")
        raise UsageError(f"The plan has no decision {ruling_id!r}.", f"Known: {known or 'none'}.")
    if answer is not None and not answer.strip():
        raise UsageError("The answer is empty.", "Give it in quotes, or use --clear.")
    text = " ".join(answer.split()) if answer is not None else ""
    text = next((o for o in ruling.options if o.casefold() == text.casefold()), text)
    path = settings.workspace / "planagent.toml"
    with locked(settings, of=_LOCK):
        written = _with(path, ruling.topic, text)
        if not dry:
            write_atomically(path, written)
    conditions = {t.id: t.condition.partition(": ") for t in plan.tasks if t.condition}
    return {
        "id": ruling.id,
        "topic": ruling.topic,
        "title": ruling.title,
        "answer": text,
        "default": ruling.default,
        "options": list(ruling.options),
        "likely": text in ruling.options,
        "rests_on_it": [t.id for t in plan.tasks if ruling.id in t.rulings and t.id not in conditions],
        "brings_in": [i for i, (of, _, wanted) in conditions.items() if of == ruling.id and text and wanted.casefold() == text.casefold()],
        "dry": dry,
        "command": command_of(plan.writer_id),
        "file": str(path),
    }


def _with(path: Path, topic: str, text: str) -> str:
    """The settings file with an answer, or without one where the text is empty."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"planagent.toml: cannot be read ({error}).", "Mend the file, or move it away.") from error
    table = document.setdefault("decisions", tomlkit.table())
    if text:
        table[topic] = text
    elif topic in table:
        del table[topic]
    return tomlkit.dumps(document)
