"""The model's pass over the specs: a claim counts only when its quotes stand where it says they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import Fault, Request, SimulatedServer
from planagent import tokens
from planagent.cli import run
from planagent.deep import find_quote, make_briefs, verified
from planagent.model import Corpus, Document
from planagent.planning.briefs import SMALL, Shape

TRUE = {
    "kind": "conflict",
    "message": "The list's name may have 80 characters in the table and is unbounded on the page.",
    "quotes": [
        {
            "path": "specs/backend/database.md",
            "text": "| name | varchar(80) | NOT NULL | unique for each owner |",
        },
        {"path": "specs/backend/errors.md", "text": "`message` is **safe** to show to a user"},
    ],
}
FALSE = {
    **TRUE,
    "quotes": [TRUE["quotes"][0], {"path": "specs/backend/errors.md", "text": "names have 120 characters"}],
}


def told(*claims: Any) -> Any:
    return lambda _value, _request: {"claims": list(claims)}


def conflicts(capsys: pytest.CaptureFixture[str], workspace: Path, *more: str) -> list[dict[str, Any]]:
    code = run(["facts", "--conflicts", "--deep", "-w", str(workspace), "--json", *more])
    assert code == 0
    found = json.loads(capsys.readouterr().out)["conflicts"]
    return [c for c in found if c["by"] == "model"]


def test_true_claims_are_added_with_their_lines(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.edit = told(
        TRUE,
        FALSE,
        {**TRUE, "quotes": TRUE["quotes"][:1]},
        {"kind": "opinion", "message": "Ugly names.", "quotes": []},
        "noise",
    )
    (found,) = conflicts(capsys, workspace)
    lines = (workspace / "specs/backend/database.md").read_text(encoding="utf-8").split("\n")
    place = found["evidence"][0]
    assert place["file"] == "specs/backend/database.md"
    assert "varchar(80)" in lines[place["line"] - 1]
    assert found["message"] == TRUE["message"]
    # Said twice it is one claim, and asked again it costs no call.
    before = len(server.requests)
    assert conflicts(capsys, workspace) == [found]
    assert len(server.requests) == before


def test_what_is_known_already_is_not_said_again(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["facts", "--conflicts", "-w", str(workspace), "--json"])
    known = json.loads(capsys.readouterr().out)["conflicts"]
    twofold = next(c for c in known if c["kind"] == "conflict" and len(c["evidence"]) > 1)
    quotes = []
    for place in twofold["evidence"][:2]:
        line = (workspace / place["file"]).read_text(encoding="utf-8").split("\n")[place["line"] - 1]
        quotes.append({"path": place["file"], "text": line})
    server.edit = told(
        {"kind": "conflict", "message": "Two places that disagree, once more.", "quotes": quotes}
    )
    assert conflicts(capsys, workspace) == []


@pytest.mark.parametrize("kind", ["garbage", "empty", "half", "length"])
def test_a_damaged_answer_adds_nothing(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    server.script = [Fault(kind)]
    server.edit = told(TRUE)
    assert conflicts(capsys, workspace) == []


def test_a_model_is_needed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["facts", "--deep", "-w", str(workspace)]) == 2
    assert "needs a model" in capsys.readouterr().err


def test_a_secret_in_a_claim_is_masked(sample_corpus: Corpus) -> None:
    secret = "npg_" + "a8f3k2l9q0z7"
    (found,) = verified(
        [{**TRUE, "message": f"The key is {secret} here and missing there."}], sample_corpus, []
    )
    assert secret not in found.message


@pytest.mark.parametrize(
    ("quote", "line"),
    [
        ("Tokens are signed with HS256 and the secret", 1),
        ("tokens  are SIGNED with `HS256`", 1),
        ("and the secret in `KEY`. It never expires", 1),  # over two lines
        ("It never", 0),  # too short to prove anything
        ("Tokens are signed with RS256 and the secret", 0),
        ("", 0),
    ],
)
def test_a_quote_is_found_where_its_words_stand(quote: str, line: int) -> None:
    document = Document(
        "a.md",
        "backend",
        "",
        "- **Tokens** are signed with HS256 and the secret\n  in `KEY`. It never expires.\n",
        "",
    )
    found = find_quote(document, quote)
    assert (found.line if found else 0) == line


def test_windows_hold_every_passage_within_their_bound(sample_corpus: Corpus) -> None:
    whole = list(make_briefs(sample_corpus, Shape()))
    assert len(whole) == 1
    small = list(make_briefs(sample_corpus, SMALL))
    assert len(small) > 2
    text = "".join(b.request for b in small)
    for document in sample_corpus.read:
        for passage in document.passages:
            assert passage.text[:200] in text
    assert all(tokens.count(b.request) < 4000 for b in small)


def test_the_request_names_what_is_known_and_orders_nothing_else(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Request] = []

    def keep(_: Any, request: Request) -> Any:
        asked.append(request)
        return {"claims": []}

    server.edit = keep
    conflicts(capsys, workspace)
    assert "Known already" in asked[0].prompt
    assert "word for word" in asked[0].prompt
