"""Comments in a plan that suppress rules at a place, with a reason: `<!-- planagent: ignore PA201 why -->`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planagent.model import Finding

_COMMENT = re.compile(r"<!--\s*planagent:\s*(ignore-file|ignore)\b\s*((?:PA\d{0,3}\b[\s,]*)*)[:–—-]?\s*(.*?)\s*-->", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """`first` and `last` are the lines it holds for; the whole file and the plan as such when `first` is 0."""

    line: int
    codes: tuple[str, ...]
    reason: str
    first: int
    last: int

    def covers(self, finding: Finding) -> bool:
        """True when the finding is at its place and of one of its rules."""
        here = self.first == 0 or self.first <= finding.line <= self.last
        return here and any(finding.rule.startswith(code) for code in self.codes)


def find_suppressions(text: str) -> list[Suppression]:
    """Every comment of the form, with the lines it holds for.

    Beside text it holds for its line; alone on a line for the next line with text and what is indented below that.
    """
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        for match in _COMMENT.finditer(line):
            codes = tuple(c.upper() for c in re.findall(r"(?i)PA\d{0,3}", match[2]))
            if match[1].lower() == "ignore-file":
                first, last = 0, 0
            elif line.strip() == match[0]:
                first, last = _below(lines, number)
            else:
                first = last = number
            found.append(Suppression(number, codes, match[3].strip(), first, last))
    return found


def _below(lines: list[str], number: int) -> tuple[int, int]:
    start = next((n for n in range(number + 1, len(lines) + 1) if lines[n - 1].strip()), number)
    indent = len(lines[start - 1]) - len(lines[start - 1].lstrip())
    last = start
    for n in range(start + 1, len(lines) + 1):
        text = lines[n - 1]
        if not text.strip() or len(text) - len(text.lstrip()) <= indent:
            break
        last = n
    return start, last


def suppress(
    findings: Iterable[Finding], suppressions: list[Suppression], known: Iterable[str], active: frozenset[str]
) -> tuple[list[Finding], list[Finding]]:
    """What is left and what was suppressed. Comments without reason or effect are findings of their own.

    Args:
        known: every rule's code.
        active: the codes that were checked; a suppression of another rule is not called unused.
    """
    left: list[Finding] = []
    gone: list[Finding] = []
    used: set[Suppression] = set()
    for finding in findings:
        by = [s for s in suppressions if s.covers(finding)]
        used.update(by)
        (gone if by else left).append(finding)
    left += [f for f in _faults(suppressions, used, list(known), active) if f.rule in active]
    return sorted(left, key=lambda f: (f.line, f.column, f.rule, f.place, f.message)), gone


def _faults(suppressions: list[Suppression], used: set[Suppression], known: list[str], active: frozenset[str]) -> Iterator[Finding]:
    for s in suppressions:
        place = f"line {s.line}"
        unknown = [c for c in s.codes if not any(k.startswith(c) for k in known)]
        if not s.reason:
            yield Finding("PA001", place, "the suppression gives no reason", "Write the reason behind the code.", s.line, column=1)
        if not s.codes or unknown:
            named = f"{', '.join(unknown)} names no rule" if unknown else "the suppression names no rule"
            yield Finding("PA002", place, named, "Name a rule (PA201) or the start of one (PA2).", s.line, column=1)
        elif s not in used and any(a.startswith(c) for c in s.codes for a in active):
            yield Finding("PA002", place, f"nothing of {', '.join(s.codes)} is found there", "Remove the comment.", s.line, column=1)
