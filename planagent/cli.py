"""The command line. Data to stdout, talk to stderr; every known error becomes one message with a remedy."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
from typing import ClassVar

import click

from planagent import __version__
from planagent.commands.common import EXIT_CODES
from planagent.errors import PlanagentError


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
        return _fail(args, error, error.message, error.remedy, error.exit_code)
    except KeyboardInterrupt:
        click.echo("Interrupted; accepted answers are kept.", err=True)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if os.environ.get("PLANAGENT_DEBUG"):
            raise
        told = f"{error.filename or 'a file'}: {error.strerror or error}."
        return _fail(args, error, told, "Check that it exists, its permissions and the free space.", 7)
    except Exception as error:
        if os.environ.get("PLANAGENT_DEBUG"):
            raise
        told = f"planagent failed inside: {type(error).__name__}: {error}"
        remedy = "Set PLANAGENT_DEBUG=1 for the traceback, and please report it with the file that causes it."
        return _fail(args, error, told, remedy, 70)


def _fail(args: list[str], error: Exception, message: str, remedy: str, code: int) -> int:
    """Says what happened and what to do next, for people on stderr, with --json for programs on stdout."""
    if "--json" in args:
        kind = type(error).__name__
        told = {"kind": kind, "message": message, "remedy": remedy, "exit_code": code}
        click.echo(json.dumps({"error": told}))
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True, color=_color())
    if remedy:
        click.echo(click.style("hint: ", fg="cyan") + remedy, err=True, color=_color())
    return code


def _color() -> bool | None:
    """False where the user wants none (https://no-color.org), else as the stream is."""
    return False if os.environ.get("NO_COLOR") else None


class _Commands(click.Group):
    """Loads a command when it is asked for: what one needs, the others need not wait for."""

    _MODULES: ClassVar[dict[str, str]] = {
        "plan": "plan", "status": "status", "diff": "status", "brief": "host", "submit": "host", "merge": "host", "check": "check", "rule": "check",
        "facts": "facts", "coverage": "facts", "report": "report", "decide": "decide", "next": "execute", "done": "execute", "progress": "execute",
        "init": "init", "doctor": "doctor", "mcp": "server", "watch": "watch", "schema": "schema", "fleet": "fleet", "worker": "fleet",
    }  # fmt: skip
    _FUNCTIONS: ClassVar[dict[str, str]] = {"next": "next_task", "mcp": "mcp_server"}
    """Where a function is not called as its command is."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._MODULES)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self._MODULES, 3)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {' or '.join(near)}?", ctx) from error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._MODULES:
            return None
        module = importlib.import_module(f"planagent.commands.{self._MODULES[cmd_name]}")
        found: click.Command = getattr(module, self._FUNCTIONS.get(cmd_name, cmd_name))
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="planagent")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Turns a project's constitution and specs into one proved backend implementation plan.

    \b
    A first round in a project with a specs/ folder:
      planagent facts             what was read, with file and line
      planagent plan --offline    the plan, without a model
      planagent coverage          which part of the specs is accounted for, planned, done
      planagent report            all of it as one HTML page
      planagent check             prove it again
      planagent status            is it still the plan of its specs?
      planagent decide D1 "..."   answer a decision, then plan again

    With a model: put OPENAI_API_KEY (or OPENAI_BASE_URL for a server of your own) and PLANAGENT_MODEL
    into .env and leave --offline out.
    """
    ctx.color = _color()
