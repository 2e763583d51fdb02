"""3. Calls, tokens and seconds of a re-plan, by what has changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.common import corpora, run, workspace
from bench.simulated_server import SimulatedServer

_ENDPOINT = """
### GET /api/extra/{extra_id}

Gives one extra. Authentication: required.

**Status Codes:**
- 200: found
- 404: no such extra
"""


def reformat(text: str) -> str:
    """Other bullets, emphasis, blank lines and table layout; the same content."""
    text = re.sub(r"(?m)^- ", "*   ", text)
    text = re.sub(r"(?m)^(#+ .*)$", r"\1\n", text)
    return re.sub(r"(?m)^\|(.*)\|$", lambda m: "|" + m[1].replace(" | ", "   |   ") + "|", text)


def _reformat_all(root: Path) -> None:
    for path in root.rglob("*.md"):
        if "plan" not in path.parts:
            path.write_text(reformat(path.read_text(encoding="utf-8")), encoding="utf-8")


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text, (path, old)
        (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


_SAMPLE = {
    "one edited requirement": _edit("specs/backend/api.md", "name: required, 1-80 characters", "name: required, 1-60 characters"),
    "one added endpoint": _edit("specs/backend/api.md", "\n## Lists", _ENDPOINT + "\n## Lists"),
    "a changed constitution rule": _edit(
        "specs/constitution.md", "must require a valid JWT", "but the health check must require a valid JWT"
    ),
}
_ORIGIN = {
    "one edited requirement": _edit("specs/backend/spec.md", "Minimum 6 characters", "Minimum 8 characters"),
    "one added endpoint": _edit("specs/backend/spec.md", "\n## Authentication & Security", _ENDPOINT + "\n## Authentication & Security"),
}


ONE_LINE: dict[str, Callable[[Path], None]] = {
    "sample": _SAMPLE["one edited requirement"], "origin-sabahatabid": _ORIGIN["one edited requirement"],
}  # fmt: skip


def measure() -> Iterator[str]:
    for name in corpora("sample", "origin-sabahatabid"):
        changes: dict[str, Callable[[Path], None]] = {
            "nothing": lambda root: None,
            "layout only": _reformat_all,
            **(_SAMPLE if name == "sample" else _ORIGIN),
        }
        for label, change in changes.items():
            with workspace(name) as root, SimulatedServer(first_token=0.6, tokens_per_second=80) as server:
                whole = run(root, server, "plan")
                before = len(server.requests)
                change(root)
                again = run(root, server, "plan")
                used = again.told["usage"]
                yield (
                    f"{name}, {label}: {len(server.requests) - before} calls of {before}, {used['input_tokens']:,} tokens in, "
                    f"{used['output_tokens']:,} out, {again.seconds:.1f} s of {whole.seconds:.1f}"
                )
