"""The plan file back into a plan: the inverse of `render`, and tolerant of ticks and added prose."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from planagent.freshness import FORMAT, Head
from planagent.plan.plan import OWN, FileAccount, Plan, PlanItem, PlanSection, Row, Ruling, Source, Task, Traced

_KEY = re.compile(r"\s*<!-- (.*?) -->\s*$")
_SECTION = re.compile(r"## (\d+)\. (.+)$")
_ITEM = re.compile(r"### (\d+\.\d+) (.+)$")
_RULING = re.compile(r"#### ([DGRP]\d+) (.+)$")
_TASK = re.compile(r"- \[([ xX])\] (T\d{3,}) (\[P\] )?(.+)$")
_ROW = re.compile(r"- ([^:]+?):(?: (.*))?$")
_UNNUMBERED = re.compile(r"- \[([ xX])\] ()(\[P\] )?(\S.*)$")
_NUMBERED = re.compile(r"\s+\d+\. (.*)$")
_RULING_FIELDS = {"Found": "statement", "Default": "default", "Why": "why", "Answered by a person": "answer"}


_TASK_FIELDS = frozenset(
    ("Steps", "Items", "Needs", "Rulings", "Covers", "Proves", "Gives", "Sources", "Only if", "Done when", "Forced", "Look again")
)
_LISTS = {"### Approach": "approach", "### Conventions": "conventions", "### Out of scope": "excluded"}


M = TypeVar("M", bound=BaseModel)


class NotAPlan(ValueError):
    """The text is no plan file of this program's format."""


@dataclass(slots=True)
class Located:
    """A parsed plan with the line of every task, item and ruling, for findings."""

    plan: Plan
    lines: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> Plan:
    """See `parse_located`."""
    return parse_located(text).plan


def parse_located(text: str) -> Located:
    """Reads a plan file.

    Raises:
        NotAPlan: the first line is not this format's, or a part is malformed; the message names the line.
    """
    return _Reader(text.replace("\r\n", "\n").split("\n")).read()


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0
        self.places: dict[str, int] = {}
        self._numbers: Iterator[str] | None = None
        self.plan: dict[str, Any] = {"findings": [], "approach": [], "conventions": [], "excluded": []}

    def read(self) -> Located:
        head = Head.parse(self.lines[0]) if self.lines else None
        if not head:
            raise NotAPlan(f"line 1 is not '<!-- {FORMAT}; … -->'")
        self.plan.update(next_task=head.next_task, state=head.state, writer_id=head.writer_id)
        self.at = 1
        self._header()
        rulings: list[Ruling] = []
        sections: list[PlanSection] = []
        tasks: list[Task] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line in _LISTS:
                self.plan[_LISTS[line]] = self._bullets()
            elif ruling := _RULING.match(line):
                rulings.append(self._ruling(ruling))
            elif (section := _SECTION.match(line)) and section[1] != "10":
                sections.append(self._section(int(section[1]), section[2]))
            elif line == "### 10.1 Tasks":
                tasks = self._tasks()
            elif line == "<!-- statements":
                self.plan["statements"] = tuple(self._valid(Traced))
            elif line == "<!-- withdrawn":
                self.plan["withdrawn"] = tuple((str(v[0]), str(v[1])) for v in self._data() if isinstance(v, list) and len(v) == 2)
            elif line == "<!-- accounts":
                self.plan["accounts"] = tuple(self._valid(FileAccount))
            elif line == "<!-- sources":
                told = [v for v in self._data() if isinstance(v, list) and len(v) in (2, 3)]
                self.plan["passages"] = tuple((str(v[1]), str(v[0])) for v in told)
                self.plan["units"] = tuple((str(v[1]), str(v[2])) for v in told if len(v) == 3)
            elif own := self._listed(line):  # wherever a person wrote it
                tasks.append(own)
            else:
                self.at += 1
        doers = {number: task.id for task in tasks for number in task.items}
        sections = [
            s.model_copy(update={"items": tuple(i.model_copy(update={"task": doers.get(i.number, "")}) for i in s.items)}) for s in sections
        ]
        plan = Plan(**self.plan, rulings=tuple(rulings), sections=tuple(sections), tasks=tuple(tasks))
        return Located(plan, self.places)

    def _fail(self, what: str) -> NotAPlan:
        return NotAPlan(f"line {self.at + 1}: {what}")

    def _header(self) -> None:
        if not self.lines[self.at].startswith("# "):
            raise self._fail("the title is missing")
        self.plan["title"] = self.lines[self.at][2:]
        self.plan.update(writer="", scope="")
        self.at += 1
        while self.at < len(self.lines) and not self.lines[self.at].startswith("## "):
            line = self.lines[self.at]
            if line.startswith("- Writer: "):
                self.plan["writer"] = line[10:]
            elif line.startswith("- Scope: "):
                self.plan["scope"] = line[9:]
            elif line.startswith("- Read: "):
                self.plan["read_share"] = line[8:]
            elif line.startswith("- Left out: "):
                self.plan["left_out"] = tuple(line[12:].split("; "))
            elif line.startswith("- Documents: "):
                self.plan["documents"] = tuple(re.findall(r"`([^`]+)`", line))
            elif line.startswith("> - "):
                self.plan["findings"].append(line[4:])
            self.at += 1

    def _bullets(self) -> list[str]:
        self.at += 1
        found = []
        while self.at < len(self.lines) and not self.lines[self.at].startswith("#"):
            if self.lines[self.at].startswith("- "):
                found.append(self.lines[self.at][2:])
            self.at += 1
        return found

    def _key(self, name: str) -> str:
        """The comment below a heading or task line; a part without one was added by hand, and has a key by its number."""
        self.at += 1
        match = _KEY.match(self.lines[self.at]) if self.at < len(self.lines) else None
        if not match:
            return f"{OWN}{name.lower()}"
        self.at += 1
        return match[1]

    def _ruling(self, heading: re.Match[str]) -> Ruling:
        self.places[heading[1]] = self.at + 1
        topic, _, about = self._key(heading[1]).partition(" @ ")
        values: dict[str, Any] = {"id": heading[1], "title": heading[2], "topic": topic, "statement": "", "default": ""}
        values["about"] = tuple(about.split(", ")) if about else ()
        while self.at < len(self.lines) and (row := _ROW.match(self.lines[self.at])):
            label, value = row[1], row[2] or ""
            if label in _RULING_FIELDS:
                values[_RULING_FIELDS[label]] = value
            elif label == "Likely answers":
                values["options"] = tuple(value.split(" | "))
            elif label in ("To be confirmed, rests on it", "Confirmed, rests on it"):
                values["waits"] = True
            elif label == "Sources":
                values["sources"] = self._sources(value)
            self.at += 1
        return Ruling(**values)

    def _sources(self, value: str) -> tuple[Source, ...]:
        return tuple(source for part in value.split("; ") if (source := Source.parse(part)))

    def _section(self, number: int, title: str) -> PlanSection:
        self.at += 1
        intro: list[str] = []
        items: list[PlanItem] = []
        while self.at < len(self.lines) and not self.lines[self.at].startswith("## "):
            item = _ITEM.match(self.lines[self.at])
            if item:
                items.append(self._item(item))
                continue
            if self.lines[self.at].startswith("- ") and not items:
                intro.append(self.lines[self.at][2:])
            self.at += 1
        return PlanSection(number=number, title=title, intro=tuple(intro), items=tuple(items))

    def _item(self, heading: re.Match[str]) -> PlanItem:
        self.places[heading[1]] = self.at + 1
        values: dict[str, Any] = {"number": heading[1], "title": heading[2], "key": self._key(heading[1])}
        rows: list[Row] = []
        while self.at < len(self.lines) and (row := _ROW.match(self.lines[self.at])):
            label, value = row[1], row[2]
            self.at += 1
            if label == "Covers":
                values["covers"] = tuple((value or "").split(", "))
            else:
                rows.append(Row(label=label, lines=(value,) if value else tuple(self._numbered())))
        return PlanItem(**values, rows=tuple(rows))

    def _numbered(self) -> list[str]:
        found = []
        while self.at < len(self.lines) and (match := _NUMBERED.match(self.lines[self.at])):
            found.append(match[1])
            self.at += 1
        return found

    def _tasks(self) -> list[Task]:
        found: list[Task] = []
        phase = ""
        self.at += 1
        while self.at < len(self.lines) and not self.lines[self.at].startswith(("## ", "### ")):
            line = self.lines[self.at]
            if line.startswith("#### "):
                phase = line[5:]
                self.at += 1
            elif task := self._listed(line, phase):
                found.append(task)
            else:
                self.at += 1
        return found

    def _listed(self, line: str, phase: str = "") -> Task | None:
        """The task that begins with a line, numbered or not; None for any other line."""
        if match := _TASK.match(line):
            return self._task(match, match[2], phase)
        return self._task(match, self._free(), phase) if (match := _UNNUMBERED.match(line)) else None

    def _free(self) -> str:
        """The next number that no task has."""
        if self._numbers is None:
            taken = {m[2] for line in self.lines if (m := _TASK.match(line))}
            self._numbers = (told for n in itertools.count(self.plan["next_task"]) if (told := f"T{n:03d}") not in taken)
        return next(self._numbers)

    def _task(self, head: re.Match[str], number: str, phase: str) -> Task:
        self.places[number] = self.at + 1
        key, section, file = ([*self._key(number).split(" @ ", 2), "", ""])[:3]
        title = head[4].removesuffix(f" in {file}") if file else head[4]
        values: dict[str, Any] = {
            "id": number,
            "key": key,
            "section": int(section) if section.isdigit() else 0,
            "file": file,
            "title": title,
            "phase": phase,
            "done": head[1] in "xX",
            "parallel": bool(head[3]),
            "done_when": "",
        }
        while self.at < len(self.lines) and self.lines[self.at].startswith("  "):
            told = self.lines[self.at].strip()
            row = _ROW.match(told)
            self.at += 1
            label, value = (row[1], row[2] or "") if row else ("", "")
            if label not in _TASK_FIELDS:
                if key.startswith(OWN) and told:  # a person writes as people do
                    values["steps"] = (*values.get("steps", ()), re.sub(r"^(?:[-*+]|\d+\.)\s+", "", told))
                continue
            if label == "Steps":
                values["steps"] = tuple(self._numbered())
            elif label in ("Items", "Needs", "Rulings", "Covers", "Proves"):
                values[label.lower()] = tuple(value.split(", "))
            elif label == "Gives":
                values["gives"] = tuple(value.split("; "))
            elif label == "Sources":
                values["sources"] = self._sources(value)
            elif label == "Only if":
                values["condition"] = value
            elif label == "Done when":
                values["done_when"] = value
            elif label == "Forced":
                values["forced"] = value
            elif label == "Look again":
                values["again"] = value
        return Task(**values)

    def _valid(self, kind: type[M]) -> Iterator[M]:
        for value in self._data():
            with contextlib.suppress(ValidationError):
                yield kind.model_validate(value)

    def _data(self) -> Iterator[Any]:
        """The lines of a comment that holds data."""
        self.at += 1
        while self.at < len(self.lines) and self.lines[self.at] != "-->":
            with contextlib.suppress(ValueError):  # what is lost of the account, the check finds in the specs
                yield json.loads(self.lines[self.at])
            self.at += 1
