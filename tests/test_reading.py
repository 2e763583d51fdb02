"""The first stage: an account is whole or refused, nothing is added, nothing is lost, and what is known stays known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.briefs.brief import HOST, Record
from planagent.briefs.read import ReadStage
from planagent.briefs.read_answer import ReadPart, _numbers, keep_keys
from planagent.corpus.markdown import parse_markdown
from planagent.corpus.read import read_corpus
from planagent.model import Corpus, Document, Unit
from planagent.statements.merge import assemble, seen_conflicts
from planagent.statements.proof import accounts, added, claimants, coined, lost, open_units
from planagent.statements.statement import REASONS, Dismissal, Reading, Statement

Project = Callable[[dict[str, str]], Path]

SPEC = """# Berths

Sailing is fun.

- **FR-1**: A guest MUST book by `POST /berths/{id}/bookings`; answers 201.
- **FR-2**: A berth has at most 2 bookings a day, otherwise 409.
"""


def corpus_of_text(text: str, path: str = "specs/a.md") -> Corpus:
    parsed = parse_markdown(path, text)
    return Corpus("x", (Document(path, "spec", "", text, "d", passages=tuple(parsed.passages), units=tuple(parsed.units)),))


def statement(at: str, says: str = "", **more: Any) -> dict[str, Any]:
    return {
        "kind": "rule",
        "modality": "must",
        "at": at,
        "name": "",
        "says": says,
        "facts": [],
        "left_out": [],
        "component": "",
        "key": "",
        **more,
    }


def answer(*statements: dict[str, Any], dismissed: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {"statements": list(statements), "dismissed": dismissed or [], "rejected": []}


GOOD = answer(
    statement("2", "A guest books a berth.", kind="operation", name="POST /berths/{id}/bookings", facts=["transport=http", "status=201"]),
    statement("3", "Refused with 409 at 2 bookings of a day."),
    dismissed=[{"at": "1", "why": "context", "of": ""}],
)


def accept(stage: ReadStage, value: Any, known: Mapping[str, Record] | None = None) -> tuple[dict[str, Record], list[str]]:
    known = known or {}
    parts = [p for p in stage.parts if p.key not in known or not stage.whole(p, known[p.key])]
    outcome = stage.accept(parts, value, known)
    return {**known, **outcome.records}, [f"{f.rule} {f.message}" for f in outcome.findings]


def reading_of(stage: ReadStage, records: Mapping[str, Record]) -> Reading:
    return assemble(stage.corpus, *stage.statements(records))


def test_a_whole_answer_is_a_whole_account() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    records, findings = accept(stage, GOOD)
    assert not findings
    assert all(stage.whole(p, records[p.key]) for p in stage.parts)
    reading = reading_of(stage, records)
    assert not open_units(stage.corpus, reading)
    operation = next(s for s in reading.statements if s.kind == "operation")
    assert operation.labels == ("FR-1",)
    assert operation.fact("status") == ("201",)
    assert {s.key for s in reading.statements} == {"post-berths-id-bookings", "fr-2"}


def test_what_is_left_out_is_asked_again_alone() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    partial = answer(statement("3", "Refused with 409 at 2 bookings of a day."))
    records, _ = accept(stage, partial)
    again = stage.brief(list(stage.parts), records, HOST)
    assert "Account for these numbers: 1, 2." in again.request
    assert "[3] **FR-2**" in again.request, "what stands around it is shown, and may be cited"
    records, findings = accept(stage, answer(GOOD["statements"][0], dismissed=GOOD["dismissed"]), records)
    assert not findings
    assert not open_units(stage.corpus, reading_of(stage, records))


def test_an_added_token_is_refused() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    records, findings = accept(stage, answer(statement("3", "Refused with 418 at 2 bookings, not 409.")))
    assert any("418" in f and f.startswith("PA408") for f in findings)
    assert not reading_of(stage, records).statements


def test_a_lost_token_is_refused_and_named() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    records, findings = accept(stage, answer(statement("3", "Too many bookings are refused with 409.")))
    assert any("`2`" in f and f.startswith("PA505") for f in findings)
    assert open_units(stage.corpus, reading_of(stage, records))
    records, findings = accept(stage, answer(statement("3", "Too many bookings are refused with 409.", left_out=["2"])))
    assert not any(f.startswith("PA505") for f in findings)


def test_a_lazy_dismissal_is_asked_again_once_and_then_counts() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    lazy = answer(dismissed=[{"at": "1-3", "why": "context", "of": ""}])
    records, findings = accept(stage, lazy)
    assert sum(f.startswith("PA506") for f in findings) == 2
    records, findings = accept(stage, answer(dismissed=[{"at": "2-3", "why": "context", "of": ""}]), records)
    assert not findings
    reading = reading_of(stage, records)
    assert not open_units(stage.corpus, reading)
    assert any(d.doubted for d in reading.dismissed)


def test_a_requirement_is_not_an_order_without_a_second_look() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    records, findings = accept(stage, answer(dismissed=[{"at": "1", "why": "context"}, {"at": "2-3", "why": "instruction"}]))
    assert sum(f.startswith("PA506") for f in findings) == 2
    _, findings = accept(stage, answer(dismissed=[{"at": "2-3", "why": "instruction", "of": "tells a planner what to plan"}]), records)
    assert not findings


def test_a_dismissal_with_its_reason_in_words_is_not_asked_again() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    said = [{"at": "1", "why": "context"}, {"at": "2-3", "why": "frontend", "of": "the page's own limit"}]
    records, findings = accept(stage, answer(dismissed=said))
    assert not findings
    assert [d.of for d in reading_of(stage, records).dismissed if d.reason == "frontend"] == ["the page's own limit"]


def test_a_later_answer_may_rest_on_lines_that_have_their_account() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    records, _ = accept(stage, answer(statement("3", "Refused with 409 at 2 bookings of a day.")))
    both = statement(
        "2-3", "A guest books, 2 at most, else 409.", kind="operation", name="POST /berths/{id}/bookings", facts=["status=201"]
    )
    again = statement("3", "Said again with 418.")
    records, findings = accept(stage, answer(both, again, dismissed=GOOD["dismissed"]), records)
    assert not findings
    reading = reading_of(stage, records)
    assert not open_units(stage.corpus, reading)
    assert len(reading.statements) == 2
    assert len(next(s for s in reading.statements if s.kind == "operation").units) == 2


def test_numbers_may_come_as_lists_and_ranges_and_nonsense_is_no_crash() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    for at in ([2], ["2"], "2", 2, "2–2", "[2]"):
        entry = GOOD["statements"][0] | {"at": at}
        assert not [f for f in accept(stage, answer(entry))[1] if "names no line" in f]
    nonsenses: list[Any] = [
        None, [], "x", {"statements": "no"}, {"statements": [1, None, {"at": {}}]}, {"dismissed": [{"at": "9-99999999"}]},
    ]  # fmt: skip
    for nonsense in nonsenses:
        records, _ = accept(stage, nonsense)
        assert open_units(stage.corpus, reading_of(stage, records))


def test_moved_and_renamed_passages_are_known(project: Project) -> None:
    one = ReadStage(corpus_of_text(SPEC))
    other = ReadStage(corpus_of_text("# Before\n\nNothing.\n\n" + SPEC, "specs/renamed.md"))
    before = {str(p.material) for p in one.parts}
    assert before <= {str(p.material) for p in other.parts}


def test_an_edited_passage_keeps_its_keys() -> None:
    former = {"specs/a.md#berths": {"statements": [{"key": "kept-key", "kind": "rule", "name": "", "says": "At most two."}]}}
    stage = ReadStage(corpus_of_text(SPEC), former)
    assert "kept-key" in stage.brief(list(stage.parts), {}, HOST).request
    records, _ = accept(
        stage, answer(statement("3", "Refused with 409 at 2 bookings.", key="kept-key"), statement("2", "x", key="made-up"))
    )
    keys = {s.key for s in reading_of(stage, records).statements}
    assert "kept-key" in keys
    assert "made-up" not in keys


def test_two_documents_that_say_one_thing_are_one_statement_with_two_places(project: Project) -> None:
    path = project({"specs/a.md": "# A\n\n- `GET /boats/{id}` answers 200\n", "specs/b.md": "# B\n\n- `GET /boats/:boatId` answers 404\n"})
    stage = ReadStage(read_corpus(path))
    facts = [["status=200"], ["status=404"]]
    names = ["GET /boats/{id}", "GET /boats/:boatId"]
    value = answer(*(statement(str(n + 1), "One boat.", kind="operation", name=names[n], facts=facts[n]) for n in range(2)))
    records, findings = accept(stage, value)
    assert not findings
    [one] = reading_of(stage, records).statements
    assert {f for f, _ in one.units} == {"specs/a.md", "specs/b.md"}
    assert one.fact("status") == ("200", "404")


def test_conflicts_that_form_alone_shows() -> None:
    def operation(name: str, **more: Any) -> Statement:
        return Statement(name, "operation", "must", "", (), name, **more)

    reading = Reading(
        (
            operation("GET /api/tasks"),
            operation("GET /tasks"),
            operation("POST /x", facts=(("security", "none"), ("security", "token"))),
            Statement("a", "technology", "must", "", (), "Docker"),
            Statement("b", "technology", "must-not", "", (), "Docker"),
        ),
        (),
    )
    told = " ".join(t for t, _ in seen_conflicts(reading))
    assert "two paths" in told
    assert "security is none and token" in told
    assert "wanted and forbidden" in told


def test_a_definition_can_be_taken_back(project: Project) -> None:
    path = project({"specs/a.graphql": "type Query { a: Int }\n", "specs/a.md": "# A\n\nThe query is gone.\n"})
    stage = ReadStage(read_corpus(path))
    value = answer(dismissed=[{"at": "1", "why": "context", "of": ""}]) | {"rejected": [{"name": "Query.a", "why": "superseded"}]}
    records, findings = accept(stage, value)
    reading = reading_of(stage, records)
    assert not findings
    assert not reading.statements
    assert not open_units(stage.corpus, reading)


_TEXTS = st.lists(
    st.sampled_from(["It MUST hold 5.", "Plain words.", "`a_b` is 7 or 9.", "- item `GET /x/{id}`", "読む。三点まで。", "# Head"]),
    min_size=1,
    max_size=8,
)


@given(_TEXTS, st.data())
@settings(max_examples=200, deadline=None)
def test_any_account_over_any_text_is_whole_or_refused(blocks: list[str], data: st.DataObject) -> None:
    """However an answer is made: what it does not account for stays open, and what counts adds and loses nothing."""
    corpus = corpus_of_text("\n\n".join(blocks))
    stage = ReadStage(corpus)
    numbers = st.integers(0, 12)
    says = st.sampled_from(["holds 5", "`a_b` 7 9", "nothing exact", "999", "GET /x/{id}", "三", "3"])
    statements = data.draw(st.lists(st.builds(lambda n, t: statement(str(n), t), numbers, says), max_size=6))
    dismissed = data.draw(
        st.lists(st.builds(lambda n, w: {"at": str(n), "why": w, "of": ""}, numbers, st.sampled_from([*REASONS, "no"])), max_size=6)
    )
    records, _ = accept(stage, answer(*statements, dismissed=dismissed))
    reading = reading_of(stage, records)
    for one in reading.statements:
        assert not added(one, corpus)
        for ref in one.units:
            unit = corpus.unit(*ref)
            assert unit is not None
            assert not lost(unit, [s for s in reading.statements if ref in s.units])
    assert all(p.key in records for p in stage.parts)
    # What a refused statement rests on is asked for once more, though something else accounts for it.
    refused = {p.payload.refs[i] for p in stage.parts for i in records[p.key].get("refused", ())}
    asked = {p.payload.refs[i] for p in stage.parts for i in records[p.key]["open"]}
    assert asked == set(open_units(corpus, reading)) | refused


TWO = [
    statement("1", "Guests list boats.", kind="operation", name="GET /boats"),
    statement("1", "They join.", kind="operation", name="waitingList.join"),
]
"""Operations of one line, of which one has a name that nobody gave."""


def test_a_refused_statement_is_asked_for_again_though_its_lines_have_an_account() -> None:
    """Two operations of one line, of which one has a name that nobody gave: it would be lost without a word."""
    stage = ReadStage(corpus_of_text("# Harbour\n\n- **FR-1**: Guests join a waiting list and MUST list boats by `GET /boats`.\n"))
    records, findings = accept(stage, answer(*TWO))
    assert [f.split()[0] for f in findings if "PA408" in f] == ["PA408"]
    [part] = stage.parts
    assert records[part.key]["open"] == [0]
    assert "Guests join a waiting list" in stage.brief([part], records, HOST).request
    again = statement("1", "They join.", kind="operation", name="join waiting list")
    records, findings = accept(stage, answer(again), records)
    assert not findings
    assert {s.name for s in reading_of(stage, records).statements} == {"GET /boats", "join waiting list"}


def test_who_gives_a_wrong_name_twice_is_not_asked_for_ever() -> None:
    stage = ReadStage(corpus_of_text("# Harbour\n\n- **FR-1**: Guests MUST list boats by `GET /boats`.\n"))
    records, _ = accept(stage, answer(*TWO))
    records, _ = accept(stage, answer(TWO[1]), records)
    [part] = stage.parts
    assert stage.whole(part, records[part.key])


def test_what_is_not_taken_because_its_lines_have_their_account_is_told() -> None:
    stage = ReadStage(corpus_of_text("# Harbour\n\n- Guests list boats.\n\n- Sailing MUST be fun.\n"))
    records, _ = accept(stage, answer(statement("1", "Guests list boats.")))
    more = [statement("1", "Guests list boats."), statement("1", "Nobody pays for that."), statement("2", "Sailing is fun.")]
    outcome = stage.accept(stage.parts, answer(*more), records)
    assert [f.message for f in outcome.left_out] == ["'Nobody pays for that.' is not taken: lines 1 have their account"]
    assert not outcome.findings


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20))
@settings(max_examples=200, deadline=None)
def test_every_unit_has_one_account_or_none(claimed: list[int], dismissed: list[int]) -> None:
    corpus = corpus_of_text("\n\n".join(f"Sentence number {n} MUST stand." for n in range(31)))
    [document] = corpus.documents
    refs = [(document.path, u.id) for u in document.units]
    statements = tuple(Statement(f"s{n}", "rule", "must", "x", (refs[n],)) for n in claimed)
    reading = Reading(statements, tuple(Dismissal("context", (refs[n],)) for n in dismissed))
    found = accounts(reading, document)
    assert list(found) == [u.id for u in document.units]
    for n, ref in enumerate(refs):
        account = found[ref[1]]
        assert (account is None) == (n not in claimed and n not in dismissed)
        if n in claimed:
            assert account is not None
            assert account.claimed


def test_the_answer_is_bounded_by_what_is_read() -> None:
    """An answer that claims each line once, in the form that is asked for, is no longer than the lines by much."""
    stage = ReadStage(corpus_of_text(SPEC))
    brief = stage.brief(list(stage.parts), {}, HOST)
    assert brief.max_tokens <= HOST.answer_tokens
    payload: ReadPart = stage.parts[0].payload
    assert len(payload.units) == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A boat MUST NOT have more than 2 bookings a day.", "A boat MUST NOT have more than 3 bookings a day."),
        ("ボートは1日に2件まで予約できる。", "ボートは1日に3件まで予約できる。"),
    ],
)
def test_a_reworded_statement_keeps_its_key_though_the_reader_forgets(before: str, after: str) -> None:
    def entry(key: str, says: str, kind: str = "rule") -> dict[str, Any]:
        return {"key": key, "kind": kind, "name": "", "says": says}

    former = [entry("of-boats", before), entry("other", "Prices are in euros.")]
    statements = [entry("", "Guests are told by mail."), entry("", after), entry("", before, "setting")]
    keep_keys(statements, former)
    assert [s["key"] for s in statements] == ["", "of-boats", ""]


TABLE = """# Booking

| name | type | rule |
| --- | --- | --- |
| `id` | uuid | primary key |
| **day** | date | required, `2026-01-01` or later |

- At most 3 guests per `berth_id`.
"""


def test_lines_that_are_named_become_facts_as_they_stand() -> None:
    stage = ReadStage(corpus_of_text(TABLE))
    short = {"kind": "record", "at": "1", "name": "Booking", "says": "Bookings are stored.", "facts": ["field=@1-2", "limit=@3"]}
    records, findings = accept(stage, {"statements": [short]})
    assert not findings
    (record,) = reading_of(stage, records).statements
    assert record.fact("field") == ("id: uuid, primary key", "day: date, required, 2026-01-01 or later")
    assert record.fact("limit") == ("At most 3 guests per berth_id.",)
    assert len(record.units) == 3
    assert record.modality == "must"


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\n\r|\\", exclude_categories=("C", "Z")), min_size=1, max_size=30),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=200)
def test_a_fact_of_named_lines_carries_all_of_them(rows: list[list[str]]) -> None:
    text = "\n".join(["| a | b |", "| - | - |", *(f"| {' | '.join(r)} |" for r in rows)])
    stage = ReadStage(corpus_of_text(text))
    for part in stage.parts:
        at = f"1-{len(part.payload.units)}"
        told = {"kind": "record", "at": at, "says": "Rows.", "name": "", "facts": [f"field=@{at}"]}
        _, findings = accept(stage, {"statements": [told]})
        assert not findings


EXAMPLE = """# Answers

```json
{ "user": {
    "email": "a@b.example",
    "joined": "2020-01-02"
} }
```

The answer to `GET /me` has it.
"""


def test_an_examples_values_are_left_out_by_its_lines_and_a_sentence_never_is() -> None:
    stage = ReadStage(corpus_of_text(EXAMPLE))
    record = statement("1-3", "Who is signed in.", kind="record", name="UserAnswer", facts=["field=user", "field=email", "field=joined"])
    told = statement("4", "Somebody asks who it is.", kind="rule")
    _, findings = accept(stage, answer(record, told))
    assert sum(f.startswith("PA505") for f in findings) == 3
    records, findings = accept(stage, answer(record | {"left_out": ["@1-4"]}, told | {"left_out": ["@4"]}))
    assert [f[:5] for f in findings] == ["PA505"], "the sentence names an operation, and nobody says it"
    records, findings = accept(stage, answer(told | {"at": "4", "name": "GET /me"}), records)
    assert not findings
    found = next(s for s in reading_of(stage, records).statements if s.kind == "record")
    assert "a@b.example" in found.left_out


def test_a_record_without_a_name_gets_one_that_others_may_use() -> None:
    stage = ReadStage(corpus_of_text(EXAMPLE))
    record = statement("1-3", kind="record", name="UserAnswer", left_out=["@1-3"])
    operation = statement("4", "Answers who is signed in.", kind="operation", name="GET /me", facts=["answer=UserAnswer"])
    _, findings = accept(stage, answer(record, operation))
    assert not findings
    _, findings = accept(stage, answer(operation))
    assert any("UserAnswer" in f for f in findings)


def test_passages_that_say_the_same_are_kept_each_by_itself(project: Project) -> None:
    """`Purpose: TBD` stands in many files of some projects: an answer to one is none to the others."""
    path = project({f"specs/{n}/spec.md": f"# Spec {n}\n\n## Purpose\n\nTBD\n\n## Rule\n\nIt keeps {n} boats.\n" for n in range(4)})
    stage = ReadStage(read_corpus(path))
    keys = {str(p.material) for p in stage.parts}
    assert len(keys) == len(stage.parts)
    again = ReadStage(read_corpus(path))
    assert {str(p.material) for p in again.parts} == keys


def test_a_statement_that_says_what_stands_in_a_line_that_is_open_again_goes_with_it() -> None:
    """What is accepted is what the plan's check accepts: a claim that lost a line may not say that line's words."""
    text = "# A\n\nThe `Boat` is kept.\n\nThe `Berth` is kept for `3` days.\n"
    stage = ReadStage(corpus_of_text(text))
    one = statement("1-2", "`Boat` and `Berth` are kept.")
    records, findings = accept(stage, answer(one))
    assert {f[:5] for f in findings} == {"PA505", "PA408"}
    reading = reading_of(stage, records)
    assert not reading.statements
    assert len(open_units(stage.corpus, reading)) == 2
    records, findings = accept(stage, answer(statement("1-2", "`Boat` and `Berth` are kept, for `3` days.")), records)
    assert not findings


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "3", "1-2", "2-3", "1-3"]), st.lists(st.sampled_from(["`A`", "`B`", "`C`", "7", "x"]), max_size=4)
        ),
        max_size=5,
    )
)
def test_what_is_accepted_is_what_the_check_accepts(claims: list[tuple[str, list[str]]]) -> None:
    corpus = corpus_of_text("# H\n\nThe `A` and `B`.\n\nThe `B` at 7.\n\nThe `C`.\n")
    stage = ReadStage(corpus)
    records, _ = accept(stage, answer(*(statement(at, " ".join(said)) for at, said in claims)))
    reading = reading_of(stage, records)
    names = coined(reading.statements)
    assert not [s for s in reading.statements if added(s, corpus, names)]
    holders = claimants(reading.statements)
    assert not [ref for ref, by in holders.items() if (u := corpus.unit(*ref)) and lost(u, by)]


def test_what_is_accepted_is_not_shown_as_a_former_statement(project: Project) -> None:
    corpus = read_corpus(project({"specs/a.md": SPEC}))
    stage = ReadStage(corpus)
    records, _ = accept(stage, {"statements": GOOD["statements"][:1]})
    again = stage.brief(stage.parts, records, HOST).request
    assert "# Accepted of these passages" in again
    assert "- operation, POST /berths/{id}/bookings" in again
    assert "so far" not in again
    former = {stage.parts[0].key: {"statements": [{"key": "berth-day", "kind": "rule", "name": "", "says": "Two a day."}]}}
    edited = ReadStage(corpus, former)
    first = edited.brief(edited.parts, {}, HOST).request
    assert "- berth-day: rule, Two a day." in first
    assert "Accepted" not in first


def test_lines_taken_as_they_stand_need_no_known_fact(project: Project) -> None:
    corpus = read_corpus(project({"specs/a.md": "# Layout\n\n- `src/api` has 3 routes\n- `src/db` has 2 tables\n"}))
    stage = ReadStage(corpus)
    records, findings = accept(stage, answer(statement("1-2", "Folders.", kind="layout", name="", facts=["path=@1-2"])))
    assert not findings
    facts = [f for r in records.values() for s in r["statements"] for f in s["facts"]]
    assert facts == [["note", "src/api has 3 routes"], ["note", "src/db has 2 tables"]]


def test_a_statement_given_again_with_what_was_open_of_it_is_one() -> None:
    stage = ReadStage(corpus_of_text("# A\n\nA guest books once.\n\nA guest is asked within 3 days.\n"))
    records, findings = accept(stage, answer(statement("1-2", "A guest books once and is asked.")))
    assert [f[:5] for f in findings] == ["PA505"]
    records, findings = accept(stage, answer(statement("1-2", "A guest books once and is asked within 3 days.")), records)
    assert not findings
    [one] = reading_of(stage, records).statements
    assert one.says == "A guest books once and is asked within 3 days."
    assert len(one.units) == 2


def test_prose_about_what_a_contract_defines_need_not_have_its_name(project: Project) -> None:
    contract = 'openapi: 3.0.3\ninfo: {title: T, version: "1"}\npaths:\n  /ping:\n    get: {responses: {"200": {description: fine}}}\n'
    path = project({"specs/api.yaml": contract, "specs/a.md": "# A\n\nThe health check needs no token.\n"})
    stage = ReadStage(read_corpus(path))
    one = statement("1", "Needs no token.", kind="operation", name="GET /ping")
    records, findings = accept(stage, answer(one))
    assert not findings
    [made] = reading_of(stage, records).statements
    assert {f for f, _ in made.units} == {"specs/api.yaml", "specs/a.md"}
    _, findings = accept(stage, answer(one | {"name": "GET /pong"}))
    assert [f[:5] for f in findings] == ["PA408"]


def test_lines_of_two_documents_with_the_same_words_are_told_apart(project: Project) -> None:
    """What a statement rests on in another document is found by its place and words, not by words alone."""
    lines = "# A\n\n## Rules\n\n- Kept for 7 days\n"
    path = project({"specs/a.md": lines, "specs/b.md": lines})
    stage = ReadStage(read_corpus(path))
    records, findings = accept(stage, answer(statement("1-2", "All is kept for 7 days.")))
    assert not findings
    assert all(stage.whole(p, records[p.key]) for p in stage.parts)
    [one] = reading_of(stage, records).statements
    assert {f for f, _ in one.units} == {"specs/a.md", "specs/b.md"}
    assert not open_units(stage.corpus, reading_of(stage, records))


def test_what_is_open_is_named_by_its_numbers() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    _, findings = accept(stage, answer(*GOOD["statements"]))
    assert findings == ["PA507 no account of 1"]


def taken(*statements: dict[str, Any], corpus: Corpus | None = None) -> tuple[list[Statement], list[str]]:
    """What is taken of an answer on SPEC, and the places of what is refused."""
    stage = ReadStage(corpus or corpus_of_text(SPEC))
    outcome = stage.accept(stage.parts, answer(*statements), {})
    found, _ = stage.statements(outcome.records)
    return list(found), [f.place for f in outcome.findings if f.place.startswith("statement")]


def test_what_an_entry_says_of_itself_is_kept() -> None:
    entry = statement("1", "`Sailing`", kind="quality", modality="must-not", name="`fun`", component="apps/harbour", key="of-nobody")
    [one], refused = taken(entry)
    assert not refused
    assert (one.kind, one.modality, one.name, one.component, one.key) == ("quality", "must-not", "fun", "apps/harbour", "")
    assert (one.left_out, one.origin) == ((), "model")


@pytest.mark.parametrize("wrong", [{"kind": "wish"}, {"modality": "never"}, {"says": "", "name": ""}])
def test_an_entry_of_another_form_is_refused_by_itself(wrong: dict[str, Any]) -> None:
    good, bad = statement("1", "Sailing is fun."), statement("1", "Sailing is fun.") | wrong
    found, refused = taken(good, bad)
    assert len(found) == 1
    assert refused == ["statement 2"]


def test_a_statement_that_adds_is_told_with_its_number_and_title() -> None:
    _, refused = taken(statement("1", "Sailing takes 17 hours."))
    assert refused == ["statement 1 (Sailing takes 17 hours.)"]
    assert taken(statement("99", "Nowhere."))[1] == ["statement 1"]


def test_a_row_may_rest_on_the_header_of_its_table_and_on_no_later_one() -> None:
    corpus = corpus_of_text("# A\n\n| name | in_v2 |\n|---|---|\n| boat | yes |\n\nText.\n\n| other_v3 | b |\n|---|---|\n| c | d |\n")
    rows = ReadStage(corpus).parts[0].payload
    at = next(str(n) for n, u in enumerate(rows.units, 1) if "boat" in u.text)
    assert not taken(statement(at, "boat is in_v2"), corpus=corpus)[1]
    assert taken(statement(at, "boat is in other_v3"), corpus=corpus)[1]


def test_coined_names_are_those_of_records_in_letters_alone() -> None:
    made = [
        Statement("a", "record", "must", "", (), "Boat"),
        Statement("b", "record", "must", "", (), "Boat2"),
        Statement("c", "rule", "must", "", (), "Tide"),
    ]
    assert coined(made) == {"Boat"}


def test_of_a_heading_only_paths_and_numbers_have_to_be_carried() -> None:
    corpus = corpus_of_text("# SmartBoats: `POST /boats`, 3 a day\n\nText.\n")
    [unit] = [u for u in corpus.read[0].units if u.kind == "heading"]
    bare = Statement("a", "rule", "must", "Text.", ((corpus.read[0].path, unit.id),))
    assert {t.text for t in lost(unit, [bare])} == {"/boats", "3"}


@pytest.mark.parametrize(
    ("origin", "kind", "missing"), [("joined", "code", False), ("joined", "text", True), ("rules", "text", False), ("model", "code", True)]
)
def test_what_is_applied_as_it_stands_loses_nothing(origin: Any, kind: Any, missing: bool) -> None:
    unit = Unit(1, 1, 0, kind, "wait 17 seconds")
    assert bool(lost(unit, [Statement("a", "rule", "must", "wait", (), origin=origin)])) is missing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, [1]), (5, [5]), (6, []), (0, []), (True, []), (None, []), (2.5, []), ([1, "2-3", [5]], [1, 2, 3, 5]), ("1-3, 2, 5", [1, 2, 3, 5]),
        ("4-99", [4, 5]), ("0-2", [1, 2]), ("3 – 4", [3, 4]), ("999999-1000000, 2", [2]), ("1-1000000, 2", [2]), ("1000000, 3", [3]), ("0000002", []),
        ("000002", [2]), ("2-000003", [2, 3]), ("no", []), ("3-1", []),
    ],
)  # fmt: skip
def test_numbers_of_lines_in_any_form_within_bounds(value: Any, expected: list[int]) -> None:
    assert _numbers(value, 5) == expected


def test_a_dismissal_for_no_known_reason_is_refused_by_itself_and_the_next_counts() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    gone = [{"at": "2", "why": "boring", "of": ""}, {"at": "", "why": "dull", "of": ""}, {"at": "1", "why": "context", "of": ""}]
    outcome = stage.accept(stage.parts, answer(dismissed=gone), {})
    refused = [(f.place, f.key) for f in outcome.findings if f.place.startswith("dismissal")]
    assert refused == [("dismissal 1", stage.parts[0].key), ("dismissal 2", "")]
    [record] = outcome.records.values()
    assert record["dismissed"] == [{"why": "context", "of": "", "at": [0]}]


def test_what_is_claimed_is_not_dismissed_as_well() -> None:
    stage = ReadStage(corpus_of_text(SPEC))
    outcome = stage.accept(
        stage.parts, answer(statement("1", "Sailing is fun."), dismissed=[{"at": "1-2", "why": "process", "of": "how we work"}]), {}
    )
    [record] = outcome.records.values()
    assert record["dismissed"] == [{"why": "process", "of": "how we work", "at": [1]}]
