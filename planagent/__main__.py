"""`python -m planagent` and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    from planagent.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
