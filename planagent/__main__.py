"""`python -m planagent` and the console script."""

from __future__ import annotations

import contextlib
import os
import sys


def main() -> None:
    from planagent.cli import run
    from planagent.telemetry import flush

    code = run()
    flush()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Taking the interpreter down object by object can take a third of a second. Files are closed by now, and locks are
    # the system's to free.
    os._exit(code)


if __name__ == "__main__":
    main()
