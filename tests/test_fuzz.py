"""Documents that nobody would write: no crash, no damaged plan. Longer runs: `python -m bench.fuzz`, `bench.growth`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz import FRAGMENTS, corpus_case, mutate, plan_case, seeds
from planagent.files import decode
from planagent.reading.assemble import LONGEST_LINE
from planagent.reading.corpus import read_corpus
from planagent.reading.openapi import read_openapi
from planagent.reading.text import parse_markdown

PIECES = st.sampled_from(
    [
        "# A heading", "Over two\nlines\n===", "### GET /api/tasks/{id}", "- **FR-001**: System MUST store a title of 1-80 characters", "```python", "```", "~~~",
        "| Column | Type |\n|---|---|", "| id | integer |", "- `PATCH /api/x` answers 204, 409", "**Status Codes:**", "- 404: gone", "class Task(SQLModel, table=True):",
        "    id: int = Field(primary_key=True)", "## Key Entities", "- **Task**: , a thing", "DATABASE_URL=postgresql://a:b@c/d", "FastAPI and SQLModel on PostgreSQL",
        "openapi: 3.0.0", "paths:", "  /a/{b}:", "    get:", "      responses: {'200': {description: ok}}", "<!--", "-->", "```json", '{"a": [', "系統必須驗證權杖", "\x00\x85\u2028", "> q", "1. a",
    ]
)  # fmt: skip
# As a document's text is after decoding: its lines end in LF.
TEXTS = (
    st.lists(st.one_of(PIECES, st.text(max_size=60)), max_size=40)
    .map("\n".join)
    .map(lambda text: decode(text.encode("utf-8", "replace"))[0])
)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_corpus_gives_a_plan_that_reads_back_or_a_clear_refusal(texts: list[str]) -> None:
    corpus_case([t.encode("utf-8", "surrogatepass") for t in texts])


@SLOW
@given(st.binary(max_size=400), st.integers(0, 40), st.sampled_from(FRAGMENTS))
def test_any_bytes_are_read_as_a_plan_or_refused(data: bytes, times: int, piece: bytes) -> None:
    plan_case(data + piece * times + data)


@SLOW
@given(TEXTS)
def test_passages_cover_the_document_in_order(text: str) -> None:
    parsed = parse_markdown("a.md", text)
    ends = 0
    for passage in parsed.passages:
        assert ends < passage.start <= passage.end <= text.count("\n") + 1
        ends = passage.end
    assert len({p.anchor for p in parsed.passages}) == len(parsed.passages)


@SLOW
@given(TEXTS)
def test_any_text_is_read_as_openapi_or_not(text: str) -> None:
    described = read_openapi("a.yaml", text)
    assert all(1 <= m.line.number <= text.count("\n") + 1 for m in described.mentions)


def test_mutations_of_real_specs_do_no_harm() -> None:
    chance = random.Random(20)  # noqa: S311
    known = seeds()
    for _ in range(25):
        corpus_case([mutate(chance.choice(known)[1], chance, known) for _ in range(2)])


@pytest.mark.parametrize(
    "piece", [b"A", b"GET /a ", b"API_KEY=abc ", b"<!--", b"\r\n\r", b"### GET /a/{b}\n", b"_", b"| a "]
)
def test_one_piece_without_end_is_survived(piece: bytes) -> None:
    document = b"# API\n\n### GET /api/tasks\n\n" + piece * (60_000 // len(piece))
    corpus_case([document])
    plan_case(document)


@pytest.mark.parametrize(
    "text",
    [
        # Each was found by the fuzzer and raised something once.
        "# Data\n\n## Key Entities\n\n### Task\n\n- **id**: , unique\n- **title**: text\n",
        "# API\n\n### GET /tasks\n\nA heading that runs\nover two lines\n---\n\n- **FR-001**: System MUST store a task.\n",
        "# API\n\n### POST /" + "a" * 5000 + "\n\nFastAPI\n",
    ],
)
def test_what_the_fuzzer_found_stays_mended(text: str) -> None:
    corpus_case([text.encode()])


def test_an_overlong_line_is_cut_and_said(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "api.md").write_text(
        "# API\n\nGET /tasks " + "x" * (LONGEST_LINE + 5) + "\n", encoding="utf-8"
    )
    corpus = read_corpus(tmp_path)
    assert any("were cut" in w for w in corpus.warnings)
    assert max(map(len, corpus.documents[0].lines)) == LONGEST_LINE
