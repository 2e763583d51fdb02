"""Reads and checks documents made of one repeated piece, at a size and at four times that size.

    python -m bench.growth

A ratio near 4 is linear. What takes longer than the limit, or grows by more than 8, is printed with the place.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from types import FrameType

from bench.fuzz import FRAGMENTS, Hang, corpus_case, plan_case

SIZE = 40_000
LIMIT = 30
_PIECES = (
    b"A", b"a", b"_", b"-", b" ", b"\t", b"*", b"`", b"|", b">", b"(", b"[", b"{", b"<", b"/", b":", b".", b",", b"\"", b"'", b"=", b"#", b"1",
    b"a ", b"A_", b"- ", b"1. ", b"* a\n", b"| a ", b"| a |\n", b"> a\n", b"# a\n", b"`a` ", b"GET /a ", b"### GET /a/{b}\n", b"- FR-001: a must be b\n",
    b"must not ", b"user another ", b"token expires ", b"API_KEY=abc ", b"\"a\": {", b"a: b\n", b"  a:\n", b"- a\n", b"status: a, b, ", b"a/", b"/a",
    "系".encode(), "é".encode(), b"class A:\n", b"    a: int\n", b"http://a", b"T001 ", b"depends on T001, ", b"- [ ] T001 a\n", b"<a ", b"</a>", b"a=b ", b"(a,",
)  # fmt: skip


def seconds(piece: bytes, size: int) -> float:
    """Time for a corpus with one such document below a real endpoint, and for a plan of the same text."""
    document = b"# API\n\n### GET /api/tasks\n\nAnswers 200 with FastAPI.\n\n" + piece * (size // len(piece))
    begun = time.perf_counter()
    corpus_case([document])
    plan_case(document)
    return time.perf_counter() - begun


def _ring(_: int, __: FrameType | None) -> None:
    raise Hang


def main() -> int:
    signal.signal(signal.SIGALRM, _ring)
    seconds(b"a b\n", SIZE)  # imports
    pieces = (*_PIECES, *(f for f in FRAGMENTS if len(f) < 3000))
    bad, worst = 0, 0.0
    for piece in pieces:
        signal.alarm(LIMIT)
        try:
            small, large = seconds(piece, SIZE), seconds(piece, 4 * SIZE)
        except Hang as error:
            place = [f for f in traceback.extract_tb(error.__traceback__) if "planagent" in f.filename][-1]
            print(f"{piece[:24]!r:<36} more than {LIMIT} s, in {place.name}, line {place.lineno}", flush=True)
            bad += 1
            continue
        finally:
            signal.alarm(0)
        worst = max(worst, large / small)
        if large > 8 * small and large > 1.0:
            print(f"{piece[:24]!r:<36} {small:.2f} s, then {large:.2f} s: x{large / small:.1f}", flush=True)
            bad += 1
    print(
        f"{len(pieces)} pieces, {SIZE:,} and {4 * SIZE:,} bytes: {bad} grow too fast, largest ratio {worst:.1f}",
        file=sys.stderr,
    )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
