"""Exact tokens: what must not change when a thing is said in other words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.statements.tokens import Said, Token, exact_tokens, numbers


def texts(text: str) -> list[str]:
    return [t.text for t in exact_tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry 3 times with 10 minutes between", ["3", "10"]),
        ("via `POST /pay/{id}/refunds` with `amount_cents`; answers 201.", ["POST", "/pay/{id}/refunds", "amount_cents", "201"]),
        ("and/or read-only on-call e-mail e.g. this", []),
        ("Node.js 20 in eu-central-1, 99.9% within 300s", ["Node.js", "20", "eu-central-1", "99.9", "300"]),
        ("エラー「貸出中です」を表示 30日", ["貸出中です", "30"]),
        ("КОГДА оплачен ТОГДА вернуть 409", ["409"]),
        ('reason "overlap" is given', ["overlap"]),
        ("`books(first, after)` pages", ["books", "first", "after"]),
        ("3-5 May, 30-day term", ["3", "5", "30"]),
        ("orders.created goes to [a link](https://a.example/x)", ["orders.created"]),
        ("A plain sentence about Redis and nothing else", []),
    ],
)
def test_what_is_exact(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set base=https://a.example/x=1 there", [("path", "https://a.example/x=1")]),
        ("set base_url=https://a.example/x?y=1 there", [("name", "base_url"), ("path", "https://a.example/x?y=1")]),
        ("see https://a.example/?to=https://b.example now", [("path", "https://a.example/?to=https://b.example")]),
        ("see /go?to=https://b.example now", [("path", "/go?to=https://b.example")]),
        ("TypeORM-related work", [("name", "TypeORM")]),
        ("between 3/4 and maxRetries=5", [("number", "3"), ("number", "4"), ("name", "maxRetries"), ("number", "5")]),
        ("a/b.c and 1a/b.c", [("path", "a/b.c"), ("number", "1")]),
        ("`(amount)`, `'x1',` and `{id}`", [("code", "amount"), ("name", "x1"), ("code", "id")]),
    ],
)
def test_tokens_have_their_kinds(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(t.kind, t.text) for t in exact_tokens(text)] == expected


def test_a_token_is_found_in_other_marks() -> None:
    said = Said(["It answers **201** at `/pay/:id/refunds`, with the code Already_Lent, and 1,000 rows."])
    for token in (
        Token("number", "201"),
        Token("path", "/pay/{payment_id}/refunds"),
        Token("code", "already_lent"),
        Token("number", "1000"),
    ):
        assert said.has(token)
    assert not said.has(Token("number", "20"))
    assert not said.has(Token("name", "Already_Len"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("三点まで", "3"),
        ("五年間", "5"),
        ("三十二", "32"),
        ("２０件", "20"),
        ("100 000 rows", "100000"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("三百五", "305"),
        ("四千", "4000"),
        ("一万二千", "12000"),
        ("三万", "30000"),
        ("一億", "100000000"),
        ("二千万", "20000000"),
        ("两百", "200"),
        ("10,000 rows", "10000"),
        ("1.5 s", "1.5"),
        ("8:30", "8:30"),
        ("1_000_000", "1000000"),
        ("５０", "50"),
        ("3,5", "3"),
    ],
)
def test_numbers_of_any_script(text: str, number: str) -> None:
    assert number in numbers(text)


@pytest.mark.parametrize("text", ["FR-2", "v1", "utf_8", "a.3"])
def test_a_digit_of_a_name_is_no_number(text: str) -> None:
    assert not numbers(text) & {"1", "2", "8"}


@given(st.text(max_size=200))
@settings(max_examples=400, deadline=None)
def test_a_text_says_its_own_tokens(text: str) -> None:
    said = Said([text])
    assert all(said.has(t) for t in exact_tokens(text) if t.kind != "quote")


def test_a_name_in_a_word_of_ones_own_is_still_the_name() -> None:
    assert {t.text for t in exact_tokens("All TypeORM-related code and a non-GraphQL answer")} == {"TypeORM", "GraphQL"}
    assert {t.text for t in exact_tokens("utf-8 and FR-001-b")} == {"utf-8", "FR-001-b"}
    assert "f" not in {t.text for t in exact_tokens("Run `rm -f old.txt`")}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("四千五百六十七", "4567"),
        ("九万八千", "98000"),
        ("十二万三千四百", "123400"),
        ("万", "10000"),
        ("一億二千万", "120000000"),
        ("百一", "101"),
        ("千", "1000"),
        ("八九", "89"),
    ],
)
def test_numbers_in_words_of_han_are_numbers(text: str, number: str) -> None:
    assert number in numbers(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`is_open(), two`", [("name", "is_open"), ("code", "two")]),
        ("`ab` `-f` `{cd}`", [("code", "ab"), ("code", "cd")]),
        ("`/boats?size=2&sort=name`", [("path", "/boats?size=2&sort=name")]),
        ("`https://a.example/x(1)/y`", [("path", "https://a.example/x(1)/y")]),
        ("`size=20`", [("code", "size"), ("number", "20")]),
        ('"two words" and 3', [("quote", "two words"), ("number", "3")]),
        ("snake_case in v1.2.3", [("name", "snake_case"), ("name", "v1.2.3")]),
    ],
)
def test_each_token_has_its_kind(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(t.kind, t.text) for t in exact_tokens(text)] == expected
