"""Markdown into passages and lines that know their heading, their fence and their table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from planagent.model import Passage

if TYPE_CHECKING:
    from markdown_it.token import Token

_HEADING = re.compile(r"^#{1,6}\s")
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})\s*([^`\s]*)")
_PUNCTUATION = re.compile(r"[^\w\- ]", re.UNICODE)
_CELL_BREAK = re.compile(r"(?<!\\)\|")
# Words, numbers with their sign, and marks that are not Markdown's own.
_CONTENT = re.compile(r"-?\d[\w.]*|\w+|[^\w\s*`_|#>+:-]")
_MARKUP = re.compile(r"[*`]{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|~~|<!--(?:(?!<!--).)*?-->")


@dataclass(slots=True)
class Line:
    """One line of a document. `fence` is the language of the fence it lies in (None outside, '' unnamed).

    `header` holds the header cells of the table it belongs to, `cells` its own; both are empty elsewhere.
    """

    number: int
    text: str
    trail: tuple[str, ...] = ()
    fence: str | None = None
    header: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        return self.trail[-1] if self.trail else ""

    @property
    def under(self) -> str:
        """All headings above the line, lower case, for a search of words."""
        return " / ".join(self.trail).lower()


@dataclass(slots=True)
class Parsed:
    lines: list[Line] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)


def slugify(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return _PUNCTUATION.sub("", plain(heading).lower()).strip().replace(" ", "-")


def plain(text: str) -> str:
    """The text without emphasis, code marks and comments."""
    return _MARKUP.sub("", text).strip()


_UNDERSCORED = re.compile(r"(?<![\w`.])__(?=[^\s_])([^_\n`]*[^\w\n`][^_\n`]*|[^\Wa-z_]\w*?)__(?![\w`])")


def starred(text: str) -> str:
    """`__Rules:__` as `**Rules:**`, one spelling for all readers; `__init__` is a name and stays."""
    return _UNDERSCORED.sub(r"**\1**", text)


def content_digest(text: str) -> str:
    """Hash of what a text says: a change of line breaks, bullets, emphasis or table layout leaves it as it is."""
    said = " ".join(_CONTENT.findall(text))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def split_cells(row: str) -> tuple[str, ...]:
    return tuple(c.strip() for c in _CELL_BREAK.split(row.strip().strip("|")))


def _parser() -> MarkdownIt:
    # Only blocks are wanted: inline parsing is nine tenths of the time and none of the structure.
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


_MARKDOWN = _parser()


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


_NUMBERED_HEADING = re.compile(r"(?m)^(\d{1,2}(?:\.\d{1,2})*\.?[ \t]+\S[^\n]{0,90})\n(={3,}|-{3,})[ \t]*$")


def _numbered_headings(text: str) -> str:
    """`4. Data` underlined is a heading to everyone but CommonMark, which sees a list; line numbers stay."""
    return _NUMBERED_HEADING.sub(lambda m: f"{'#' if m[2][0] == '=' else '##'} {m[1]}\n", text)


def parse_markdown(path: str, text: str) -> Parsed:
    """Lines with their context, and one passage per heading with its anchor.

    Text before the first heading is a passage of its own when it says anything.
    """
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    tokens = _MARKDOWN.parse(_numbered_headings(_close_open_fence(text)))
    headings = list(_headings(tokens))
    _mark_blocks(tokens, lines)
    passages: list[Passage] = []
    slugs: dict[str, int] = {}
    stack: list[tuple[int, str]] = []
    starts = [(0, 0, ""), *headings]
    for index, (level, start, title) in enumerate(starts):
        end = starts[index + 1][1] if index + 1 < len(starts) else len(lines)
        body = "\n".join(line.text for line in lines[start:end])
        if index == 0:
            if body.strip():
                passages.append(Passage(path, "", (), 1, end, body))
            continue
        stack = [entry for entry in stack if entry[0] < level] + [(level, plain(title))]
        trail = tuple(entry[1] for entry in stack)
        slug = slugify(title) or "section"
        seen = slugs.get(slug, 0)
        slugs[slug] = seen + 1
        slug = f"{slug}-{seen}" if seen else slug
        passages.append(Passage(path, slug, trail, start + 1, end, body))
        for line in lines[start:end]:
            line.trail = trail
    return Parsed(lines, passages)


def _headings(tokens: list[Token]) -> Iterator[tuple[int, int, str]]:
    for index, token in enumerate(tokens):
        # A heading inside a quote or list is an ornament, not a part of the document's structure.
        if token.type == "heading_open" and token.map and token.level == 0:
            # An underlined heading may run over lines.
            yield int(token.tag[1:]), token.map[0], " ".join(tokens[index + 1].content.split())


def _mark_blocks(tokens: list[Token], lines: list[Line]) -> None:
    for token in tokens:
        if not token.map:
            continue
        start, end = token.map
        if token.type in ("fence", "code_block"):
            language = token.info.split()[0].lower() if token.type == "fence" and token.info.split() else ""
            for line in lines[start:end]:
                line.fence = language
        elif token.type == "table_open" and start < len(lines):
            header = tuple(plain(c).lower() for c in split_cells(lines[start].text))
            for line in lines[start + 2 : end]:
                line.header, line.cells = header, split_cells(line.text)
