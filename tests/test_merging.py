"""Two places that say one thing are one statement with all that both say; two decisions are one without a mix of names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.briefs.decision import Decision, Folder, Planned, Ruled, merged
from planagent.statements.merge import assemble, formal_statements, identity, seen_conflicts
from planagent.statements.statement import Dismissal, Origin, Statement
from tests.test_reading import corpus_of_text

CORPUS = corpus_of_text("# A\n\nOne.\n\nTwo.\n\nThree.\n")
PATH = "specs/a.md"


def said(kind: str, name: str, line: int = 3, **more: Any) -> Statement:
    base: dict[str, Any] = {"key": "", "modality": "must", "says": "", "units": ((PATH, f"L{line}"),)}
    return Statement(kind=kind, name=name, **{**base, **more})  # type: ignore[arg-type]


def one_of(*statements: Statement) -> Statement:
    [found] = assemble(CORPUS, statements, ()).statements
    return found


def test_everything_that_two_places_say_is_kept_once() -> None:
    first = said(
        "setting", "DB", 3, key="db-key", says="The store.", facts=(("default", "x"), ("source", "env")), labels=("FR-1",), left_out=("a",), modality="may",
    )  # fmt: skip
    second = said(
        "setting", "DB", 5, says="Where data is.", facts=(("source", "env"), ("note", "n")), labels=("FR-1", "FR-2"), left_out=("a", "b")
    )
    one = one_of(first, second)
    assert one.key == "db-key"
    assert one.says == "The store. Where data is."
    assert one.facts == (("default", "x"), ("source", "env"), ("note", "n"))
    assert one.labels == ("FR-1", "FR-2")
    assert one.left_out == ("a", "b")
    assert one.units == ((PATH, "L3"), (PATH, "L5"))
    assert one.modality == "must"
    assert one_of(second, first).key == "db-key"


def test_what_both_say_in_the_same_words_is_said_once() -> None:
    assert one_of(said("record", "User", says="Users."), said("record", "user", 5, says="Users.")).says == "Users."
    assert one_of(said("record", "User", modality="may"), said("record", "User", 5, modality="may")).modality == "may"


@pytest.mark.parametrize("formal_first", [True, False])
def test_a_readers_words_count_for_more_than_a_librarys(formal_first: bool) -> None:
    formal = said("operation", "GET /a", origin="formal", says="Summary.", facts=(("status", "200"),))
    reader = said("operation", "GET /a", 5, says="Lists all.", facts=(("status", "404"),))
    one = one_of(*((formal, reader) if formal_first else (reader, formal)))
    assert one.says == "Lists all."
    assert set(one.facts) == {("status", "200"), ("status", "404")}
    silent = one_of(formal, said("operation", "GET /a", 5))
    assert silent.says == "Summary."


@pytest.mark.parametrize(
    ("one", "other", "origin"),
    [
        ("model", "model", "model"), ("formal", "formal", "formal"), ("rules", "rules", "rules"), ("formal", "rules", "formal"), ("rules", "formal", "formal"),
        ("formal", "model", "joined"), ("model", "formal", "joined"), ("model", "rules", "model"), ("rules", "model", "model"),
        ("joined", "model", "joined"), ("model", "joined", "joined"), ("joined", "formal", "joined"),
    ],
)  # fmt: skip
def test_who_said_it_together(one: Origin, other: Origin, origin: Origin) -> None:
    assert one_of(said("record", "A", origin=one), said("record", "A", 5, origin=other)).origin == origin


def test_a_requirement_that_was_given_twice_over_a_border_is_one() -> None:
    def of(line: int, says: str = "Two a day.", labels: tuple[str, ...] = ("FR-1",)) -> Statement:
        return said("rule", "", line, says=says, labels=labels)

    assert one_of(of(3), of(5)).units == ((PATH, "L3"), (PATH, "L5"))
    for other in (of(5, "Three a day."), of(5, labels=("FR-2",)), of(5, labels=())):
        assert len(assemble(CORPUS, [of(3), other], ()).statements) == 2
    assert len(assemble(CORPUS, [of(3, labels=()), of(5, labels=())], ()).statements) == 2, "the headings above may differ"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (said("operation", "GET /a/{id}"), said("operation", "get /a/:x"), True),
        (said("operation", "GET /a"), said("operation", "POST /a"), False),
        (said("operation", "Query.a"), said("operation", "query.A"), True),
        (said("record", "UserRow"), said("record", "user_row"), True),
        (said("setting", "DB"), said("setting", "db"), False),
        (said("technology", "Go"), said("technology", "go"), True),
        (said("technology", "Go"), said("technology", "Go", modality="must-not"), False),
        (said("record", "A", component="x"), said("record", "A", component="y"), False),
        (said("rule", "A"), said("rule", "A"), False),
        (said("record", ""), said("record", ""), False),
        (said("record", "A"), said("operation", "A"), False),
        (said("integration", "Mailer"), said("integration", "mailer"), True),
    ],
)
def test_what_makes_two_statements_one(one: Statement, other: Statement, same: bool) -> None:
    assert (identity(one) == identity(other) != "") == same


def test_keys_are_made_of_names_and_told_apart_by_what_is_said() -> None:
    told = [
        said("rule", "", 3, says="One thing is so."), said("rule", "", 5, says="One thing is so."), said("rule", "", 7, says="One thing is so.", labels=("FR-1",)),
        said("record", "User", component="apps/billing"), said("rule", "", 3, says="x", feature="002-pay", labels=("FR-1",)), said("rule", "", 5, says="y", feature="pay"),
    ]  # fmt: skip
    keys = [s.key for s in assemble(CORPUS, told, ()).statements]
    assert keys[0] == "one-thing-is-so"
    assert keys[1].startswith("one-thing-is-so")
    assert keys[2:] == ["fr-1", "billing.user", "002.fr-1", "pay.y"]
    assert len(set(keys)) == len(keys)


@given(st.permutations("ABCDE"), st.integers(0, 2))
def test_a_key_stays_where_sections_move_and_beside_one_that_was_given(order: list[str], given_keys: int) -> None:
    """Of what is said in the same words under several headings, order decides nothing."""

    def keys(names: Sequence[str]) -> dict[str, str]:
        corpus = corpus_of_text("# Doc\n\n" + "".join(f"## {n}\n\nIt is so.\n\n" for n in names))
        units = {n: next(u.id for u in corpus.documents[0].units if u.line == 5 + 4 * i) for i, n in enumerate(names)}
        told = [
            said("rule", "", says="It is so.", units=((PATH, units[n]),), key=f"it-is-so~{n}" if n in "AB"[:given_keys] else "")
            for n in names
        ]
        return dict(zip(names, (s.key for s in assemble(corpus, told, ()).statements), strict=True))

    found = keys(order)
    assert found == keys("ABCDE")
    assert len(set(found.values())) == 5
    assert given_keys < 1 or found["A"] == "it-is-so~A"


def test_a_given_key_is_not_taken_by_what_stands_before_it() -> None:
    reading = assemble(CORPUS, [said("rule", "", 3, says="So."), said("rule", "", 5, says="Other.", key="so")], ())
    assert [s.key for s in reading.statements][1] == "so"
    assert reading.statements[0].key.startswith("so~")


def test_a_claim_counts_for_more_than_a_dismissal() -> None:
    left = [Dismissal("context", ((PATH, "L3"), (PATH, "L5"))), Dismissal("example", ((PATH, "L3"),))]
    reading = assemble(CORPUS, [said("record", "A")], left, [("B", "exists")])
    assert reading.dismissed == (Dismissal("context", ((PATH, "L5"),)),)
    assert reading.rejected == (("B", "exists"),)


def test_a_formal_fence_claims_its_own_lines_alone() -> None:
    corpus = corpus_of_text("# A\n\nBefore.\n\n```sql\nCREATE TABLE boats (\n  id uuid PRIMARY KEY\n);\n```\n\nAfter.\n")
    [table] = formal_statements(corpus)
    assert (table.kind, table.name, table.origin) == ("record", "boats", "formal")
    assert {u for _, u in table.units} <= {"L6", "L7", "L8"}
    assert len(table.units) >= 2


# -- decisions ----------------------------------------------------------------------------------

FIRST = Decision(
    ("First.",), ("One error shape.",), (Folder("app", "Code."),), (Ruled("day", "gap", "A", "F", "D", about=("s1",)),),
    (Planned("model", 3, "Make", covers=("s1",)), Planned("routes", 5, "Provide", needs=("model",), rulings=("day",))), (("old", "repeats"),), ("Pages.",), "Shop",
)  # fmt: skip
SECOND = Decision(
    ("Second.",), ("One error shape.",), (Folder("app", "Other words."), Folder("web", "More.")), (Ruled("day", "gap", "B", "F", "D2", about=("s2",)),),
    (Planned("model", 3, "Make", covers=("s2",)),
     Planned("jobs", 6, "Run", needs=("model",), rulings=("day",), condition="day: a: b"),
     Planned("tests", 9, "Test", proves=("model", "jobs"))),
    (("old", "context"), ("older", "example")), ("Pages.", "Mail."), "Other",
)  # fmt: skip


def test_one_decision_stays_as_it_is() -> None:
    assert merged([("a", FIRST)]) == FIRST


def test_two_decisions_are_one_and_the_first_counts() -> None:
    one = merged([("a", FIRST), ("b", SECOND)])
    assert one.approach == ("First.", "Second.")
    assert one.conventions == ("One error shape.",)
    assert {f.path: f.purpose for f in one.layout} == {"app": "Code.", "web": "More."}
    assert dict(one.withdrawn) == {"old": "repeats", "older": "example"}
    assert one.excluded == ("Pages.", "Mail.")
    assert one.project == "Shop"


def test_names_of_two_groups_are_told_apart_everywhere() -> None:
    one = merged([("a", FIRST), ("b", SECOND)])
    tasks = {t.key: t for t in one.tasks}
    assert list(tasks) == ["model", "routes", "model-b", "jobs", "tests"]
    assert tasks["routes"] == FIRST.tasks[1]
    assert tasks["jobs"].needs == ("model-b",)
    assert tasks["jobs"].rulings == ("day-b",)
    assert tasks["jobs"].condition == "day-b: a: b"
    assert tasks["tests"].proves == ("model-b", "jobs")
    assert tasks["model-b"].covers == ("s2",)
    assert tasks["tests"].condition == ""
    assert [(r.key, r.default) for r in one.rulings] == [("day", "D"), ("day-b", "D2")]


def test_a_name_in_other_letters_is_the_same_thing_and_another_path_is_not() -> None:
    assert identity(said("operation", "get /Boats/{id}/")) == identity(said("operation", "GET /Boats/:boat"))
    assert identity(said("operation", "GET /boats")) != identity(said("operation", "GET /boats/{id}"))
    assert identity(said("operation", "Boats.List")) == identity(said("operation", "boats.list"))
    assert identity(said("operation", "list all boats")) != identity(said("operation", "list all berths"))
    assert identity(said("record", "Boat_Type")) == identity(said("record", "BoatType"))
    assert identity(said("record", "Boat")) != identity(said("record", "Berth"))
    assert identity(said("technology", "Redis")) == identity(said("technology", "redis"))
    assert identity(said("technology", "Redis")) != identity(said("technology", "Valkey"))
    assert identity(said("technology", "Redis")) != identity(said("technology", "Redis", modality="must-not"))
    assert identity(said("setting", "A_B", component="x")) != identity(said("setting", "A_B"))


def test_what_is_kept_may_be_sent_as_well() -> None:
    sent, kept = (
        said("record", "Boat", facts=(("store", "message"), ("field", "id"))),
        said("record", "Boat", 5, facts=(("store", "table"),)),
    )
    assert one_of(sent, kept).facts == (("field", "id"), ("store", "table"))
    assert one_of(sent, said("record", "Boat", 5, facts=(("store", "message"),))).facts == sent.facts


def test_keys_are_short_names_by_component_feature_and_label() -> None:
    def key(*args: Any, **more: Any) -> str:
        return one_of(said(*args, **more)).key

    assert key("operation", "GET /boats", component="apps/harbour") == "harbour.get-boats"
    assert key("rule", "", labels=("FR-7",), feature="012-berths", component="apps/harbour") == "harbour.012.fr-7"
    assert key("rule", "", says="Guests book first", feature="berths-and-boats") == "berths-and-boats.guests-book-first"
    assert key("rule", "a name") == "a-name"
    assert key("record", "…") == "record"


def test_a_reading_carries_what_was_rejected_and_what_did_not_parse() -> None:
    reading = assemble(CORPUS, (), (), [("Boat", "an example")])
    assert (reading.rejected, reading.notes) == ((("Boat", "an example"),), ())


def test_conflicts_are_seen_by_form_alone() -> None:
    statements = [
        said("setting", "DB", facts=(("default", "x"), ("default", "y"))),
        said("operation", "GET /boats"), said("operation", "GET /api/boats"), said("operation", "POST /boats"), said("rule", "GET /rules/boats"),
        said("technology", "Redis"), said("technology", "redis", modality="must-not"), said("technology", "Kafka"), said("record", "kafka"),
    ]  # fmt: skip
    reading = assemble(CORPUS, statements, ())
    assert seen_conflicts(reading) == [
        ("DB: default is x and y", ("db",)),
        ("one operation under two paths: GET /boats and GET /api/boats", ("get-boats", "get-api-boats")),
        ("Redis is wanted and forbidden", tuple(s.key for s in reading.statements if s.name.lower() == "redis")),
    ]


def test_a_decision_is_its_record() -> None:
    decision = Decision(
        ("first",), ("names are short",), (Folder("app", "all", ("app/a.py",)),),
        (Ruled("r", "decision", "T", "found", "default", "why", ("a", "b"), True, ("x",)),),
        (Planned("t", 5, "Do", "f.py", "Work", ("u",), ("x",), ("g",), ("r",), ("u",), "r: a"),), (("y", "superseded"),), ("z",), "Harbour",
    )  # fmt: skip
    assert Decision.of(json.loads(json.dumps(decision.as_record()))) == decision
    assert Decision.of({k: v for k, v in decision.as_record().items() if k != "project"}).project == ""


def test_three_decisions_have_no_name_twice() -> None:
    one = Decision(tasks=(Planned("t", 5, "Do", condition="r: a"),), rulings=(Ruled("r", "decision", "T", "f", "d"),), project="Harbour")
    whole = merged([("a", one), ("b", one), ("c", one)])
    assert len({t.key for t in whole.tasks}) == len({r.key for r in whole.rulings}) == 3
    assert [t.condition.partition(": ") for t in whole.tasks] == [(r.key, ": ", "a") for r in whole.rulings]
    assert whole.project == "Harbour"
    assert merged([("a", Decision())]).project == ""


def test_keys_that_would_be_the_same_are_told_apart_by_words_then_counted() -> None:
    begin = "Guests book first and then they pay"
    one, two = said("rule", "", says=begin), said("rule", "", 5, says=f"{begin} for the berth")
    keys = [s.key for s in assemble(CORPUS, (one, two), ()).statements]
    plain, apart = sorted(keys)
    assert plain == "guests-book-first-and-then"
    assert re.fullmatch(r"guests-book-first-and-then~[a-p]{5}", apart)
    assert keys == [s.key for s in assemble(CORPUS, (two, one), ()).statements][::-1]
    same = [said("rule", "", says="Guests book first") for _ in range(5)]
    counted = [s.key for s in assemble(CORPUS, same, ()).statements]
    told = counted[1]
    assert counted[2:] == [f"{told}-i", f"{told}-j", f"{told}-k"]
    assert not any(c.isdigit() for k in counted for c in k)


def test_a_key_that_would_be_masked_on_its_way_is_made_of_its_kind() -> None:
    name = "the token 9f8e7d6c" + "5b4a39281706"
    one = one_of(said("record", name))
    assert re.fullmatch(r"record~[a-p]{5}", one.key)
    assert one.key != one_of(said("record", f"{name}1")).key
    assert one_of(said("record", name, key="kept-by-a-reader")).key == "kept-by-a-reader"
