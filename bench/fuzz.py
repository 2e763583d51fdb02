"""Fuzzes the reader, the rules and the checker with broken and hostile documents; prints what happened.

    python -m bench.fuzz --seconds 60             mutations of real specs, one process
    python -m bench.fuzz --seconds 60 --atheris   coverage-guided, where atheris is installed

An execution fails when anything but a PlanagentError is raised, or when it takes longer than the limit. The input is
kept in the folder given with --keep, so that it becomes a test.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from planagent.plan.link import Provenance, link
from planagent.planning.outline import make_outline
from planagent.writing.rules import write_all

from planagent.checking.check import Checker
from planagent.checking.markdown import view_of_markdown
from planagent.checking.taskmaster import NotTaskMaster, view_of_taskmaster
from planagent.corpus.read import corpus_of, require_backend
from planagent.corpus.sources import Source, Sources
from planagent.errors import PlanagentError
from planagent.files import sha256
from planagent.plan.markdown_in import NotAPlan, parse
from planagent.plan.markdown_out import render

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 20
"""Seconds that one execution may take: a hundred times what the slowest seed takes."""

FRAGMENTS = (
    b"```", b"```sql\n", b"~~~~\n", b"| a | b |\n|---|---|\n", b"|" * 400, b"#" * 80 + b" x\n", b"- " * 200, b"`" * 999,
    b"GET /", b"POST /api/{id", b"### DELETE /a/{}{}{}\n", b"FR-001", b"**FR-0**:", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\r\n\r", b"{{{{", b"[" * 300, b"(" * 300, b"&anchor *anchor\n", b"openapi: 3.0.0\npaths:\n  /x:\n    get:\n",
    b"? : - !!python/object:os.system\n", b"<!--", b"-->", b"<!-- planagent: ignore PA", "系統必須".encode() * 40, b"\xe2\x80\xae",
    b"class A(SQLModel, table=True):\n  a: int = Field(", b"CREATE TABLE x (", b"A" * 5000, b"a_" * 3000, b"/" * 3000, b"1" * 4000,
    b"NEXT_PUBLIC_" * 50, b"Authorization: Bearer ", b"status: one of a, b, c\n", b"depends on T001-T999999 ", b"- [ ] T001 ", b"$ref: '#/a'\n",
)  # fmt: skip


def seeds() -> list[tuple[str, bytes]]:
    """Documents to start from: the sample corpus, its plan, and the real corpora where they lie beside the checkout."""
    folders = [
        ROOT / "specs",
        ROOT / "plan",
        ROOT.parent / "shared" / "corpora",
        ROOT.parent / "shared" / "plans",
    ]
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".md", ".yaml", ".yml", ".json") and path.stat().st_size < 60_000:
                found.append((path.name, path.read_bytes()))
    return found


def mutate(data: bytes, chance: random.Random, others: list[tuple[str, bytes]]) -> bytes:
    """One to six random changes: cut, doubled, spliced, flipped, stuffed."""
    for _ in range(chance.randint(1, 6)):
        at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.randrange(7):
            case 0:
                data = data[:at] + data[end:]
            case 1:
                data = data[:end] + data[at:end] * chance.choice((1, 3, 20)) + data[end:]
            case 2:
                other = chance.choice(others)[1]
                data = data[:at] + other[: chance.randint(0, len(other))] + data[end:]
            case 3 if data:
                place = chance.randrange(len(data))
                data = data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
            case 4:
                data = data[:at] + chance.choice(FRAGMENTS) * chance.choice((1, 2, 40)) + data[at:]
            case 5:
                lines = data.split(b"\n")
                chance.shuffle(lines)
                data = b"\n".join(lines[:4000])
            case _:
                data = data.replace(b"\n", chance.choice((b"\r\n", b"\r", b" ", b"\n\n\n")))
        data = data[:200_000]
    return data


NAMES = (
    "specs/001-a/spec.md", "specs/001-a/data-model.md", "specs/001-a/contracts/api.yaml", "specs/frontend/pages.md", "CONSTITUTION.md",
    "specs/api/rest.md", "specs/database/schema.md", "specs/002-b/spec.md", "specs/openapi.json", ".specify/memory/constitution.md",
)  # fmt: skip


def corpus_case(documents: list[bytes]) -> None:
    """Everything from bytes to a rendered, parsed and checked plan."""
    files = tuple(Source(n, d, sha256(d)) for n, d in zip(NAMES, documents, strict=False))
    try:
        corpus = corpus_of(Sources("fuzz", files, ()), "", Path("fuzz"))
        require_backend(corpus)
        outline = make_outline(corpus)
        plan = link(outline, write_all(outline), Provenance("x"))
    except PlanagentError:
        return
    text = render(plan)
    assert parse(text) == plan, "the plan does not read back"
    Checker.of(outline).text(text)


def plan_case(data: bytes) -> None:
    """A broken plan of ours, another program's Markdown, and Task Master's JSON."""
    text = data.decode("utf-8", "replace")
    view_of_markdown("tasks.md", text)
    with contextlib.suppress(NotAPlan, ValueError):
        parse(text)
    with contextlib.suppress(NotTaskMaster):
        view_of_taskmaster(text)


class Hang(Exception):
    """An execution took longer than the limit."""


def _ring(_: int, __: FrameType | None) -> None:
    raise Hang


def random_cases(start: int) -> Iterator[tuple[Callable[[], None], list[bytes]]]:
    """Endless cases from one seed of chance."""
    chance = random.Random(start)  # noqa: S311  (reproducible, not secret)
    known = seeds()
    while True:
        count = chance.choice((1, 1, 2, 3, 6))
        documents = [mutate(chance.choice(known)[1], chance, known) for _ in range(count)]
        if chance.random() < 0.3:
            yield (lambda d=documents[0]: plan_case(d)), documents[:1]  # type: ignore[misc]
        else:
            yield (lambda d=documents: corpus_case(d)), documents  # type: ignore[misc]


def run(seconds: float, start: int, keep: Path) -> int:
    """Runs cases until the time is over; returns the number of failures."""
    signal.signal(signal.SIGALRM, _ring)
    ends = time.monotonic() + seconds
    executions = failures = 0
    slowest = 0.0
    for case, documents in random_cases(start):
        begun = time.monotonic()
        if begun > ends:
            break
        signal.alarm(LIMIT)
        try:
            case()
        except Exception as error:
            failures += 1
            _keep(keep, f"{start}-{executions}", documents)
            print(
                f"execution {executions}: {type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}",
                file=sys.stderr,
            )
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.monotonic() - begun)
        executions += 1
    print(f"{executions} executions, {failures} failures, slowest {slowest:.2f} s, seed {start}")
    return failures


def _keep(folder: Path, name: str, documents: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(documents):
        (folder / f"{name}-{number}").write_bytes(data)


def guided(seconds: float) -> None:
    """Coverage-guided executions by atheris, over one document each."""
    import atheris

    with atheris.instrument_imports():
        import planagent.reading.assemble  # noqa: F401

    def one(data: bytes) -> None:
        corpus_case([data])
        plan_case(data)

    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}", "-max_len=20000", f"-timeout={LIMIT}"], one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    if arguments.atheris:
        guided(arguments.seconds)
        return 0
    return 1 if run(arguments.seconds, arguments.seed, arguments.keep) else 0


if __name__ == "__main__":
    raise SystemExit(main())
