"""Any Markdown plan as a view: Spec Kit's `tasks.md` and `plan.md`, numbered headings, tables, bare checklists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from planagent.checking.code import Block
from planagent.checking.lines import Line, parse_lines, without_comments
from planagent.checking.units import Unit
from planagent.checking.view import Entry, Format, View

_ID = r"(?:T-?\d{1,4}(?:\.\d{1,2})?[a-z]?|TASK[- ]?\d+|[A-Z]{2,5}-\d+|\d{1,3}(?:\.\d{1,3}){1,3})"
_DECORATION = r"[*_`\s✅⏳🔄❌⬜🟢🟡🔴☑☐]*"
_CHECKBOX = re.compile(r"^(\s*)[-*+]\s+\[([ xX~/-])\]\s+(.*)$")
_LEADING_ID = re.compile(rf"^{_DECORATION}(?:Task\s+)?({_ID})(?![\w.]*\.(?:md|py))[*_`]*\s*[:.)–—-]*\s*(.*)$")
_HEADING_ID = re.compile(
    rf"^#{{2,6}}\s+{_DECORATION}(?:(?:Task\s*(?:ID)?\s*:?\s*)({_ID}|\d{{1,3}})|(T-?\d{{1,4}}[a-z]?|TASK-\d+))[*_`]*\s*[:.–—-]*\s*(.*)$"
)
_BULLET_ID = re.compile(r"^(\s*)(?:[-*+]|\d+\.)\s+\*\*\s*(T-?\d{1,4}[a-z]?|TASK-\d+)\b[:.]?\s*\**\s*[:.–—-]*\s*(.*)$")
_ROW_ID = re.compile(r"^[*`\s]*(T-?\d{1,4}[a-z]?|TASK-\d+)[*`\s]*$")
_TITLE_CELL = re.compile(r"(?i)task|title|description|what|work|step")
_NEEDS_CELL = re.compile(r"(?i)need|depend|after|block|prereq|requires")
_NEEDS = r"(?i)(?<!no )(?<!not )\b(?:depends?\s+on|depend(?:s|encies|ency|ent on)?|needs?|requires?|blocked\s+by|prerequisites?|(?:runs? )?after)[\s:*_`(]*"
_PROOF = re.compile(
    r"(?i)^[\s>*+-]*\**(?:done when|acceptance(?: criteri(?:a|on))?|verify|verification|definition of done)\**\s*:\**\s*(.+)$"
)
_FILE = re.compile(r"(?<![\w/.:@{])((?:[\w.-]+/)+[\w.-]+\.\w{1,8}|[\w-]+\.(?:py|go|rs|java|cs|php|ts|tsx|js|kt|rb))\b")
_TASK_HEADING = re.compile(r"(?i)task|to-?do|step|phase|implement|work|milestone|setup|story|plan")


@dataclass(slots=True)
class _Open:
    """A task while its lines are collected."""

    id: str
    title: str
    line: int
    indent: int = 0
    level: int = 0
    needs: str = ""
    lines: list[Line] = field(default_factory=list)


def view_of_markdown(path: str, text: str) -> View:
    """Reads a Markdown plan of any origin.

    One notation is taken for the tasks: checkboxes with ids, else headings with ids, bold bullets, table rows, else
    plain checkboxes. Ids of other notations in the same file are mentions.
    """
    blank = without_comments(text, lambda comment: re.sub(r"[^\n]", " ", comment))
    lines = parse_lines(blank)
    kind = _format(path, text)
    # Spec Kit's plan.md has gates to tick, and no tasks.
    tasks = [] if kind == "Spec Kit" and path.endswith("plan.md") else _tasks(lines)
    ids = list(dict.fromkeys(t.id for t in tasks))
    entries = _with_listed_needs([_entry(t, ids) for t in tasks], lines, ids)
    owner = {line.number: t.id for t in tasks for line in t.lines}
    return View(kind, text, tuple(entries), tuple(_units(lines, owner)), tuple(_blocks(lines)))


def _format(path: str, text: str) -> Format:
    name = path.rsplit("/", 1)[-1].lower()
    kit = re.search(r"\*\*(?:Input|Prerequisites|Branch)\*\*:|\[P\?\]|Technical Context", text[:4000])
    return "Spec Kit" if kit and name in ("tasks.md", "plan.md") else "Markdown"


# -- tasks --------------------------------------------------------------------------------------


def _tasks(lines: list[Line]) -> list[_Open]:
    for start, least in ((_checkbox, 1), (_heading, 2), (_bullet, 2), (_row, 2), (_plain, 2)):
        found = list(_collect(lines, start))
        if len(found) >= least:
            return found
    return []


def _collect(lines: list[Line], start: Callable[[Line], _Open | None]) -> Iterator[_Open]:
    """Every task with the lines that belong to it: what is indented below it, or stands under its heading."""
    current: _Open | None = None
    for line in lines:
        opened = start(line) if line.fence is None else None
        if opened:
            if current:
                yield current
            current = opened
            current.lines.append(line)
        elif current and _belongs(line, current):
            current.lines.append(line)
        elif current:
            yield current
            current = None
    if current:
        yield current


def _belongs(line: Line, task: _Open) -> bool:
    text = line.text
    level = len(text) - len(text.lstrip("#")) if re.match(r"#{1,6}\s", text) else 0
    if line.fence is not None:
        return True
    if task.level:
        return not (0 < level <= task.level) and not re.match(r"\s*(?:---+|\*\*\*+)\s*$", text)
    if not text.strip():
        return True
    return not level and not line.cells and len(text) - len(text.lstrip()) > task.indent


def _checkbox(line: Line) -> _Open | None:
    box = _CHECKBOX.match(line.text)
    named = _LEADING_ID.match(box[3]) if box else None
    if not box or not named or len(named[2].strip()) < 3:
        return None
    return _Open(_id(named[1]), _title(named[2]), line.number, len(box[1]))


def _heading(line: Line) -> _Open | None:
    match = _HEADING_ID.match(line.text)
    if not match or not match[3].strip():
        return None
    level = len(line.text) - len(line.text.lstrip("#"))
    return _Open(_id(match[1] or match[2]), _title(match[3]), line.number, level=level)


def _bullet(line: Line) -> _Open | None:
    match = _BULLET_ID.match(line.text)
    return _Open(_id(match[2]), _title(match[3]), line.number, indent=len(match[1])) if match and match[3] else None


def _row(line: Line) -> _Open | None:
    match = _ROW_ID.match(line.cells[0]) if len(line.cells) > 1 else None
    if not match:
        return None
    named = dict(zip(line.header[1:], line.cells[1:], strict=False))
    title = next((c for n, c in named.items() if _TITLE_CELL.search(n)), line.cells[1])
    needs = next((c for n, c in named.items() if _NEEDS_CELL.search(n)), "")
    return _Open(_id(match[1]), _title(title), line.number, indent=1000, needs=needs)


def _plain(line: Line) -> _Open | None:
    """A checkbox without id, under a heading that speaks of work."""
    box = _CHECKBOX.match(line.text)
    if not box or len(box[1]) > 1 or not _TASK_HEADING.search(line.under):
        return None
    if re.search(r"(?i)constitution check|gate|checklist|review|acceptance|criteria|definition of done", line.heading):
        return None
    return _Open(f"L{line.number}", _title(box[3]), line.number, len(box[1]))


def _id(text: str) -> str:
    return text.strip().replace(" ", "-")


def _title(text: str) -> str:
    text = re.sub(r"^(?:[*_`\s✅⏳🔄❌]|\[(?:P|US\d+|[A-Z]{1,4}\d*|Story)\])+", "", text)
    return text.strip().rstrip("*").strip()


def _entry(task: _Open, ids: list[str]) -> Entry:
    text = "\n".join(line.text for line in task.lines if line.fence is None)
    proof, proof_line = _proof(task)
    wanted = _named(task.needs, ids, everywhere=True) if task.needs else _named(text, ids)
    return Entry(
        id=task.id,
        title=task.title,
        line=task.line,
        text=text,
        needs=tuple(wanted),
        file=next(iter(_FILE.findall(text)), ""),
        proof=proof,
        proof_line=proof_line,
    )


def _proof(task: _Open) -> tuple[str, int]:
    for line in task.lines[1:]:
        found = _PROOF.match(line.text)
        if found:
            return found[1].strip(), line.number
    return "", 0


def _named(text: str, ids: list[str], *, everywhere: bool = False) -> Iterator[str]:
    """The tasks that a text says it needs, ranges spelled out, in the ids' own notation."""
    sample = ids[0] if ids else "T001"
    one = _notation(sample)
    if not one:
        return
    listed = rf"({one}(?:[\s,&+/*`]*(?:and|[-–—]|to|through)?[\s*`]*{one})*)"
    seen: set[str] = set()
    for match in re.finditer(listed if everywhere else _NEEDS + listed, text):
        for found in _expand(match[1], one, ids):
            if found not in seen:
                seen.add(found)
                yield found


def _notation(sample: str) -> str:
    """A pattern of ids like the sample; '' for lines without ids."""
    if re.match(r"L\d", sample):
        return ""
    letters = re.match(r"[A-Za-z]*-?", sample)
    start = re.escape(letters[0]) if letters else ""
    return rf"{start}\d{{1,4}}(?:\.\d{{1,3}})*[a-z]?(?![\w.]*\w)"


def _expand(text: str, one: str, ids: list[str]) -> Iterator[str]:
    parts = re.findall(rf"{one}|[-–—]|\bto\b|\bthrough\b", text)
    for index, part in enumerate(parts):
        if not re.match(r"[-–—]$|to$|through$", part):
            yield part
        elif 0 < index < len(parts) - 1 and parts[index - 1] in ids and parts[index + 1] in ids:
            first, last = ids.index(parts[index - 1]), ids.index(parts[index + 1])
            yield from ids[first + 1 : last]


def _with_listed_needs(entries: list[Entry], lines: list[Line], ids: list[str]) -> list[Entry]:
    """Needs that a section on dependencies states: `T012 depends on T010, T011`."""
    one = _notation(ids[0]) if ids else ""
    if not one:
        return entries
    said: dict[str, list[str]] = {}
    inside = {line for e in entries for line in range(e.line, e.line + e.text.count("\n") + 1)}
    for line in lines:
        if line.number in inside or line.fence is not None or "depend" not in line.text.lower():
            continue
        head = re.match(rf"^[\s>*+`-]*({one})\**`?\b[^.;]{{0,40}}?\bdepends?\s+on\b", line.text)
        if head:
            said.setdefault(head[1], []).extend(_named(line.text, ids))
    return [replace(e, needs=tuple(dict.fromkeys((*e.needs, *said.get(e.id, ()))))) for e in entries]


# -- text and blocks ----------------------------------------------------------------------------


def _units(lines: list[Line], owner: dict[int, str]) -> Iterator[Unit]:
    front = bool(lines) and lines[0].text.strip() == "---"
    for line in lines:
        text = line.text.strip()
        if front:
            front = not (line.number > 1 and text == "---")
            continue
        if line.fence is not None or not text or re.match(r"[-=*_]{3,}$|\|?[\s:|-]+\|?$", text):
            continue
        task = owner.get(line.number, "")
        place = task or (f"under {line.heading!r}" if line.heading else f"line {line.number}")
        yield Unit(place, task, "task" if task else "prose", text, 0, line.number)


def _blocks(lines: list[Line]) -> Iterator[Block]:
    run: list[Line] = []
    for line in [*lines, Line(len(lines) + 1, "")]:
        mark = line.fence is not None and re.match(r"\s*(?:```+|~~~+)\s*(\S*)", line.text)
        closes = bool(mark and run and _fenced(run) and not mark[1])
        if line.fence is None or (mark and not closes and not _fenced(run)):
            yield from _done(run)
            run = []
        if line.fence is not None:
            run.append(line)
        if closes:
            yield from _done(run)
            run = []


def _fenced(run: list[Line]) -> bool:
    return bool(run) and bool(re.match(r"\s*(?:```|~~~)", run[0].text))


def _done(run: list[Line]) -> Iterator[Block]:
    if run:
        # A fence inside of an outer one carries the outer one's language: its own mark says what it is.
        mark = re.match(r"\s*(?:```+|~~~+)\s*(\S*)", run[0].text)
        language = mark[1].lower() if mark else run[0].fence or ""
        yield Block(run[0].number, language.strip("{}."), tuple(x.text for x in run))
