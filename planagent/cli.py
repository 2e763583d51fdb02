"""The command line. Data to stdout, talk to stderr; heavy modules are imported when a command runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planagent import __version__
from planagent.errors import FindingsError, PlanagentError, UsageError

if TYPE_CHECKING:
    from planagent.model import Finding
    from planagent.pipeline import Session
    from planagent.settings import Settings

EXIT_CODES = """
\b
Exit codes:
  0  done, no finding
  2  wrong usage or configuration
  3  findings: the plan, or what a writer made, breaks a rule
  4  the specs describe no backend
  5  no specs, or specs that cannot be read
  6  the writer failed (model, server, key)
  7  the workspace: a file cannot be written, or specs changed meanwhile
  130  interrupted; accepted answers are kept
"""


def run(arguments: list[str] | None = None) -> int:
    """Runs a command line and returns its exit code; every known error becomes one message with a remedy."""
    args = sys.argv[1:] if arguments is None else arguments
    try:
        result = main.main(args=args, prog_name="planagent", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        click.echo("Interrupted; accepted answers are kept.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except PlanagentError as error:
        if "--json" in args:
            click.echo(
                json.dumps(
                    {
                        "error": {
                            "kind": type(error).__name__,
                            "message": error.message,
                            "remedy": error.remedy,
                            "exit_code": error.exit_code,
                        }
                    }
                )
            )
        click.echo(click.style("error: ", fg="red", bold=True) + error.message, err=True)
        if error.remedy:
            click.echo(click.style("hint: ", fg="cyan") + error.remedy, err=True)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("Interrupted; accepted answers are kept.", err=True)
        return 130
    except BrokenPipeError:
        return 0


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EXIT_CODES
)
@click.version_option(__version__, prog_name="planagent")
def main() -> None:
    """Turns a project's constitution and specs into one proved backend implementation plan.

    \b
    A first round in a project with a specs/ folder:
      planagent facts             what was read, with file and line
      planagent plan --offline    the plan, without a model
      planagent check             prove it again
      planagent decide D1 "..."   answer a decision, then plan again

    With a model: put OPENAI_API_KEY (or OPENAI_BASE_URL for a server of your own) and PLANAGENT_MODEL
    into .env and leave --offline out.
    """


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    workspace = click.option(
        "--workspace",
        "-w",
        type=click.Path(path_type=Path),
        default=None,
        metavar="DIR",
        help="The project's root [default: the project around the current directory].",
    )
    scope = click.option(
        "--scope",
        default=None,
        metavar="WHICH",
        help="A phase (II, phase-2), a feature folder's start (002), or all.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
    return workspace(scope(as_json(command)))


def _root(workspace: Path | None) -> Path:
    if workspace is not None:
        if not workspace.is_dir():
            raise UsageError(f"{workspace}: not a directory.", "Give the project's root with --workspace.")
        return workspace
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ("planagent.toml", "specs", ".specify", ".git")):
            return folder
    return here


def _settings(workspace: Path | None, **flags: Any) -> Settings:
    from planagent.settings import load_settings

    return load_settings(_root(workspace), flags)


def _talk(as_json: bool) -> Callable[[str], None]:
    """Progress on stderr: everything on a terminal, warnings and notices alone elsewhere."""
    loud = sys.stderr.isatty()
    steps = {"reading", "planning", "writing", "linking", "checking", "publishing"}

    def tell(text: str) -> None:
        if not text:
            return
        if loud or not (text in steps or text.startswith(("brief ", "section ", "loading"))):
            click.echo(click.style("· ", dim=True) + text, err=True)

    return tell


# -- plan ---------------------------------------------------------------------------------------


@main.command(epilog=EXIT_CODES)
@_common
@click.option("--offline", is_flag=True, help="Write every section by rule: no model, no network, no key.")
@click.option(
    "--model",
    default=None,
    metavar="NAME",
    help="A model's name, or gguf:PATH for a local file [PLANAGENT_MODEL].",
)
@click.option(
    "--output",
    "-o",
    default=None,
    metavar="FILE",
    help="Where the plan goes [plan/backend_implementation_plan.md].",
)
@click.option(
    "--profile", default=None, metavar="NAME", help="The stack's profile [default: by what the specs name]."
)
@click.option(
    "--allow-findings", is_flag=True, help="Write the plan even when checks find something; it lists them."
)
@click.option(
    "--fill-from-rules",
    is_flag=True,
    help="Take parts that the model cannot get right from the rules; the header says how many.",
)
def plan(
    workspace: Path | None,
    scope: str | None,
    as_json: bool,
    offline: bool,
    model: str | None,
    output: str | None,
    profile: str | None,
    allow_findings: bool,
    fill_from_rules: bool,
) -> int:
    """Write the plan: read the specs, plan, write and check ten sections, merge them into one file.

    Task ids and ticks of an existing plan are kept. On an error nothing is written.
    """
    from planagent.pipeline import Session, make_plan

    settings = _settings(workspace, scope=scope, model=model, output=output, profile=profile)
    session = make_plan(
        Session(
            settings,
            offline=offline,
            allow_findings=allow_findings,
            fill_from_rules=fill_from_rules,
            tell=_talk(as_json),
        )
    )
    if as_json:
        click.echo(json.dumps(_plan_report(session), ensure_ascii=False))
    else:
        _plan_summary(session)
    return FindingsError.exit_code if session.findings else 0


def _plan_report(session: Session) -> dict[str, Any]:
    made, usage, run = session.plan, session.usage, session.run
    assert made is not None  # noqa: S101  (make_plan returned)
    assert run is not None  # noqa: S101
    return {
        "plan": str(session.settings.output_path),
        "unchanged": session.unchanged,
        "writer": made.writer,
        "tasks": len(made.tasks),
        "obligations": len(session.outline.obligations) if session.outline else 0,
        "decisions": [
            {"id": r.id, "title": r.title, "waits": r.waits, "default": r.default}
            for r in made.rulings
            if r.waits
        ],
        "findings": [_finding(f) for f in session.findings],
        "usage": {
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "retries": usage.retries,
        },
        "briefs": run.briefs,
        "repairs": run.repaired,
        "reused": run.reused,
        "filled_from_rules": run.filled,
        "seconds": round(session.seconds, 2),
    }


def _plan_summary(session: Session) -> None:
    report = _plan_report(session)
    usage = report["usage"]
    click.echo(report["plan"])
    spent = (
        f", {usage['calls']} calls, {usage['input_tokens']:,} tokens in ({usage['cached_tokens']:,} cached), {usage['output_tokens']:,} out, {report['repairs']} repairs"
        if usage["calls"] or report["reused"]
        else ""
    )
    click.echo(
        f"{'Unchanged: ' if report['unchanged'] else ''}{report['tasks']} tasks for {report['obligations']} obligations, by {report['writer']}, in {report['seconds']:.1f} s{spent}.",
        err=True,
    )
    if report["filled_from_rules"]:
        click.echo(f"{len(report['filled_from_rules'])} parts were taken from the rules.", err=True)
    if report["decisions"]:
        click.echo('These defaults wait for a person (planagent decide ID "…"):', err=True)
        for decision in report["decisions"]:
            click.echo(f"  {decision['id']:<4} {decision['title']}: {decision['default']}", err=True)
    for finding in session.findings:
        click.echo(f"  {finding.rule} {finding.place}: {finding.message}", err=True)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "place": finding.place,
        "line": finding.line,
        "message": finding.message,
        "remedy": finding.remedy,
    }


# -- check --------------------------------------------------------------------------------------


@main.command(epilog=EXIT_CODES)
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[PLAN]")
@_common
def check(path: Path | None, workspace: Path | None, scope: str | None, as_json: bool) -> int:
    """Prove a plan against its specs: all findings at once, each with its line and what to do."""
    from planagent.pipeline import check_plan

    settings = _settings(workspace, scope=scope)
    target = path if path is not None else settings.output_path
    findings, checked = check_plan(settings, target, _talk(as_json))
    if as_json:
        click.echo(
            json.dumps(
                {
                    "plan": str(target),
                    "tasks": len(checked.tasks),
                    "findings": [_finding(f) for f in findings],
                },
                ensure_ascii=False,
            )
        )
    else:
        for finding in findings:
            click.echo(f"{target}:{finding.line or 1}: {finding.rule} {finding.place}: {finding.message}")
            click.echo(f"    {finding.remedy}", err=True)
        click.echo(
            f"{len(findings)} findings in {len(checked.tasks)} tasks."
            if findings
            else f"No finding in {len(checked.tasks)} tasks.",
            err=True,
        )
    return FindingsError.exit_code if findings else 0


# -- facts --------------------------------------------------------------------------------------


@main.command(epilog=EXIT_CODES)
@_common
@click.option("--conflicts", is_flag=True, help="Show only the conflicts, gaps and traps, what blocks first.")
def facts(workspace: Path | None, scope: str | None, as_json: bool, conflicts: bool) -> int:
    """Show what was read and where: documents, endpoints, entities, variables, requirements, conflicts."""
    from planagent.reading.corpus import read_corpus
    from planagent.reporting import facts_as_json, facts_as_text

    settings = _settings(workspace, scope=scope)
    corpus = read_corpus(
        settings.workspace, scope=settings.scope, include=settings.include, exclude=settings.exclude
    )
    tell = _talk(as_json)
    for warning in (*corpus.warnings, corpus.scope):
        tell(warning)
    if as_json:
        shown = facts_as_json(corpus)
        click.echo(json.dumps({"conflicts": shown["conflicts"]} if conflicts else shown, ensure_ascii=False))
    else:
        for line in facts_as_text(corpus, conflicts_only=conflicts):
            click.echo(line)
    return 0


# -- decide -------------------------------------------------------------------------------------


@main.command(epilog=EXIT_CODES)
@click.argument("ruling", metavar="ID")
@click.argument("answer", required=False, metavar="[ANSWER]")
@click.option("--clear", is_flag=True, help="Take the answer back: the default holds again.")
@click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="The project's root.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def decide(ruling: str, answer: str | None, clear: bool, workspace: Path | None, as_json: bool) -> int:
    """Record a person's answer to a decision or gap of the plan (D3, G1), in planagent.toml.

    The answer is an input from then on: plan again to apply it. An answer that is one of the listed
    likely answers brings in the tasks that were planned for it.
    """
    from planagent.deciding import record

    settings = _settings(workspace)
    recorded = record(settings, ruling, None if clear else answer)
    if as_json:
        click.echo(json.dumps(recorded, ensure_ascii=False))
    else:
        click.echo(f"{recorded['id']} {recorded['title']}: {recorded['answer'] or 'the default holds again'}")
        click.echo("Run `planagent plan` to apply it.", err=True)
    return 0
