"""`planagent doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, run_options, say, settings_of


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
def doctor(workspace: Path | None, as_json: bool, **flags: str | None) -> int:
    """Tell what a run would meet: versions, settings, specs, plan, and whether each model answers in the form that is needed.

    Each model is asked once, for a few tokens. The exit code is that which a run would end with.
    """
    from planagent.diagnosis import diagnose

    checks = []
    for check in diagnose(settings_of(workspace, **flags)):
        checks.append(check)
        if not as_json:
            say(f"{'fails' if check.code else 'look' if check.remedy else 'ok':<6}{check.name}: {check.told}")
            if check.remedy:
                say(f"      {check.remedy}")
    code = next((c.code for c in checks if c.code), 0)
    if as_json:
        click.echo(json.dumps({"checks": [asdict(c) for c in checks], "exit_code": code}, ensure_ascii=False))
    return code
