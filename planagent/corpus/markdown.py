"""Markdown into passages and units. What the words mean plays no part: blocks, rows and the ends of sentences do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from planagent.model import Passage, Unit, UnitKind

if TYPE_CHECKING:
    from markdown_it.token import Token

_HEADING = re.compile(r"^#{1,6}\s")
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})\s*([^`\s]*)")
_PUNCTUATION = re.compile(r"[^\w\- ]", re.UNICODE)
_CELL_BREAK = re.compile(r"(?<!\\)\|")
# Words, numbers with their sign, and marks that are not Markdown's own.
_CONTENT = re.compile(r"-?\d[\w.]*|\w+|[^\w\s*`_|#>+:-]")
_MARKED = re.compile(r"[*_`~<\\&!\[]")
_LIST_MARK = re.compile(r"^(?:\s*>)*\s*(?:(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?)?")
_RULE = re.compile(r"^[\s>]*(?:[-=*_~]{3,}|\|?[\s:|-]{3,}\|?)\s*$")
_SPACELESS_END = "。！？；"
_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？；]+[」』”’）)\]*_]*")
_SPAN = re.compile(r"`+[^`\n]+`+")
LONGEST_SENTENCE = 320
"""Characters; what is longer is cut further, where a semicolon stands."""


@dataclass(slots=True)
class Parsed:
    """`fences` are the fenced blocks: language, first and last line of what stands between the marks."""

    passages: list[Passage] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    fences: list[tuple[str, int, int]] = field(default_factory=list)


def slugify(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return _PUNCTUATION.sub("", plain(heading).lower()).strip().replace(" ", "-")


def plain(text: str) -> str:
    """The text without emphasis, code marks, links and comments."""
    return _plain(text) if _MARKED.search(text) else text.strip()


@lru_cache(maxsize=65_536)
def _plain(text: str) -> str:
    found = []
    for token in _INLINE.parseInline(text)[0].children or ():
        if token.type in ("text", "code_inline", "image") or (token.type == "html_inline" and not token.content.startswith("<!--")):
            found.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            found.append(" ")
    return "".join(found).strip()


def content_digest(text: str) -> str:
    """Hash of what a text says: a change of line breaks, bullets, emphasis or table layout leaves it as it is."""
    return hashlib.sha256(content(text).encode()).hexdigest()[:12]


def content(text: str) -> str:
    """The words, numbers and marks of a text without its layout."""
    return " ".join(_CONTENT.findall(text))


def split_cells(row: str) -> tuple[str, ...]:
    """The cells of a table's row."""
    return tuple(c.strip() for c in _CELL_BREAK.split(row.strip().strip("|")))


def _parser() -> MarkdownIt:
    # Only blocks are wanted: inline parsing is nine tenths of the time and none of the structure.
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


_MARKDOWN = _parser()
_INLINE = MarkdownIt("commonmark").enable("strikethrough")


def _close_open_fence(text: str) -> str:
    """Ends a fence that never closes before the next heading, so that one slip does not swallow a document."""
    lines = text.split("\n")
    opened, marker = -1, ""
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if opened < 0 and match:
            opened, marker = number, match[1]
        elif opened >= 0 and match and match[1].startswith(marker) and not match[2]:
            opened = -1
    if opened < 0:
        return text
    for number in range(opened + 1, len(lines)):
        if _HEADING.match(lines[number]) and not lines[number - 1].strip():
            lines[opened] = ""  # the line numbers must stay, so the opening goes and nothing is added
            return _close_open_fence("\n".join(lines))
    return text


_FRONT = re.compile(r"\A---[ \t]*\n(?:.*\n)*?---[ \t]*\n")
"""Data in front of the text, whose last line would make a heading of what stands above."""
_NUMBERED_HEADING = re.compile(r"(?m)^(\d{1,2}(?:\.\d{1,2})*\.?[ \t]+\S[^\n]{0,90})\n(={3,}|-{3,})[ \t]*$")


def _numbered_headings(text: str) -> str:
    """`4. Data` underlined is a heading to everyone but CommonMark, which sees a list; line numbers stay."""
    return _NUMBERED_HEADING.sub(lambda m: f"{'#' if m[2][0] == '=' else '##'} {m[1]}\n", text)


def block_tokens(text: str) -> list[Token]:
    """The blocks of a text, with slips mended that would swallow it."""
    return _MARKDOWN.parse(_numbered_headings(_close_open_fence(_FRONT.sub(lambda m: "\n" * m[0].count("\n"), text))))


def parse_markdown(path: str, text: str) -> Parsed:
    """Passages with their anchors, one for each heading, and all units in the order of lines."""
    tokens = block_tokens(text)
    lines = text.split("\n")
    parsed = Parsed(passages=_passages(path, tokens, lines))
    _Cutter(lines, tokens, parsed).cut()
    return parsed


def _passages(path: str, tokens: Sequence[Token], lines: Sequence[str]) -> list[Passage]:
    passages: list[Passage] = []
    slugs: dict[str, int] = {}
    stack: list[tuple[int, str]] = []
    starts = [(0, 0, ""), *_headings(tokens)]
    for index, (level, start, title) in enumerate(starts):
        end = starts[index + 1][1] if index + 1 < len(starts) else len(lines)
        if index == 0:
            if any(line.strip() for line in lines[start:end]):
                passages.append(Passage(path, "", (), 1, end))
            continue
        stack = [entry for entry in stack if entry[0] < level] + [(level, plain(title))]
        slug = slugify(title) or "section"
        seen = slugs.get(slug, 0)
        slugs[slug] = seen + 1
        slug = f"{slug}-{seen}" if seen else slug
        passages.append(Passage(path, slug, tuple(entry[1] for entry in stack), start + 1, end))
    return passages


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    for index, token in enumerate(tokens):
        # A heading inside a quote or list is an ornament, not a part of the document's structure.
        if token.type == "heading_open" and token.map and token.level == 0:
            # An underlined heading may run over lines.
            yield int(token.tag[1:]), token.map[0], " ".join(tokens[index + 1].content.split())


class _Cutter:
    """Cuts one document; every line that holds anything ends up in a unit."""

    def __init__(self, lines: Sequence[str], tokens: Sequence[Token], parsed: Parsed) -> None:
        self._lines = lines
        self._tokens = tokens
        self._parsed = parsed
        self._kinds: dict[int, UnitKind] = {}
        self._blocks: list[tuple[int, int]] = []

    def cut(self) -> None:
        self._mark()
        number = 0
        blocks = dict(self._blocks)
        while number < len(self._lines):
            end = blocks.get(number)
            if end is not None and number not in self._kinds:
                self._sentences(number, end)
                number = end
                continue
            if self._lines[number].strip():
                self._line(number)
            number += 1

    def _mark(self) -> None:
        """What kind of line each is, and where paragraphs run over lines."""
        for token in self._tokens:
            if not token.map:
                continue
            start, end = token.map
            if token.type in ("fence", "code_block"):
                self._fence(token, start, end)
            elif token.type == "table_open":
                self._kinds.update(dict.fromkeys(range(start + 2, end), "row"))
                self._kinds[start] = "header"
                self._kinds[start + 1] = "mark"
            elif token.type == "html_block":
                comment = self._lines[start].lstrip().startswith("<!--")
                self._kinds.update(dict.fromkeys(range(start, end), "comment" if comment else "text"))
            elif token.type == "heading_open":
                self._kinds.update({n: "heading" if n == start else "mark" for n in range(start, end)})
            elif token.type == "hr":
                self._kinds[start] = "mark"
            elif token.type == "inline" and start not in self._kinds:
                self._blocks.append((start, max(end, start + 1)))
        self._front_matter()

    def _fence(self, token: Token, start: int, end: int) -> None:
        body = range(start + 1, end) if token.type == "fence" else range(start, end)
        self._kinds.update(dict.fromkeys(body, "code"))
        if token.type != "fence":
            return
        self._kinds[start] = "mark"
        last = end - 1
        if last > start and _FENCE.match(self._lines[last].lstrip(" >")):
            self._kinds[last] = "mark"
            last -= 1
        words = token.info.split()
        self._parsed.fences.append((words[0].lower().strip("{}.") if words else "", start + 2, last + 1))

    def _front_matter(self) -> None:
        if self._lines and self._lines[0].strip() == "---":
            end = next((n for n in range(1, len(self._lines)) if self._lines[n].strip() == "---"), 0)
            for n in range(end + 1 if end else 0):
                self._kinds[n] = "mark" if n in (0, end) else "data"

    def _line(self, number: int) -> None:
        text = self._lines[number]
        kind = self._kinds.get(number, "mark" if _RULE.match(text) else "text")
        if kind in ("heading", "text"):
            text = re.sub(r"^\s*#{1,6}\s+|\s+#+\s*$", "", text) if kind == "heading" else text[_mark_end(text) :]
        self._add(number, number, 0, kind, text.strip() if kind != "code" else text.rstrip())

    def _sentences(self, start: int, end: int) -> None:
        """A paragraph's or list item's sentences, each with the lines that it runs over."""
        joined, offsets = "", []
        for number in range(start, min(end, len(self._lines))):
            body = (
                self._lines[number][_mark_end(self._lines[number]) :].rstrip()
                if number == start
                else (re.sub(r"^[\s>]+", "", self._lines[number]).rstrip())
            )
            joined += " " if joined else ""
            offsets.append((len(joined), number))
            joined += body
        if _RULE.match(joined):
            self._add(start, end - 1, 0, "mark", joined)
            return
        found = []
        for first, last in sentences(joined):
            lines = [n for at, n in offsets if at < last]
            begin = max(n for at, n in offsets if at <= first)
            found.append((begin, max(begin, lines[-1]), joined[first:last].strip()))
        for index, (begin, finish, text) in enumerate(found):
            same = [i for i, f in enumerate(found) if f[0] == begin]
            self._add(begin, finish, same.index(index) + 1 if len(same) > 1 else 0, "text", text)

    def _add(self, start: int, end: int, part: int, kind: UnitKind, text: str) -> None:
        passages = self._parsed.passages
        at = (
            next((i for i in range(len(passages) - 1, -1, -1) if passages[i].start <= start + 1), 0)
            if (not self._parsed.units)
            else self._parsed.units[-1].passage
        )
        if kind in ("text", "code", "data") and not any(c.isalnum() for c in text):
            kind = "mark"  # a brace or a row of dots says nothing
        while at + 1 < len(passages) and passages[at + 1].start <= start + 1:
            at += 1
        self._parsed.units.append(Unit(start + 1, end + 1, part, kind, text, at))


def _mark_end(line: str) -> int:
    """Where the text behind the marks of quotes, lists and check boxes begins."""
    end, text = 0, line
    while (match := _LIST_MARK.match(text)) and match.end():
        end += match.end()
        text = line[end:]
        if not re.match(r"(?:[-*+]|\d{1,9}[.)])\s", text):
            break
    return end


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, in any script: at a full stop before a space, or at those of scripts without spaces.

    A stop behind a single letter, a number at the start or a word with stops inside (`e.g.`) ends nothing, and neither does
    one before a small letter or inside of code marks.
    """
    spans = [m.span() for m in _SPAN.finditer(text)]
    start = 0
    for match in _END.finditer(text):
        if match.start() < start or any(a < match.start() < b for a, b in spans):
            continue
        if match[0][0] not in _SPACELESS_END and not _ends(text, start, match):
            continue
        yield from _shorter(text, start, match.end())
        start = match.end()
    if text[start:].strip():
        yield from _shorter(text, start, len(text))


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    follow = text[match.end() :].lstrip()
    if not follow or follow[0].islower():
        return not follow
    words = text[start : match.start()].split()
    word = words[-1].lstrip("([\"'*_") if words else ""
    if match[0].startswith("."):
        shortened = len(word) == 1 or (len(word) <= 3 and follow[0].isdigit())  # `No. 5`, `J. Doe`
        numbers = word.isdigit() and (len(words) == 1 or follow[0].isdigit())
        return not ("." in word or (shortened and not word.isdigit()) or numbers)
    return True


def _shorter(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start <= LONGEST_SENTENCE:
        yield start, end
        return
    at = start
    for match in re.finditer(r";\s", text[start:end]):
        stop = start + match.end()
        if stop - at >= LONGEST_SENTENCE // 4:
            yield at, stop
            at = stop
    if text[at:end].strip():
        yield at, end
