from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from planagent.reading.text import parse_markdown, plain, slugify


def test_passages_have_github_anchors_and_line_ranges() -> None:
    parsed = parse_markdown("a.md", "intro\n\n# One & Two\ntext\n## `GET /x/{id}`\nmore\n## One & Two\nend")
    assert [(p.anchor, p.start, p.end) for p in parsed.passages] == [
        ("a.md", 1, 2), ("a.md#one--two", 3, 4), ("a.md#get-xid", 5, 6), ("a.md#one--two-1", 7, 8),
    ]  # fmt: skip
    assert parsed.passages[2].trail == ("One & Two", "GET /x/{id}")


def test_a_fence_that_never_closes_does_not_swallow_the_next_heading() -> None:
    parsed = parse_markdown("a.md", "# A\n```\ncode\n\n# B\ntext")
    assert [p.slug for p in parsed.passages] == ["a", "b"]


def test_headings_inside_fences_are_not_headings() -> None:
    parsed = parse_markdown("a.md", "# A\n```sh\n# comment\n```\ntext")
    assert [p.slug for p in parsed.passages] == ["a"]
    assert parsed.lines[2].fence == "sh"


def test_table_rows_know_their_header() -> None:
    parsed = parse_markdown("a.md", "| Name | Type |\n|---|---|\n| `user_id` | text |")
    assert parsed.lines[2].header == ("name", "type")
    assert [plain(c) for c in parsed.lines[2].cells] == ["user_id", "text"]


@given(st.text(alphabet=string.printable + "äß漢字​", max_size=600))
def test_any_text_is_cut_into_passages_that_cover_it_once(text: str) -> None:
    text = text.replace("\r", "").replace("\x0b", "").replace("\x0c", "")
    parsed = parse_markdown("a.md", text)
    covered = [n for p in parsed.passages for n in range(p.start, p.end + 1)]
    assert len(covered) == len(set(covered))
    assert covered == sorted(covered)
    assert len({p.anchor for p in parsed.passages}) == len(parsed.passages)
    assert len(parsed.lines) == len(text.split("\n"))


@given(st.text(max_size=80))
def test_slugs_hold_no_spaces_and_are_stable(heading: str) -> None:
    assert " " not in slugify(heading)
    assert slugify(heading) == slugify(heading)
