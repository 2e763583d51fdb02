"""Carries the answers of a recording over to changed prompts: what it says of the same passages, statements and tasks stands, and is checked.

python -m bench.renew [WORKSPACE]     # then `planagent plan` makes the plan of it

For whoever changes a prompt and keeps a recorded plan, as this repository does: to a user's plan a new prompt is a reason to ask again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from planagent.briefs.brief import Record
from planagent.choosing import open_runs
from planagent.pipeline import Session, find
from planagent.recording import read_recording
from planagent.reviewing import REVIEWED, settled_reviews, stages
from planagent.settings import load_settings


def renew(workspace: Path) -> list[str]:
    """Puts the recording's answers under the keys that are asked for now.

    Returns:
        What stays open, by kind and part: nothing of the recording fits it.
    """
    settings = load_settings(workspace)
    path = settings.record_path
    recording = read_recording(path, print) if path else None
    if recording is None:
        raise SystemExit(f"{workspace}: no recording; set `record` in planagent.toml.")
    known: dict[tuple[str, str], Record] = {(str(r["kind"]), str(r["part"])): r for r in recording.answers.values()}
    session = Session(settings, tell=print)
    find(session)
    open_runs(session)
    missing: list[str] = []
    for run, stage in stages(session):
        if stage.kind == "review":
            run.ledger.note(REVIEWED, settled_reviews(session))
            continue
        held = run.recall(stage)
        records = {p.key: known[stage.kind, p.key] for p in stage.parts if p.key not in held and (stage.kind, p.key) in known}
        run.keep(stage, stage.parts, records)
        held |= records
        missing += [f"{stage.kind} {p.key}" for p in stage.parts if p.key not in held or not stage.whole(p, held[p.key])]
        if missing:
            break
    for run in session.each_run:
        run.ledger.close()
    return missing


if __name__ == "__main__":
    left = renew(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    print("\n".join(f"open: {one}" for one in left) or "Nothing is open: planagent plan")
    raise SystemExit(1 if left else 0)
