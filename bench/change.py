"""3. Calls and tokens of a re-plan, by what has changed."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.common import corpora, run, workspace
from bench.corpora import write_feature
from bench.simulated_server import CHARACTERS, SimulatedServer

Change = Callable[[Path], None]

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


def _edit(path: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text, (path, old)
        (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _rename(root: Path) -> None:
    (root / "specs" / "backend" / "database.md").rename(root / "specs" / "backend" / "data.md")


def _move(root: Path) -> None:
    """The last section of the first level goes to the front."""
    path = root / "specs" / "backend" / "api.md"
    head, *sections = re.split(r"(?m)^(?=## )", path.read_text(encoding="utf-8"))
    path.write_text("".join([head, sections[-1].rstrip("\n") + "\n\n", *sections[:-1]]), encoding="utf-8")


def _feature(root: Path) -> None:
    """A folder of its own, beside those that are there."""
    write_feature(root, 99)


_SAMPLE = {
    "a renamed file": _rename,
    "a moved section": _move,
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


_FEATURES = 50
ONE_LINE: dict[str, Change] = {
    "sample": _SAMPLE["one edited requirement"], "origin-sabahatabid": _ORIGIN["one edited requirement"],
}  # fmt: skip


def measure() -> Iterator[str]:
    for name in corpora("sample", "origin-sabahatabid"):
        changes: dict[str, Change] = {
            "nothing": lambda root: None,
            "layout only": _reformat_all,
            **(_SAMPLE if name == "sample" else _ORIGIN),
        }
        for label, change in changes.items():
            with workspace(name) as root:
                yield f"{name}, {label}: {_cost(root, change)}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        for number in range(_FEATURES):
            write_feature(root, number)
        yield f"{_FEATURES} feature folders, one more: {_cost(root, _feature)}"


def _cost(root: Path, change: Change) -> str:
    with SimulatedServer(first_token=0.2, tokens_per_second=2_000) as server:
        run(root, server, "plan")
        before = list(server.requests)
        change(root)
        server.requests.clear()
        used = run(root, server, "plan").told["usage"]
        kinds = Counter(r.kind for r in server.requests)
    asked = f" ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})" if kinds else ""
    share = (used["input_tokens"] + used["output_tokens"]) / sum(len(r.prompt) // CHARACTERS + r.written for r in before)
    return (
        f"{used['calls']} calls of {len(before)}{asked}, {used['input_tokens']:,} tokens in, {used['output_tokens']:,} out: "
        f"{share:.1%} of the first plan's"
    )
