"""The lines that a fact rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.model import Corpus, Evidence
from planagent.planning.outline import make_outline
from planagent.planning.parts import inputs
from planagent.reading.corpus import read_corpus
from planagent.reading.excerpts import excerpts
from planagent.reading.text import content_digest, starred
from planagent.writing.rules import write_all

TEXT = """# API of a FastAPI backend

Words before
the first list.
- one
  goes on
  - deeper
- two

| a | b |
|---|---|
| 1 | 2 |
| 3 | 4 |

```env
KEY=1

OTHER=2
```

## Sub

Below.

### GET /things

Gives things.

#### Errors

404 when there is none.

### GET /others

Gives others.
"""


@pytest.fixture
def corpus(project: Callable[[dict[str, str]], Path]) -> Corpus:
    return read_corpus(project({"specs/a.md": TEXT}))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (3, "Words before\nthe first list."),
        (4, "Words before\nthe first list."),
        (5, "- one\n  goes on\n  - deeper"),
        (6, "- one\n  goes on\n  - deeper"),
        (8, "- two"),
        (12, "| 1 | 2 |"),
        (17, "```env\nKEY=1\n\nOTHER=2\n```"),
        (23, "Below."),
        (25, "### GET /things\n\nGives things."),
    ],
)
def test_a_line_stands_for_its_block(corpus: Corpus, line: int, expected: str) -> None:
    assert [e.text for e in excerpts(corpus, [Evidence("specs/a.md", line)])] == [expected]


def test_a_heading_of_an_endpoint_stands_for_its_sub_passages_and_no_more(corpus: Corpus) -> None:
    found = excerpts(corpus, [Evidence("specs/a.md", 25)], deep=True)
    assert "404 when there is none." in found[0].text
    assert "GET /others" not in found[0].text


def test_what_lies_within_another_is_left_out(corpus: Corpus) -> None:
    places = [Evidence("specs/a.md", 27), Evidence("specs/a.md", 25), Evidence("specs/a.md", 25)]
    assert [(e.start, e.end) for e in excerpts(corpus, places)] == [(25, 28)]
    assert excerpts(corpus, [Evidence("gone.md", 1), Evidence("specs/a.md", 4000)]) == ()


@given(st.integers(1, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_every_excerpt_holds_its_line_and_stays_within_the_document(line: int, more: int) -> None:
    corpus = _CORPUS
    for excerpt in excerpts(corpus, [Evidence("specs/backend/api.md", line, line + more)]):
        document = corpus.document("specs/backend/api.md")
        assert document is not None
        assert 1 <= excerpt.start <= line <= len(document.lines)
        assert excerpt.end <= len(document.lines)
        assert excerpt.text == "\n".join(document.lines[excerpt.start - 1 : excerpt.end]).strip()


_CORPUS = read_corpus(Path(__file__).resolve().parents[1])


def test_the_material_of_parts_is_the_same_whatever_lines_they_stand_in(
    project: Callable[[dict[str, str]], Path],
) -> None:
    root = project({"specs/a.md": TEXT})

    def made() -> dict[int, str]:
        outline = make_outline(read_corpus(root))
        return {n: inputs(outline, n, d) for n, d in write_all(outline).items()}

    before = made()
    (root / "specs" / "a.md").write_text(TEXT.replace("# API of", "\n\n\n# API of").replace("\n- ", "\n*  "))
    assert made() == before
    (root / "specs" / "a.md").write_text(
        TEXT.replace("404 when there is none.", "404 when there is none, 409 when locked.")
    )
    assert made()[5] != before[5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__Rules:__ a", "**Rules:** a"),
        ("__Two words__", "**Two words**"),
        ("__401__ and __名稱__", "**401** and **名稱**"),
        ("`__init__` and __init__.py and a__b__c", "`__init__` and __init__.py and a__b__c"),
        ("__a__ stays, being a name", "__a__ stays, being a name"),
    ],
)
def test_underscores_of_emphasis_become_stars(text: str, expected: str) -> None:
    assert starred(text) == expected


@given(st.text(alphabet="ab_ *\n-", max_size=60))
def test_starring_keeps_lines_and_content(text: str) -> None:
    assert starred(text).count("\n") == text.count("\n")
    assert content_digest(starred(text).replace("*", " ").replace("_", " ")) == content_digest(
        text.replace("*", " ").replace("_", " ")
    )
