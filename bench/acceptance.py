"""Runs a Postman collection against a backend that was built from a plan alone, and names what failed.

python -m bench.acceptance COLLECTION.json http://127.0.0.1:8765/api

docs/building.md has the whole procedure. `npx` fetches `newman`, Postman's own runner.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NEWMAN = "newman@6"


def run(collection: Path, url: str) -> dict[str, Any]:
    """Newman's report of one run with an account of its own."""
    name = f"u{uuid.uuid4().hex[:10]}"
    given = {"APIURL": url, "USERNAME": name, "EMAIL": f"{name}@mail.example", "PASSWORD": "password"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        more = [a for k, v in given.items() for a in ("--global-var", f"{k}={v}")]
        command = f"npx --yes {_NEWMAN} run --delay-request 20 -r json --reporter-json-export".split()
        done = subprocess.run([*command, str(out), str(collection), *more], check=False, capture_output=True, text=True)
        if not out.is_file():
            raise SystemExit(
                f"newman did not run: {(done.stderr or done.stdout).strip()[-400:]}\nhint: it needs Node and the package registry."
            )
        report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return report


def told(report: dict[str, Any]) -> Iterator[str]:
    """Requests, assertions and each failure with its request."""
    stats = report["run"]["stats"]
    failed, total = stats["assertions"]["failed"], stats["assertions"]["total"]
    yield f"{stats['requests']['total']} requests, {total - failed} of {total} assertions hold"
    for failure in report["run"]["failures"]:
        yield f"{failure['source'].get('name', '?')}: {failure['error'].get('test') or failure['error'].get('message')}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    report = run(Path(arguments[0]), arguments[1].rstrip("/"))
    print("\n".join(told(report)))
    return 1 if report["run"]["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
