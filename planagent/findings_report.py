"""Findings as text, JSON, SARIF 2.1.0 and GitHub annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from planagent import __version__
from planagent.corpus.secrets import mask
from planagent.model import Finding
from planagent.proving import Checked
from planagent.rulebook import rules

_WIDTH = 96

Style = Callable[..., str]


def plain(text: str, **_: Any) -> str:
    """A style that adds nothing."""
    return text


def as_text(checked: Sequence[Checked], style: Style = plain) -> Iterator[str]:
    """Each finding with its place, the words at fault underlined, and what to do."""
    for one in checked:
        lines = one.text.split("\n")
        shown = shown_path(one.path)
        for f in one.outcome.findings:
            severity = rules()[f.rule].severity
            place = f"{shown}:{f.line or 1}:{f.column or 1}"
            code = style(f.rule, fg="red" if severity == "error" else "yellow", bold=True)
            about = "" if f.place in ("the plan", "") or f.place.startswith(("line ", "under ")) else f"{f.place}: "
            yield f"{style(place, bold=True)}: {code} {about}{f.message}"
            if 0 < f.line <= len(lines):
                yield from _excerpt(f, lines[f.line - 1], style)
            yield f"      {style('=', dim=True)} {f.remedy}"


def _excerpt(finding: Finding, line: str, style: Style) -> Iterator[str]:
    """The line with a caret line below, cut to the terminal's width around the words at fault."""
    length = len(finding.excerpt) if finding.excerpt and finding.excerpt in line else len(line.strip())
    start = max(finding.column - 1, 0)
    masked = mask(line)[0]
    if masked != line:
        # A masked line is shorter or longer than the real one: nothing can be underlined in it.
        line, start, length = masked, 0, len(masked)
    begin = max(0, min(start - 20, len(line) - _WIDTH))
    cut = line[begin : begin + _WIDTH].replace("\t", " ")
    left, right = "…" if begin else "", "…" if begin + _WIDTH < len(line) else ""
    number = f"{finding.line:>5}"
    bar = style("|", dim=True)
    yield f"{style(number, dim=True)} {bar} {left}{cut}{right}"
    carets = "^" * max(1, min(length, _WIDTH - (start - begin)))
    yield f"      {bar} {' ' * (start - begin + len(left))}{style(carets, fg='red')}"


def shown_path(path: Path) -> str:
    """Relative to the current directory where that is shorter, with slashes."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.as_posix()


def as_json(checked: Sequence[Checked]) -> str:
    """One object: every finding with its file, and a summary for each plan."""
    findings = [_finding(one, f) for one in checked for f in one.outcome.findings]
    plans = [
        {
            "plan": shown_path(one.path),
            "format": one.outcome.format,
            "tasks": one.outcome.tasks,
            "findings": len(one.outcome.findings),
            "suppressed": len(one.outcome.suppressed),
            "notes": list(one.outcome.notes),
        }
        for one in checked
    ]
    return json.dumps({"findings": findings, "plans": plans}, ensure_ascii=False)


def _finding(one: Checked, f: Finding) -> dict[str, Any]:
    rule = rules()[f.rule]
    return {
        "rule": f.rule,
        "name": rule.name,
        "severity": rule.severity,
        "file": shown_path(one.path),
        "line": f.line,
        "column": f.column,
        "place": f.place,
        "message": f.message,
        "excerpt": f.excerpt,
        "remedy": f.remedy,
    }


def as_github(checked: Sequence[Checked]) -> Iterator[str]:
    """Workflow commands, one for each finding: annotations at the lines of the plan."""
    for one in checked:
        for f in one.outcome.findings:
            severity = rules()[f.rule].severity
            where = f"file={_property(shown_path(one.path))},line={f.line or 1},col={f.column or 1}"
            title = _property(f"{f.rule} {rules()[f.rule].name}")
            message = f"{f.place}: {f.message}. {f.remedy}"
            yield f"::{severity} {where},title={title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(checked: Sequence[Checked]) -> str:
    """A SARIF 2.1.0 log with one run; suppressed findings are in it, marked as such."""
    used = sorted({f.rule for one in checked for f in (*one.outcome.findings, *one.outcome.suppressed)})
    results = [_result(one, f, used, suppressed=False) for one in checked for f in one.outcome.findings] + [
        _result(one, f, used, suppressed=True) for one in checked for f in one.outcome.suppressed
    ]
    driver = {"name": "planagent", "version": __version__, "semanticVersion": __version__, "rules": [_rule(code) for code in used]}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, ensure_ascii=False, indent=1)


def _rule(code: str) -> dict[str, Any]:
    rule = rules()[code]
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": f"{rule.what} {rule.why}"},
        "help": {"text": f"{rule.fix}\n\nBad: {rule.bad}\nGood: {rule.good}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.family]},
    }


def _result(one: Checked, f: Finding, used: list[str], *, suppressed: bool) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": f.line or 1}
    if f.column:
        region["startColumn"] = f.column
    if f.column and f.excerpt and "\n" not in f.excerpt:
        region["endColumn"] = f.column + len(f.excerpt)
    result: dict[str, Any] = {
        "ruleId": f.rule,
        "ruleIndex": used.index(f.rule),
        "level": rules()[f.rule].severity,
        "message": {"text": f"{f.place}: {f.message}. {f.remedy}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(shown_path(one.path), safe="/:")}, "region": region}}],
        # The same fault at another line is the same alert: the line is no part of it.
        "partialFingerprints": {"planagent/v1": re.sub(r"\s+", " ", f"{f.rule}|{f.place}|{f.message}")},
    }
    if suppressed:
        result["suppressions"] = [{"kind": "inSource"}]
    return result
