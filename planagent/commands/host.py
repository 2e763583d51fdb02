"""`planagent brief`, `planagent submit`, `planagent merge`: a coding agent answers, planagent drives and checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent.commands.common import EXIT_CODES_ELSEWHERE, repeated, run_options, settings_of, talk
from planagent.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from planagent.hosting import Desk, OpenBrief, Receipt
    from planagent.settings import Settings


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("brief_id", required=False, metavar="[ID]")
@click.option("--most", type=click.IntRange(1_000, 200_000), default=None, metavar="TOKENS", help="Of what one brief asks for [15,000].")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write the request of ID there, where it is too long to print.",
)
@run_options
def brief(brief_id: str | None, most: int | None, to: Path | None, workspace: Path | None, as_json: bool, **flags: str | None) -> int:
    """List the open briefs of a plan that a coding agent writes; with ID, print one as a whole request.

    Reading comes first, then deciding, writing and reviewing; the briefs of one stage are open at once, in any order. Answer
    each with one JSON object, hand it in with `planagent submit`, and publish with `planagent merge`. Nothing is lost
    between two commands.
    """
    from planagent.hosting import desk_of

    settings = settings_of(workspace, **flags)
    again = repeated(workspace, flags)
    with desk_of(settings, talk(), most or 0) as desk:
        if brief_id:
            shown = brief_data(desk.take(brief_id), again)
            text = json.dumps(shown, ensure_ascii=False) if as_json else brief_page(shown)
            if to:
                from planagent.files import write_atomically

                write_atomically(to, text + "\n")
            click.echo(str(to) if to else text)
            return 0
        if to:
            raise UsageError("--to needs a brief.", "Name one: `planagent brief ID --to FILE`.")
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
        "stage": desk.stage,
        "open": [
            {"id": o.id, "kind": o.brief.kind, "parts": len(o.brief.parts), "tokens": o.brief.size, "findings": len(o.told)} for o in every
        ],
        "answered": desk.answered(),
        "model": settings.model,
        "next": f"planagent brief {every[0].id}{again}" if every else f"planagent merge{again}",
    }


def brief_data(opened: OpenBrief, again: str = "") -> dict[str, Any]:
    """One brief as a whole request with the schema of its answer."""
    one = opened.brief
    blocks = [m["content"] for m in one.messages()]
    if opened.told:
        blocks.append("# Findings on the last answer\n\n" + "\n".join(f"- {f}" for f in opened.told))
    if opened.answered:
        held = json.dumps(opened.answered, ensure_ascii=False, separators=(",", ":"))
        # A reading is an account of all lines: an answer about some of them would leave the others open.
        again_whole = (
            "A corrected answer takes its place: hand it in whole." if one.kind == "read" else "Hand in only what you would change."
        )
        blocks.append(f"# Accepted answers\n\nAll of this brief is accepted. {again_whole}\n\n{held}")
    return {
        "id": one.id,
        "kind": one.kind,
        "parts": len(one.parts),
        "answered": bool(opened.answered),
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
        click.echo(f"{'brief':<26}{'kind':<9}{'parts':>6}{'tokens':>8}{'findings':>10}")
    for one in listed["open"]:
        click.echo(f"{one['id']:<26}{one['kind']:<9}{one['parts']:>6}{one['tokens']:>8,}{one['findings']:>10}")
    follow = "" if listed["stage"] == "ready" else " What follows is open when these are answered."
    click.echo(f"Stage: {listed['stage']}.{follow} Next: {listed['next']}", err=True)
    if listed["model"]:
        click.echo(f"Model {listed['model']} is configured: `planagent plan` writes the plan without these.", err=True)


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@click.argument("brief_id", metavar="ID")
@click.argument("answer", type=click.File("rb"), default="-", metavar="[FILE]")
@run_options
def submit(brief_id: str, answer: Any, workspace: Path | None, as_json: bool, **flags: str | None) -> int:
    """Hand in the answer to a brief, from FILE or stdin: it is checked, and what is right of it is kept.

    Exit code 0 when all of it is accepted, 1 with findings (answer again with what is open alone), 3 when what the brief
    rests on has changed since.
    """
    from planagent.files import decode
    from planagent.hosting import desk_of

    settings = settings_of(workspace, **flags)
    again = repeated(workspace, flags)
    with desk_of(settings, talk()) as desk:
        receipt = desk.submit(brief_id, decode(answer.read())[0])
    with desk_of(settings, lambda _: None) as desk:
        left = [o.id for o in desk.open()]
    told = receipt_data(receipt, left, again)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show_receipt(told)
    return FindingsError.exit_code if receipt.open else 0


def receipt_data(receipt: Receipt, left: list[str], again: str = "") -> dict[str, Any]:
    """What became of an answer; `left` are the briefs that are open after it."""

    def faults(found: Any) -> list[dict[str, str]]:
        return [{"place": f.place, "rule": f.rule, "message": f.message, "remedy": f.remedy} for f in found]

    if receipt.open:
        follow = f"planagent brief {receipt.id}{again}, then submit what it asks for still"
    else:
        follow = f"planagent brief {left[0]}{again}" if left else f"planagent merge{again}"
    return {
        "id": receipt.id,
        "accepted": receipt.accepted,
        "open": receipt.open,
        "findings": faults(receipt.findings),
        "left_out": faults(receipt.left_out),
        "whole": receipt.whole,
        "open_briefs": left,
        "next": follow,
    }


def _show_receipt(told: dict[str, Any]) -> None:
    click.echo(
        f"{told['id']}: {len(told['accepted'])} parts accepted, {len(told['open'])} open"
        + ("; what is right of an open one is kept" if told["open"] else "")
    )
    if not told["whole"]:
        click.echo("  The JSON is not whole: only what is finished of it was looked at.")
    for fault in told["findings"]:
        click.echo(f"  {fault['place']}: {fault['rule']} {fault['message']}. {fault['remedy']}")
    for fault in told["left_out"]:
        click.echo(f"  left out, {fault['place']}: {fault['rule']} {fault['message']}")
    click.echo(f"Open briefs: {len(told['open_briefs'])}. Next: {told['next']}", err=True)


@click.command(epilog=EXIT_CODES_ELSEWHERE)
@run_options
@click.option("--fill-from-rules", is_flag=True, help="Take what is open from the rules; the header says how much.")
def merge(workspace: Path | None, as_json: bool, fill_from_rules: bool, **flags: str | None) -> int:
    """Publish the plan of the answers that a coding agent has handed in; exit code 9 while briefs are open."""
    from planagent.commands.plan import show_plan
    from planagent.hosting import merge as merged
    from planagent.pipeline import Session

    settings = settings_of(workspace, **flags)
    session = merged(Session(settings, fill_from_rules=fill_from_rules, tell=talk()))
    return show_plan(session, as_json=as_json)
