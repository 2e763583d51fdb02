"""Answers that come piece by piece: what breaks in their middle, who never ends, who does not stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.simulated_server import Fault, SimulatedServer
from planagent.answers import obj, txt
from planagent.briefs.brief import Brief
from planagent.errors import AnswerError, TransportError
from planagent.ledger import Ledger
from planagent.models.openai_model import OpenAIModel
from planagent.models.protocol import Answer
from planagent.models.response import BrokenStreamError, Pieces
from planagent.settings import load_settings

SAID = {"told": "word " * 200}
BRIEF = Brief("one", "review", (), "Answer with JSON.", "", "Tell.", obj(told=txt()), 2_000)


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with SimulatedServer(edit=lambda value, request: SAID) as found:
        yield found


class Listener:
    def __init__(self) -> None:
        self.begun = 0
        self.text = ""

    def begins(self) -> None:
        self.begun, self.text = self.begun + 1, ""

    def piece(self, text: str) -> None:
        self.text += text


def ask(folder: Path, server: SimulatedServer, **settings: Any) -> tuple[Answer, OpenAIModel, Listener]:
    given = {"model": "m", "api_key": "k", "base_url": server.url, "timeout": 2, "idle_timeout": 1, "retries": 1} | settings
    model, heard = OpenAIModel(load_settings(folder, given), Ledger(folder / ".planagent")), Listener()

    async def once() -> Answer:
        try:
            return await model.answer(BRIEF, heard)
        finally:
            await model.close()

    return asyncio.run(once()), model, heard


def test_an_answer_is_heard_while_it_is_written(server: SimulatedServer, tmp_path: Path) -> None:
    answer, model, heard = ask(tmp_path, server)
    assert answer.value == SAID == json.loads(heard.text)
    assert heard.begun == 1
    assert (model.usage.calls, model.usage.output_tokens) == (1, len(heard.text) // 4)


@pytest.mark.parametrize("kind", ["cut", "error", "stall", "comments"])
def test_a_stream_that_breaks_in_its_middle_is_asked_again(server: SimulatedServer, tmp_path: Path, kind: str) -> None:
    server.script = [Fault(kind, seconds=20.0)]
    answer, model, heard = ask(tmp_path, server)
    assert answer.value == SAID
    assert (model.usage.calls, model.usage.retries, heard.begun) == (2, 1, 2)
    assert json.loads(heard.text) == SAID, "what was heard before is forgotten"


@pytest.mark.parametrize(
    ("kind", "word"), [("cut", "broke off"), ("error", "overloaded"), ("stall", "idle_timeout"), ("comments", "idle_timeout")]
)
def test_one_that_always_breaks_ends_with_a_remedy(server: SimulatedServer, tmp_path: Path, kind: str, word: str) -> None:
    server.script = [Fault(kind, seconds=20.0)] * 4
    with pytest.raises(TransportError) as error:
        ask(tmp_path, server)
    assert word in error.value.message + error.value.remedy
    assert len(server.requests) == 2


def test_a_long_answer_takes_longer_than_the_timeout_as_long_as_it_goes_on(server: SimulatedServer, tmp_path: Path) -> None:
    server.tokens_per_second = 80
    answer, model, _ = ask(tmp_path, server)
    assert answer.value == SAID
    assert server.requests[0].ended - server.requests[0].at > 2
    assert model.usage.retries == 0


def test_one_that_writes_next_to_nothing_is_given_up(server: SimulatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.tokens_per_second = 8
    monkeypatch.setattr("tests.test_streams.BRIEF", Brief("one", "review", (), "s", "", "Tell.", obj(told=txt()), 1))
    with pytest.raises(TransportError):
        ask(tmp_path, server, retries=0)


@pytest.mark.parametrize("lesser", [{"streams": False}, {"refuses_streams": True}])
def test_servers_that_do_not_stream(server: SimulatedServer, tmp_path: Path, lesser: dict[str, Any]) -> None:
    for name, value in lesser.items():
        setattr(server, name, value)
    assert ask(tmp_path, server)[0].value == SAID
    asked = len(server.requests)
    assert ask(tmp_path, server)[0].value == SAID
    assert len(server.requests) == asked + 1, "what a server refuses is remembered"


def test_what_a_server_does_not_count_is_estimated(server: SimulatedServer, tmp_path: Path) -> None:
    server.script = [Fault("odd-usage")]
    _, model, _ = ask(tmp_path, server)
    assert model.usage.input_tokens == BRIEF.size
    assert 150 < model.usage.output_tokens < 300


def event(**value: Any) -> str:
    return "data: " + json.dumps(value)


def delta(**told: Any) -> str:
    return event(model="m", choices=[{"index": 0, "delta": told, "finish_reason": None}])


def test_pieces_of_every_kind() -> None:
    pieces = Pieces()
    told = [
        pieces.take(line)
        for line in (
            ": a comment", "", "event: message", delta(role="assistant", content=""), delta(reasoning_content="hm"), delta(content='{"a":'),
            delta(content=[{"type": "text", "text": "1}"}]), event(choices=[{"delta": {}, "finish_reason": "length"}]),
            event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}), "data: [DONE]",
        )
    ]  # fmt: skip
    assert told == [
        ("", False), ("", False), ("", False), ("", False), ("", True), ('{"a":', True), ("1}", True), ("", False), ("", False), ("", False),
    ]  # fmt: skip
    response = pieces.response()
    assert (response.is_completion, response.text, response.reason, response.model) == (True, '{"a":1}', "length", "m")
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.cached_tokens) == (5, 2, 3)


def test_a_refusal_in_pieces_is_one() -> None:
    pieces = Pieces()
    assert pieces.take(delta(refusal="I can")) == ("", True)
    pieces.take(delta(refusal="not"))
    pieces.take("data: [DONE]")
    assert pieces.response().refused


def test_a_stream_without_an_end_is_broken_and_one_that_is_no_answer_is_shown() -> None:
    pieces = Pieces()
    pieces.take(delta(content="{"))
    with pytest.raises(BrokenStreamError):
        pieces.response()
    other = Pieces()
    other.take('data: {"hello": 1}')
    response = other.response()
    assert not response.is_completion
    assert response.beginning == 'data: {"hello": 1}'
    with pytest.raises(BrokenStreamError, match="too many"):
        other.take(event(error={"message": "too many"}))
    with pytest.raises(BrokenStreamError, match="busy"):
        other.take(event(error="busy"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda v: st.lists(v, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "message", "content", "usage", "finish_reason", "text", "model", "refusal", "x"]), v, max_size=4
    ), max_leaves=12,
)  # fmt: skip


@given(st.lists(_JSON.map(lambda v: "data: " + json.dumps(v)) | st.text(max_size=20), max_size=8))
def test_no_line_of_a_stream_ends_in_an_error_inside(lines: list[str]) -> None:
    pieces = Pieces()
    try:
        for line in lines:
            text, said = pieces.take(line)
            assert said or not text
        assert isinstance(pieces.response().text, str)
    except BrokenStreamError:
        pass


def test_an_answer_that_is_filtered_in_its_middle_is_told(server: SimulatedServer, tmp_path: Path) -> None:
    server.script = [Fault("filter")]
    with pytest.raises(AnswerError) as error:
        ask(tmp_path, server)
    assert error.value.kind == "content_filter"
