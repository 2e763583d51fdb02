"""Documents into units: every line that says anything is in one, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.corpus.markdown import parse_markdown, plain, sentences

_BLOCK = st.sampled_from(
    [
        "# Heading", "## Zweite Überschrift", "A sentence. Another one! A third?", "- item one. And more.", "  - nested `code. here` item",
        "1. WHEN it rains THEN it pours", "| a | b |", "|---|---|", "| 1 | 2 |", "```json", '{"a": 1}', "```", "", "---", "> quoted words",
        "読む。書く。", "<!-- a comment -->", "**FR-001**: must do e.g. this", "text that\ngoes on. Then ends.", "- [ ] box", "***", "\tindented",
    ]
)  # fmt: skip


@given(st.lists(_BLOCK, max_size=25))
@settings(max_examples=300, deadline=None)
def test_every_line_with_words_is_in_a_unit_and_units_have_names_of_their_own(blocks: list[str]) -> None:
    text = "\n".join(blocks)
    parsed = parse_markdown("a.md", text)
    held = {n for u in parsed.units for n in range(u.line, u.end + 1)}
    for number, line in enumerate(text.split("\n"), 1):
        if any(c.isalnum() for c in line):
            assert number in held
    ids = [u.id for u in parsed.units]
    assert len(ids) == len(set(ids))
    assert [u.line for u in parsed.units] == sorted(u.line for u in parsed.units)
    for unit in parsed.units:
        if parsed.passages:
            passage = parsed.passages[unit.passage]
            assert passage.start <= unit.line <= max(passage.end, unit.line)


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_cut_without_a_loss(text: str) -> None:
    spans = list(sentences(text))
    assert all(a < b for a, b in spans)
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))
    kept = "".join("".join(text[a:b].split()) for a, b in spans)
    assert kept == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two. Three.", 3),
        ("Use e.g. PostgreSQL here. Then stop.", 2),
        ("Call `a.b. C` now. Done.", 2),
        ("No. 5 is small", 1),
        ("version 1.2.3 is used", 1),
        ("利用者が選ぶ。確認する。", 2),
        ("Он платит. Она ждёт.", 2),
        ("3. A numbered title", 1),
        ("it ends. but goes on", 1),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(list(sentences(text))) == count


def test_a_long_line_is_many_units() -> None:
    text = "You must build it. " * 50
    units = parse_markdown("a.md", text).units
    assert [u.id for u in units[:3]] == ["L1.1", "L1.2", "L1.3"]
    assert len(units) == 50


def test_kinds_of_lines() -> None:
    text = "---\ntitle: x\n---\n# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```yaml\nkey: 1\n}\n```\n"
    kinds = [(u.id, u.kind) for u in parse_markdown("a.md", text).units]
    assert kinds == [
        ("L1", "mark"), ("L2", "data"), ("L3", "mark"), ("L4", "heading"), ("L6", "header"), ("L7", "mark"), ("L8", "row"), ("L10", "mark"),
        ("L11", "code"), ("L12", "mark"), ("L13", "mark"),
    ]  # fmt: skip


def test_a_sentence_that_runs_over_lines_is_one_unit_with_both() -> None:
    units = parse_markdown("a.md", "It must hold\nfive boats. It sinks.\n").units
    assert [(u.id, u.end, u.text) for u in units] == [("L1", 2, "It must hold five boats."), ("L2", 2, "It sinks.")]


def test_an_open_fence_does_not_swallow_the_document() -> None:
    text = "# A\n\n```\nopen\n\n## B\n\nIt must hold.\n"
    parsed = parse_markdown("a.md", text)
    assert [p.slug for p in parsed.passages] == ["a", "b"]
    assert [u.kind for u in parsed.units if u.line == 8] == ["text"]


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("`__init__.py` and [model]_spec.rb", "__init__.py and [model]_spec.rb"), ("app/_header.html.erb", "app/_header.html.erb"),
        ("'**', '*.{rb,yml}'", "'**', '*.{rb,yml}'"), ("**bold**, _it_ and __both__.", "bold, it and both."), ("[a](http://x/y) b", "a b"),
        ("<!-- x --> y", "y"), ("snake_case stays", "snake_case stays"),
    ],
)  # fmt: skip
def test_marks_of_emphasis_go_and_those_of_names_stay(told: str, seen: str) -> None:
    assert plain(told) == seen
