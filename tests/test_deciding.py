"""The second stage: what is decided is proved without a look at its meaning, and answers are patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.briefs.brief import HOST
from planagent.briefs.decide import DecideStage, Group, groups_of, material_of
from planagent.briefs.decision import Decision, Folder, Planned, Ruled, faults, merged, uncovered
from planagent.checking.wording import judge
from planagent.model import Corpus, Document
from planagent.statements.statement import Reading, Statement


def made(key: str, kind: str = "rule", modality: str = "must", **more: Any) -> Statement:
    return Statement(key, kind, modality, f"Says {key}.", (("specs/a.md", "L1"),), **more)  # type: ignore[arg-type]


STATEMENTS = (
    made("a"),
    made("b", "operation", name="POST /b"),
    made("no-docker", "technology", "must-not"),
    made("open", "question", "open"),
)
CORPUS = Corpus("x", (Document("specs/a.md", "spec", "", "text", "d"),))


def stage(*statements: Statement, former: Decision | None = None, materials: dict[str, str] | None = None, **more: Any) -> DecideStage:
    reading = Reading(statements or STATEMENTS, ())
    return DecideStage(CORPUS, reading, (Group("all", reading.statements, former, materials or {}),), judge=judge, **more)


def task(key: str, *covers: str, **more: Any) -> dict[str, Any]:
    base = {
        "section": 6,
        "title": f"Build {key}",
        "file": "",
        "phase": "Work",
        "needs": [],
        "gives": [],
        "rulings": [],
        "proves": [],
        "condition": "",
    }
    return {"key": key, "covers": list(covers), **base, **more}


def ruling(key: str, *about: str, **more: Any) -> dict[str, Any]:
    base = {"kind": "decision", "title": "T", "found": "F", "default": "D", "why": "", "options": [], "waits": False}
    return {"key": key, "about": list(about), **base, **more}


GOOD = {
    "approach": ["First this."], "conventions": [], "layout": [], "excluded": [], "withdrawn": [], "removed": [],
    "rulings": [ruling("stack", "no-docker"), ruling("gap", "open", kind="gap", options=["yes", "no"])],
    "tasks": [task("one", "a"), task("two", "b", section=5, needs=["one"]), task("tests", section=9, proves=["one", "two"])],
}  # fmt: skip


def accept(one: DecideStage, value: Any, known: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    outcome = one.accept(one.parts, value, known or {})
    return outcome.records, [f"{f.rule} {f.place}: {f.message}" for f in outcome.findings]


def test_a_whole_decision_is_accepted() -> None:
    one = stage()
    records, findings = accept(one, GOOD)
    assert not findings
    assert one.whole(one.parts[0], records["all"])
    decision = Decision.of(records["all"]["decision"])
    assert [t.key for t in decision.tasks] == ["one", "two", "tests"]


@pytest.mark.parametrize(
    ("kind", "modality", "told"),
    [("technology", "must", False), ("technology", "may", False), ("technology", "must-not", True), ("rule", "must", True)],
)
def test_a_stack_that_nobody_names_is_a_gap_to_rule(kind: str, modality: str, *, told: bool) -> None:
    one = stage(made("a"), made("b", kind, modality))
    assert ("no statement names a language, framework or store" in one.brief(one.parts, {}, HOST).request) is told


def test_what_nothing_covers_is_named_and_a_patch_mends_it() -> None:
    one = stage()
    records, findings = accept(one, GOOD | {"tasks": [task("one", "a"), task("tests", section=9, proves=["one"])]})
    assert findings == ["PA501 statement b: no task covers it, and no ruling that may keep it is about it"]
    assert not one.whole(one.parts[0], records["all"])
    again = one.brief(one.parts, records, HOST).request
    assert "Nothing covers: b." in again
    patch = {"tasks": [task("two", "b", needs=["one"]), task("tests", section=9, proves=["one", "two"])]}
    records, findings = accept(one, patch, records)
    assert not findings
    assert [t["key"] for t in records["all"]["decision"]["tasks"]] == ["one", "two", "tests"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tasks": [task("one", "a", "b", needs=["nobody"])]}, "needs nobody"),
        ({"tasks": [task("one", "a", "zzz")]}, "covers zzz"),
        ({"tasks": [task("one", "a", section=12)]}, "section"),
        ({"tasks": [task("one", "a", file="specs/a.md")]}, "which is a spec"),
        ({"tasks": [task("one", "a", needs=["two"]), task("two", "b", needs=["one"])]}, "cycle"),
        ({"tasks": [task("one", "a", condition="gap: maybe")]}, "no ruling with that answer"),
        ({"tasks": [task("one", "a", title="Use `SELECT a FROM b`")]}, "SQL"),
        ({"rulings": [ruling("x", "zzz")]}, "about zzz"),
        ({"rulings": [ruling("x", kind="opinion")]}, "unknown"),
        ({"withdrawn": [{"key": "a", "why": "boring"}]}, "no reason of the list"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_kept(change: dict[str, Any], told: str) -> None:
    records, findings = accept(stage(), GOOD | change)
    assert any(told in f for f in findings), findings
    assert list(records["all"]["decision"]["approach"]) == ["First this."]


def test_a_withdrawn_statement_binds_nobody() -> None:
    value = GOOD | {"tasks": [task("one", "a"), task("tests", section=9, proves=["one"])], "withdrawn": [{"key": "b", "why": "superseded"}]}
    records, findings = accept(stage(), value)
    assert not findings
    assert Decision.of(records["all"]["decision"]).gone() == {"b"}


@pytest.mark.parametrize(("default", "stands"), [("up to 16 places", False), ("as many as fit", True)])
def test_a_ruling_that_names_a_value_which_is_gone_is_decided_anew(default: str, stands: bool) -> None:
    before, now = replace(made("b"), says="A slot has 16 places."), replace(made("b"), says="A slot has 12 places.")
    told = GOOD | {"rulings": [ruling("places", "b", default=default)]}
    one = stage(made("a"), before)
    records, findings = accept(one, told)
    assert not findings
    former = Decision.of(records["all"]["decision"])
    materials = {s.key: material_of(s) for s in (made("a"), before)}
    group = Group("all", (made("a"), now), former, materials, {"b": before.says})
    again = replace(one, reading=Reading((made("a"), now), ()), groups=(group,))
    assert bool(again.standing()) is stands


@pytest.mark.parametrize("how", ["covered", "removed"])
def test_a_withdrawal_is_taken_back(how: str) -> None:
    told = [task("one", "a"), task("tests", section=9, proves=["one"])]
    records, _ = accept(stage(), GOOD | {"tasks": told, "withdrawn": [{"key": "b", "why": "instruction"}]})
    change = {"tasks": [task("one", "a", "b")]} if how == "covered" else {"removed": ["b"]}
    records, findings = accept(stage(), change, records)
    assert Decision.of(records["all"]["decision"]).gone() == frozenset()
    assert any("PA501" in f for f in findings) == (how == "removed"), "what nobody covers is asked for again"


def test_what_is_removed_and_is_not_there_is_told() -> None:
    records, _ = accept(stage(), GOOD)
    one = stage()
    outcome = one.accept(one.parts, {"removed": ["two", "never"]}, records)
    assert [f.place for f in outcome.left_out] == ["removed never"]


def test_a_must_needs_a_task_and_no_ruling_is_enough() -> None:
    value = GOOD | {
        "rulings": [ruling("stack", "no-docker", "open", "a")],
        "tasks": [task("two", "b"), task("t", section=9, proves=["two"])],
    }
    _, findings = accept(stage(), value)
    assert any(f.startswith("PA501 statement a") for f in findings)


def test_a_persons_answer_must_be_kept() -> None:
    _, findings = accept(stage(answers={"other": "yes"}), GOOD)
    assert any("a person has answered" in f for f in findings)


def test_a_changed_spec_asks_for_what_changed_alone() -> None:
    first = stage()
    records, _ = accept(first, GOOD)
    former, materials = Decision.of(records["all"]["decision"]), records["all"]["materials"]
    second = stage(*STATEMENTS[1:], made("c"), former=former, materials=materials)
    request = second.brief(second.parts, {}, HOST).request
    assert "New since: c. Changed since: none." in request
    assert "Nothing covers: c." in request
    records, findings = accept(second, {"tasks": [task("three", "c"), task("tests", section=9, proves=["three", "two"])]})
    assert not findings
    decision = Decision.of(records["all"]["decision"])
    assert [t.key for t in decision.tasks] == ["two", "three", "tests"], "a task whose statements are all gone is gone"


def test_two_tasks_of_one_file_are_ordered() -> None:
    decision = Decision(tasks=(Planned("x", 6, "X", "app/a.py"), Planned("y", 6, "Y", "app/a.py"), Planned("z", 6, "Z", "app/b.py")))
    assert decision.needs() == {"x": (), "y": ("x",), "z": ()}


@pytest.mark.parametrize(
    ("folder", "file", "right"),
    [
        ("app/models/", "app/models/user.py", True),
        ("./app", "/app/main.py", True),
        ("app/main.py", "app/main.py", True),
        ("src", "pyproject.toml", True),
        ("apps/*/models", "apps/api/models/user.rb", True),
        (".", "anything/at/all.go", True),
        ("app", "application/main.py", False),
        ("app/models", "app/services/user.py", False),
    ],
)
def test_a_task_writes_where_the_layout_says(folder: str, file: str, right: bool) -> None:
    decision = Decision(layout=(Folder(folder, "Code."),), tasks=(Planned("a", 1, "Make it", file),))
    assert (not list(faults(decision))) == right


def test_a_large_corpus_is_decided_by_component_and_feature() -> None:
    statements = tuple(made(f"s{n}", component=f"c{n % 2}", feature=f"f{n % 3}", name="x" * 3_000) for n in range(60))
    groups = groups_of(Reading(statements, ()), None, {})
    assert len(groups) > 1
    assert sorted(s.key for g in groups for s in g.statements) == sorted(s.key for s in statements)
    assert len({g.key for g in groups}) == len(groups)


def test_groups_with_the_same_names_stay_two() -> None:
    one = Decision(tasks=(Planned("t", 6, "T", covers=("a",)),))
    other = Decision(tasks=(Planned("t", 6, "T", covers=("b",)), Planned("u", 6, "U", needs=("t",))))
    both = merged([("first", one), ("second", other)])
    assert [t.key for t in both.tasks] == ["t", "t-second", "u"]
    assert both.tasks[2].needs == ("t-second",)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 5), max_size=3)), max_size=8),
    st.lists(st.sampled_from("abcdef"), max_size=6),
)
@settings(max_examples=200, deadline=None)
def test_coverage_and_order_are_what_they_say(given_tasks: list[tuple[int, list[int]]], gone: list[str]) -> None:
    keys = "abcdef"
    tasks = tuple(
        Planned(f"t{n}", 6, "T", needs=tuple(f"t{i}" for i in needs), covers=(keys[c],)) for n, (c, needs) in enumerate(given_tasks)
    )
    decision = Decision(tasks=tasks, withdrawn=tuple((g, "future") for g in dict.fromkeys(gone)))
    statements = [made(k) for k in keys]
    left = {s.key for s in uncovered(decision, statements)}
    assert left == set(keys) - {c for t in tasks for c in t.covers} - set(gone)
    needs = decision.needs()
    assert all(n in needs and n != k for k, wants in needs.items() for n in wants)
    if not list(faults(decision)):
        seen: set[str] = set()
        while len(seen) < len(needs):
            ready = [k for k in needs if k not in seen and seen.issuperset(needs[k])]
            assert ready
            seen.update(ready)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from([*list(GOOD), "key", "about"]), c, max_size=4),
        max_leaves=12,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_json_is_no_crash_and_covers_nothing(value: Any) -> None:
    one = stage()
    records, findings = accept(one, value)
    assert findings
    assert not one.whole(one.parts[0], records["all"])


def test_a_rule_may_be_held_by_a_ruling_that_a_task_rests_on() -> None:
    one = stage(made("a"), made("precedence"))
    unused = GOOD | {
        "rulings": [ruling("which-counts", "precedence")],
        "tasks": [task("one", "a"), task("tests", section=9, proves=["one"])],
    }
    _, findings = accept(one, unused)
    assert [f.split(":")[0] for f in findings] == ["PA501 statement precedence"]
    used = unused | {"tasks": [task("one", "a", rulings=["which-counts"]), task("tests", section=9, proves=["one"])]}
    assert not accept(one, used)[1]


def test_a_refused_ruling_takes_no_task_with_it() -> None:
    one = stage()
    wrong = GOOD | {"rulings": [*GOOD["rulings"], ruling("start", default="Run `pip install x && rm -rf y`.")]}  # type: ignore[misc]
    wrong["tasks"] = [task("one", "a", rulings=["start"]), *GOOD["tasks"][1:]]  # type: ignore[index]
    records, findings = accept(one, wrong)
    assert [f.split(":")[0] for f in findings] == ["PA105 ruling start", "PA701 task one"]
    assert {t["key"] for t in records["all"]["decision"]["tasks"]} == {"one", "two", "tests"}
    records, findings = accept(one, {"rulings": [ruling("start", default="Started by a server program.")]}, records)
    assert not findings
    assert one.whole(one.parts[0], records["all"])


def test_all_tasks_given_anew_stand_as_they_are_given() -> None:
    one = stage()
    records, _ = accept(one, GOOD)
    given = [task("zero"), task("one", "a"), task("two", "b", section=5, needs=["one"]), task("tests", section=9, proves=["one", "two"])]
    records, findings = accept(one, {"tasks": given}, records)
    assert not findings
    assert [t["key"] for t in records["all"]["decision"]["tasks"]] == ["zero", "one", "two", "tests"]


def test_a_test_that_its_subject_needs_stands_before_it() -> None:
    """Specs may want tests first; elsewhere a test needs what it proves."""
    code, test = Planned("code", 6, "Code", covers=("a",)), Planned("test", 9, "Test", proves=("code",))
    assert Decision(tasks=(code, test)).needs() == {"code": (), "test": ("code",)}
    first = Planned("code", 6, "Code", covers=("a",), needs=("between",))
    between = Planned("between", 6, "Between", needs=("test",))
    assert Decision(tasks=(test, between, first)).needs() == {"test": (), "between": ("test",), "code": ("between",)}
    assert not list(faults(Decision(tasks=(test, between, first))))


def planned(key: str, section: int = 6, **more: Any) -> Planned:
    return Planned(key, section, key.title(), **more)


PROVED = planned("tests", 9, proves=("a",))
ASKED = Ruled("pay", "decision", "Pay", "Open.", "Not.", options=("By card: later", "Not at all"))


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (Decision(tasks=(planned("a", covers=("x",)),)), []),  # nobody proves anything: that is another rule's
        (Decision(tasks=(planned("a", covers=("x",)), PROVED)), []),
        (Decision(tasks=(planned("a", covers=("x",)), planned("b", covers=("y",)), PROVED)), [("task b", "no test task proves it")]),
        (Decision(tasks=(planned("a"), planned("b"), PROVED)), []),
        (Decision(tasks=(planned("a"), *(planned(f"s{n}", n, covers=("y",)) for n in (1, 2, 9)), PROVED)), []),
        (Decision(rulings=(ASKED,), tasks=(planned("a"), planned("b", covers=("y",), condition="pay: By card: later"), PROVED)), []),
        (Decision(rulings=(ASKED,), tasks=(planned("a", condition="pay: Never"),)), [("task a", "its condition 'pay: Never' is no ruling with that answer")]),
        (Decision(rulings=(ASKED,), tasks=(planned("a", rulings=("pay",)),)), []),
        (Decision(rulings=(ASKED,), tasks=(planned("a", rulings=("pay", "b", "c")),)), [("task a", "there is no ruling b, c")]),
        (Decision(tasks=(planned("a", needs=("b",)), planned("b", needs=("a",)))), [("task a", "dependency cycle: a → b → a")]),
        (
            Decision(layout=(Folder("app", "Code."),), tasks=(planned("a", file="web/a.x"), planned("b", file="app/b.x"), planned("c"))),
            [("task a", "its file web/a.x lies in no folder of the layout")],
        ),
        (Decision(tasks=(planned("a", file="web/a.x"),)), []),
    ],
)  # fmt: skip
def test_what_no_meaning_is_needed_to_see(decision: Decision, told: list[tuple[str, str]]) -> None:
    found = list(faults(decision))
    assert [f[:2] for f in found] == told
    for _, message, remedy in found:
        assert message[:1].islower()
        assert remedy[:1].isupper()
        assert remedy.endswith(".")
        assert "XX" not in message + remedy
