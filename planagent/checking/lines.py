"""Lines of any Markdown that know their heading, their fence and their table: for plans of other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planagent.corpus.markdown import block_tokens, plain, split_cells

if TYPE_CHECKING:
    from markdown_it.token import Token


_OPENS, _CLOSES = "<!--", "-->"


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


def parse_lines(text: str) -> list[Line]:
    """Every line of a text with its context."""
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    tokens = block_tokens(text)
    stack: list[tuple[int, str]] = []
    starts = {
        t.map[0]: (int(t.tag[1:]), " ".join(tokens[n + 1].content.split()))
        for n, t in enumerate(tokens)
        if t.type == "heading_open" and t.map and t.level == 0
    }
    for line in lines:
        if line.number - 1 in starts:
            level, title = starts[line.number - 1]
            stack = [entry for entry in stack if entry[0] < level] + [(level, plain(title))]
        line.trail = tuple(entry[1] for entry in stack)
    _mark_blocks(tokens, lines)
    return lines


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


def _newlines(comment: str) -> str:
    return "\n" * comment.count("\n")


def without_comments(text: str, blank: Callable[[str], str] = _newlines) -> str:
    """A text without its comments, each of which begins at the last mark before its end; lines keep their numbers. The account of a large plan
    is one comment of megabytes, for which a pattern would need many times its size.

    Args:
        blank: what stands in a comment's place.
    """
    parts, at = [], 0
    while (end := text.find(_CLOSES, at)) >= 0:
        start = text.rfind(_OPENS, at, end)
        if start < 0:
            parts.append(text[at : end + len(_CLOSES)])
        else:
            parts += [text[at:start], blank(text[start : end + len(_CLOSES)])]
        at = end + len(_CLOSES)
    return "".join([*parts, text[at:]])
