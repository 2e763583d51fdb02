"""Accepted answers are kept under what they rest on, survive what happens to their file, and go when nobody wants them."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.errors import WorkspaceError
from planagent.files import sha256
from planagent.ledger import KEPT_RUNS, Ledger

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8
)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def ledger(tmp_path: Path, told: list[str]) -> Ledger:
    return Ledger(tmp_path / "state", told.append)


def changed(path: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, values)


def file_of(tmp_path: Path) -> Path:
    [found] = [p for p in (tmp_path / "state").iterdir() if p.suffix == ".db"]
    return found


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_a_key_is_of_all_its_parts_and_of_nothing_else(one: list[object], other: list[object]) -> None:
    assert (Ledger.key(*one) == Ledger.key(*other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))
    assert Ledger.key(*one) != Ledger.key(*one, "more")
    assert Ledger.key({"a": 1, "b": one}) == Ledger.key({"b": one, "a": 1})
    assert len(Ledger.key(*one)) == 64


def test_different_parts_have_different_keys() -> None:
    parts: list[tuple[object, ...]] = [
        (),
        ("",),
        ("a", "b"),
        ("ab",),
        (["a", "b"],),
        ("b", "a"),
        (1,),
        ("1",),
        ({"a": "é"},),
        ({"a": "e"},),
        (None,),
    ]
    assert len({Ledger.key(*p) for p in parts}) == len(parts)


def test_what_is_put_is_found_and_nothing_more(ledger: Ledger) -> None:
    assert ledger.get(["a"]) == {}
    many = {f"k{n}": {"n": n, "word": "é 訂"} for n in range(1_200)}
    ledger.put(many)
    assert ledger.get([*many, "other"]) == many
    ledger.put({"k1": {"n": "new"}})
    assert ledger.get(["k1", "k2"]) == {"k1": {"n": "new"}, "k2": many["k2"]}
    assert ledger.get([]) == {}


def test_another_process_finds_it_and_only_its_owner_reads_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.put({"a": {"x": 1}})
    ledger.close()
    assert Ledger(tmp_path / "state").get(["a"]) == {"a": {"x": 1}}
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ["no json", "[1]", '"text"', "7"])
def test_a_damaged_answer_or_note_counts_as_unknown(ledger: Ledger, tmp_path: Path, value: str) -> None:
    ledger.put({"a": {"x": 1}, "b": {"x": 2}})
    ledger.note("host one", {"n": 1})
    ledger.note("host two", {"n": 2})
    ledger.close()
    changed(file_of(tmp_path), "UPDATE answers SET value = ? WHERE key = 'a'", value)
    changed(file_of(tmp_path), "UPDATE notes SET value = ? WHERE name = 'host one'", value)
    again = Ledger(tmp_path / "state")
    assert again.get(["a", "b"]) == {"b": {"x": 2}}
    assert again.noted("host one") == {}
    assert again.notes("host ") == {"two": {"n": 2}}


def test_notes_are_found_by_their_beginning_and_forgotten_together(ledger: Ledger) -> None:
    assert ledger.notes("host ") == {}
    assert ledger.noted("server") == {}
    ledger.forget_notes("host ")
    ledger.note("host a", {"n": 1})
    ledger.note("hosta", {"n": 3})
    ledger.note("server", {"slots": 2})
    ledger.note("server", {"slots": 4})
    assert ledger.notes("host ") == {"a": {"n": 1}}
    assert ledger.noted("server") == {"slots": 4}
    ledger.forget_notes("host ")
    assert ledger.notes("host ") == {}
    assert ledger.noted("hosta") == {"n": 3}


def test_what_no_run_had_a_use_for_is_forgotten(tmp_path: Path) -> None:
    def run(*wanted: str) -> dict[str, object]:
        ledger = Ledger(tmp_path / "state")
        ledger.used(wanted)
        found: dict[str, object] = {**ledger.get(["kept", "left"])}
        ledger.close()
        return found

    first = Ledger(tmp_path / "state")
    first.put({"kept": {"x": 1}, "left": {"x": 2}})
    first.used(["kept", "left"])
    first.close()
    for _ in range(KEPT_RUNS):
        assert set(run("kept")) == {"kept", "left"}
    assert set(run("kept")) == {"kept"}
    assert set(run("kept")) == {"kept"}


def test_a_run_that_did_not_reach_its_end_ages_nothing(tmp_path: Path) -> None:
    for _ in range(KEPT_RUNS + 3):
        ledger = Ledger(tmp_path / "state")
        ledger.put({"mine": {"x": 1}})
        ledger.close()
    other = Ledger(tmp_path / "state")
    other.used([])
    assert other.get(["mine"])


def test_a_damaged_file_is_put_aside_with_a_word(ledger: Ledger, tmp_path: Path, told: list[str]) -> None:
    ledger.put({"a": {"x": 1}})
    ledger.close()
    path = file_of(tmp_path)
    path.write_bytes(b"no database at all" * 100)
    again = Ledger(tmp_path / "state", told.append)
    assert again.get(["a"]) == {}
    again.put({"b": {"x": 2}})
    assert again.get(["b"]) == {"b": {"x": 2}}
    assert any("put aside" in t for t in told)
    assert path.with_suffix(".damaged").read_bytes().startswith(b"no database")


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file stands here")
    with pytest.raises(WorkspaceError) as error:
        Ledger(tmp_path / "state").put({"a": {}})
    assert "cannot be used" in error.value.message
    assert "deleted" in error.value.remedy


def test_a_key_is_the_same_for_all_scripts_and_values(tmp_path: Path) -> None:
    """Pinned: another way to write it would ask for everything again."""
    assert Ledger.key("ключ", {"b": 1, "a": Path("x")})[:16] == sha256(b'["\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87", {"a": "x", "b": 1}]')[:16]


def test_more_answers_than_one_question_holds_are_found(ledger: Ledger) -> None:
    answers = {f"k{n}": {"n": n} for n in range(1_203)}
    ledger.put(answers)
    assert ledger.get(answers) == answers
    assert ledger.get([]) == {}


def test_a_ledger_is_made_with_the_folders_above_it_and_closes_twice(tmp_path: Path) -> None:
    deep = Ledger(tmp_path / "a" / "b", lambda _: None)
    assert deep.get(["k"]) == {}
    assert not (tmp_path / "a").exists(), "nobody looks into what is not there"
    deep.put({"k": {"said": "снова"}})
    deep.close()
    deep.close()
    [file] = [p for p in (tmp_path / "a" / "b").iterdir() if p.suffix == ".db"]
    assert "снова".encode() in file.read_bytes()
    assert deep.get(["k"]) == {"k": {"said": "снова"}}
