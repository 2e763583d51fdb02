"""`planagent brief`, `planagent submit`, `planagent merge`: a coding agent writes, planagent drives and checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import EXIT_CODES, STALE, repeated, run_options, settings_of, talk
from planagent.errors import FindingsError

if TYPE_CHECKING:
    from planagent.settings import Settings
    from planagent.writing.host import Desk, OpenBrief, Receipt


@click.command(epilog=EXIT_CODES)
@click.argument("brief_id", required=False, metavar="[ID]")
@run_options
def brief(brief_id: str | None, workspace: Path | None, as_json: bool, **flags: str | None) -> int:
    """List the open briefs of a plan that a coding agent writes; with ID, print one as a whole request.

    The decisions come first; then all sections are open at once, in any order. Answer each with one JSON object, hand
    it in with `planagent submit`, and publish with `planagent merge`. Nothing is lost between two commands.
    """
    from planagent.hosting import desk_of

    settings = settings_of(workspace, **flags)
    again = repeated(workspace, flags)
    with desk_of(settings, talk(as_json)) as desk:
        if brief_id:
            shown = brief_data(desk.take(brief_id), again)
            click.echo(json.dumps(shown, ensure_ascii=False) if as_json else brief_page(shown))
            return 0
        listed = briefs_data(settings, desk, again)
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False))
    else:
        _show_list(listed)
    return 0


def briefs_data(settings: Settings, desk: Desk, again: str = "") -> dict[str, Any]:
    """The open briefs, and what to do next."""
    every = desk.open()
    return {
        "stage": "deciding" if desk.deciding else "writing" if every else "ready",
        "open": [
            {
                "id": o.id, "sections": list(o.brief.sections), "parts": len(o.brief.parts), "obligations": o.obligations,
                "tokens": o.brief.size, "findings": len(o.told),
            }
            for o in every
        ],
        "answered": desk.answered(),
        "accepted_parts": desk.accepted,
        "parts": desk.total,
        "model": settings.model,
        "next": f"planagent brief {every[0].id}{again}" if every else f"planagent merge{again}",
    }  # fmt: skip


def brief_data(opened: OpenBrief, again: str = "") -> dict[str, Any]:
    """One brief as a whole request with the schema of its answer."""
    one = opened.brief
    blocks = [m["content"] for m in one.messages()]
    if opened.told:
        blocks.append("# Findings on the answer before\n\n" + "\n".join(f"- {f}" for f in opened.told))
    if opened.beside:
        beside = json.dumps(opened.beside, ensure_ascii=False, separators=(",", ":"))
        blocks.append(f"# Accepted beside the drafts\n\n{beside}")
    if opened.answered:
        blocks.append(
            "All parts of this brief are accepted, and stand above as drafts. Give only what you would change."
        )
    return {
        "id": one.id,
        "sections": list(one.sections),
        "parts": len(one.parts),
        "obligations": opened.obligations,
        "answered": opened.answered,
        "request": "\n\n".join(blocks),
        "schema": one.schema,
        "submit": f"planagent submit {one.id} .planagent/answers/{one.id}.json{again}",
    }


def brief_page(shown: dict[str, Any]) -> str:
    """One brief as Markdown."""
    schema = json.dumps(shown["schema"], ensure_ascii=False, separators=(",", ":"))
    return "\n\n".join(
        (
            shown["request"],
            f"# JSON schema of the answer\n\n{schema}",
            f"# Handing in\n\nWrite the JSON object to the file that this command names, then run it:\n\n{shown['submit']}",
        )
    )


def _show_list(listed: dict[str, Any]) -> None:
    if listed["open"]:
        click.echo(
            f"{'brief':<16}{'sections':<12}{'parts':>6}{'obligations':>13}{'tokens':>8}{'findings':>10}"
        )
    for one in listed["open"]:
        sections = "decisions" if one["sections"] == [0] else ", ".join(map(str, one["sections"]))
        click.echo(
            f"{one['id']:<16}{sections:<12}{one['parts']:>6}{one['obligations']:>13}{one['tokens']:>8,}{one['findings']:>10}"
        )
    follow = " The sections follow when the decisions are in." if listed["stage"] == "deciding" else ""
    click.echo(
        f"{listed['accepted_parts']} of {listed['parts']} parts are accepted.{follow} Next: {listed['next']}",
        err=True,
    )
    if listed["model"]:
        click.echo(
            f"Model {listed['model']} is configured: `planagent plan` writes the plan without these.",
            err=True,
        )


@click.command(epilog=EXIT_CODES)
@click.argument("brief_id", metavar="ID")
@click.argument("answer", type=click.File("rb"), default="-", metavar="[FILE]")
@run_options
def submit(brief_id: str, answer: Any, workspace: Path | None, as_json: bool, **flags: str | None) -> int:
    """Hand in the answer to a brief, from FILE or stdin: it is checked, and what is right of it is kept.

    Exit code 0 when all of it is accepted, 1 with findings (answer again with the faulty parts alone), 3 when specs or
    rulings that it rests on have changed since.
    """
    from planagent.files import decode
    from planagent.hosting import desk_of

    settings = settings_of(workspace, **flags)
    again = repeated(workspace, flags)
    with desk_of(settings, talk(as_json)) as desk:
        receipt = desk.submit(brief_id, decode(answer.read())[0])
        done = desk.complete
    told = receipt_data(receipt, again, done=done)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show_receipt(told)
    return FindingsError.exit_code if receipt.findings else STALE if receipt.refused else 0


def receipt_data(receipt: Receipt, again: str = "", *, done: bool = False) -> dict[str, Any]:
    """What became of an answer; `done` when no brief is open any more."""

    def faults(found: Any) -> list[dict[str, str]]:
        return [{"key": f.key, "rule": f.rule, "message": f.message, "remedy": f.remedy} for f in found]

    return {
        "id": receipt.id,
        "accepted": receipt.accepted,
        "open": receipt.open,
        "findings": faults(receipt.findings),
        "left_out": faults(receipt.left_out),
        "added": receipt.added,
        "ignored": receipt.ignored,
        "refused": receipt.refused,
        "whole": receipt.whole,
        "next": (
            f"planagent submit {receipt.id} FILE{again}, with the open parts alone"
            if receipt.open
            else f"planagent merge{again}"
            if done
            else f"planagent brief{again}"
        ),
    }  # fmt: skip


def _show_receipt(told: dict[str, Any]) -> None:
    added = "".join(f", {n} {name.replace('_', ' ')}" for name, n in told["added"].items())
    click.echo(f"{told['id']}: {len(told['accepted'])} parts accepted{added}, {len(told['open'])} open")
    if not told["whole"]:
        click.echo("  The JSON is not whole: only what is finished of it was looked at.")
    for fault in told["findings"]:
        click.echo(f"  {fault['key']}: {fault['rule']} {fault['message']}. {fault['remedy']}")
    for fault in told["left_out"]:
        click.echo(f"  left out of {fault['key']}: {fault['rule']} {fault['message']}")
    for key in told["ignored"]:
        click.echo(f"  ignored: {key} is not asked for by this brief")
    for key, reason in told["refused"].items():
        click.echo(f"  refused: {key}: {reason}")
    click.echo(f"Next: {told['next']}", err=True)


@click.command(epilog=EXIT_CODES)
@run_options
@click.option(
    "--fill-from-rules", is_flag=True, help="Take what is open from the rules; the header says how much."
)
def merge(workspace: Path | None, as_json: bool, fill_from_rules: bool, **flags: str | None) -> int:
    """Publish the plan of the answers that a coding agent has handed in; exit code 9 while briefs are open."""
    from planagent.commands.plan import show_plan
    from planagent.hosting import merge as merged
    from planagent.pipeline import Session

    settings = settings_of(workspace, **flags)
    session = merged(Session(settings, fill_from_rules=fill_from_rules, tell=talk(as_json)))
    return show_plan(session, as_json=as_json)
