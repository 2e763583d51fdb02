"""The plan's own account is proved anew: each thing that can be wrong with it is found, at its place, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from planagent.assembling import Made, assemble
from planagent.briefs.decision import Decision, Planned, Ruled
from planagent.checking.account import check_account, check_coverage, reading_of
from planagent.checking.view import View, view_of_plan
from planagent.model import Corpus
from planagent.plan.markdown_in import NotAPlan, parse_located
from planagent.plan.markdown_out import render
from planagent.plan.plan import Plan, PlanItem, Row
from planagent.statements.statement import Dismissal, Reading, Statement
from tests.test_reading import corpus_of_text

TEXT = """# Berths

Sailing is fun.

A guest books by `POST /berths/{id}/bookings`, answered 201; 409 at 2 bookings of a day.

The code is `BERTH_FULL`.

Docker is never used.
"""
PATH = "specs/my berths.md"
CORPUS = corpus_of_text(TEXT, PATH)
BOOK = Statement(
    "book", "operation", "must", "A guest books; 409 at 2 bookings of a day.", ((PATH, "L5"),), "POST /berths/{id}/bookings",
    (("transport", "http"), ("status", "201")),
)  # fmt: skip
CODE = Statement("code", "rule", "must", "The refusal has the code `BERTH_FULL`.", ((PATH, "L7"),), facts=(("note", "code=BERTH_FULL"),))
DOCKER = Statement("docker", "technology", "must-not", "Not used.", ((PATH, "L9"),), "Docker")
READING = Reading((BOOK, CODE, DOCKER), (Dismissal("context", ((PATH, "L3"),), "it asks for nothing"),))
DECISION = Decision(
    rulings=(Ruled("no-docker", "decision", "No containers", "It is forbidden.", "None is made.", about=("docker",)),),
    tasks=(Planned("routes", 5, "Create the route", covers=("book",)), Planned("codes", 8, "Create the codes", covers=("code",)),
           Planned("tests", 9, "Test it", proves=("routes", "codes"))),
)  # fmt: skip
ITEM = {"title": "`POST /berths/{id}/bookings`", "covers": ["book"], "entry": ["http"], "response": ["201", "409 at 2"]}
WRITTEN: dict[str, dict[str, Any]] = {
    "routes": {"steps": ["Provide it."], "done_when": "The third booking is refused.", "items": [ITEM]},
    "codes": {"steps": ["Name `BERTH_FULL`."], "done_when": "It is in the answer.", "items": []},
    "tests": {"steps": ["Run all."], "done_when": "All pass.", "items": []},
}


def plan_of(reading: Reading = READING, decision: Decision = DECISION, corpus: Corpus = CORPUS) -> Plan:
    return assemble(corpus, reading, decision, WRITTEN, Made("w"), {})


def seen(plan: Plan) -> View:
    text = render(plan)
    return view_of_plan(parse_located(text), text)


def findings(plan: Plan, corpus: Corpus = CORPUS) -> list[tuple[str, str, str]]:
    """Rule, place and key of each finding."""
    view = seen(plan)
    found = [*check_account(view, corpus), *check_coverage(view)]
    for one in found:
        mark = one.place.removeprefix("item ")
        at = next((n for n, told in enumerate(view.text.split("\n"), 1) if told.startswith((f"- [ ] {mark} ", f"### {mark} "))), 0)
        assert one.line == at, "a finding has the line of its task or item, and one on the whole plan has none"
    return [(f.rule, f.place, f.key) for f in found]


def test_a_whole_plan_has_no_finding_and_carries_its_reading() -> None:
    plan = plan_of()
    assert not findings(plan)
    reading, same = reading_of(plan, CORPUS)
    assert reading.statements == READING.statements
    assert [d for d in reading.dismissed if d.reason == "context"] == list(READING.dismissed)
    assert same == {PATH}


def with_task(name: str, **more: Any) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        return plan.model_copy(update={"tasks": tuple(t.model_copy(update=more) if t.key == name else t for t in plan.tasks)})

    return change


def with_statement(name: str, **more: Any) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        told = tuple(s.model_copy(update=more) if s.key == name else s for s in plan.statements)
        return plan.model_copy(update={"statements": told})

    return change


def without_item(plan: Plan) -> Plan:
    sections = tuple(s.model_copy(update={"items": ()}) for s in plan.sections)
    return with_task("routes", items=())(plan.model_copy(update={"sections": sections}))


def item_named(title: str) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        def new(section: Any) -> Any:
            return section.model_copy(update={"items": tuple(i.model_copy(update={"title": title}) for i in section.items)})

        plan = plan.model_copy(update={"sections": tuple(map(new, plan.sections))})
        return with_task("routes", steps=("Provide `POST /berths/{id}/bookings`.",))(plan)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (with_task("codes", covers=()), [("PA501", "section 10", "code"), ("PA504", "T002", "codes")]),
        (with_task("codes", covers=("code", "nobody")), [("PA502", "T002", "codes")]),
        (with_task("routes", sources=()), [("PA601", "T001", "routes")]),
        (with_task("codes", steps=("Name it.",)), [("PA505", "T002", "codes")]),
        (without_item, [("PA505", "T001", "routes")]),
        (item_named("`POST /berths`"), [("PA914", "item 5.1", "routes.1")]),
        (lambda p: p.model_copy(update={"rulings": ()}), [("PA501", "section 10", "docker")]),
        (lambda p: p.model_copy(update={"withdrawn": (("code", "repeats"),)}), [("PA502", "T002", "codes")]),
        (with_statement("code", units=()), [("PA408", "statement code", "code"), ("PA507", "the account", "")]),
        (with_statement("code", says="The refusal has `BERTH_FULL` and `BERTH_GONE`."),
         [("PA408", "statement code", "code"), ("PA505", "T002", "codes")]),
        (with_statement("code", says="The refusal has a code.", facts=()), [("PA505", f"{PATH}:L7", "")]),
        (lambda p: p.model_copy(update={"accounts": ()}), [("PA507", "the account", "")]),
        (lambda p: p.model_copy(update={"accounts": tuple(a.model_copy(update={"dismissed": ()}) for a in p.accounts)}),
         [("PA507", "the account", "")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_at_its_place_and_nothing_else(change: Callable[[Plan], Plan], expected: list[tuple[str, str, str]]) -> None:
    assert sorted(findings(change(plan_of()))) == sorted(expected)


def test_findings_name_the_line_of_their_task() -> None:
    view = seen(with_task("codes", covers=("code", "nobody"))(plan_of()))
    [finding] = check_coverage(view)
    assert view.text.split("\n")[finding.line - 1].startswith("- [ ] T002")


@pytest.mark.parametrize(
    ("kind", "modality", "enough"),
    [
        ("technology", "must", True), ("quality", "must", True), ("layout", "must", True), ("question", "open", True), ("rule", "must-not", True),
        ("rule", "open", True), ("rule", "must", False), ("operation", "must", False), ("record", "must", False), ("setting", "may", False),
        ("integration", "must", False),
    ],
)  # fmt: skip
def test_a_ruling_is_enough_for_what_all_work_rests_on(kind: str, modality: str, enough: bool) -> None:
    one = replace(DOCKER, kind=kind, modality=modality)  # type: ignore[arg-type]
    plan = plan_of(Reading((BOOK, CODE, one), READING.dismissed))
    assert [f for f in findings(plan) if f[0] == "PA501"] == ([] if enough else [("PA501", "section 10", "docker")])


def test_a_ruling_that_a_task_rests_on_carries_what_it_says() -> None:
    ruled = replace(DECISION.rulings[0], default="The code is `BERTH_FULL`.", about=("docker", "code"))
    plan = plan_of(decision=replace(DECISION, rulings=(ruled,)))
    assert not findings(with_task("codes", steps=("Name it.",))(plan))
    assert not findings(
        with_task("codes", steps=("Name it.",))(plan_of(decision=replace(DECISION, conventions=("`BERTH_FULL` is a code.",))))
    )


def test_changed_and_new_documents_are_told_of() -> None:
    changed = replace(CORPUS.documents[0], digest="e" * 64)
    assert findings(plan_of(), replace(CORPUS, documents=(changed,))) == [("PA604", "the account", "")]
    other = corpus_of_text(TEXT, "specs/b.md").documents[0]
    assert findings(plan_of(), replace(CORPUS, documents=(*CORPUS.documents, other))) == [("PA507", "the account", "")]


def test_of_many_open_units_some_are_named_and_the_rest_is_counted() -> None:
    text = "# A\n\n" + "\n\n".join(f"Sentence {n} stands here." for n in range(12))
    corpus = corpus_of_text(text)
    plan = plan_of(Reading((), ()), Decision(), corpus)
    [finding] = check_account(seen(plan), corpus)
    assert finding.rule == "PA507"
    assert "L3, L5" in finding.message
    assert "4 more" in finding.message


@pytest.mark.parametrize(("count", "told"), [(8, ""), (9, " and 1 more")])
def test_eight_open_units_are_named(count: int, told: str) -> None:
    corpus = corpus_of_text("# A\n\n" + "\n\n".join(f"Sentence {n} stands here." for n in range(count)))
    [finding] = check_account(seen(plan_of(Reading((), ()), Decision(), corpus)), corpus)
    named = ", ".join(f"L{n}" for n in range(3, 19, 2))
    assert finding.message == f"specs/a.md: {named}{told}: no statement claims it and nothing dismisses it"


@pytest.mark.parametrize(
    "serving",
    [{"proves": ("T001",)}, {"condition": "D1: yes"}, {"needs": ("T001",)}, {"gives": ("a name",)}, {"rulings": ("D1",)}, {"section": 1}],
)
def test_a_task_serves_by_what_it_does_for_others(serving: dict[str, Any]) -> None:
    bare = {"covers": (), "proves": (), "condition": "", "needs": (), "gives": (), "rulings": (), "section": 6}
    assert ("PA504", "T003", "tests") in findings(with_task("tests", **bare)(plan_of()))
    assert ("PA504", "T003", "tests") not in findings(with_task("tests", **(bare | serving))(plan_of()))


def test_what_a_plan_has_stands_where_the_reader_says() -> None:
    text = render(plan_of())
    lines = text.split("\n")
    for name, at in parse_located(text).lines.items():
        assert lines[at - 1].startswith((f"#### {name}", f"### {name}", f"- [ ] {name}")), (name, lines[at - 1])


def test_what_is_applied_as_it_stands_needs_not_be_said() -> None:
    rules = replace(CODE, origin="rules", says="", name="The code")
    plan = plan_of(Reading((BOOK, rules, DOCKER), READING.dismissed))
    assert not findings(with_task("codes", steps=(f"Apply `{PATH} (L7)`.",))(plan))


def with_ruling(**more: Any) -> Callable[[Plan], Plan]:
    return lambda plan: plan.model_copy(update={"rulings": tuple(r.model_copy(update=more) for r in plan.rulings)})


def with_folder(kind: str) -> Callable[[Plan], Plan]:
    """A folder of the layout that says the token, and the statement of some kind."""

    def change(plan: Plan) -> Plan:
        row = Row(label="Files", lines=("`BERTH_FULL`",))
        folder = PlanItem(number="1.1", key="folder.app", title="`app`", rows=(row,))
        sections = tuple(s.model_copy(update={"items": (folder,)}) if s.number == 1 else s for s in plan.sections)
        return with_statement("code", kind=kind)(plan.model_copy(update={"sections": sections}))

    return change


SAYS = "The code is `BERTH_FULL`."


@pytest.mark.parametrize(
    ("change", "carried"),
    [
        (lambda p: p, False),
        (with_task("codes", done_when=SAYS), True),
        (with_task("codes", file="BERTH_FULL"), True),
        (with_task("routes", covers=("book", "code"), steps=(SAYS,)), True),
        (with_task("routes", steps=(SAYS,)), False),
        (with_ruling(statement=SAYS, about=("docker", "code")), True),
        (with_ruling(default=SAYS, about=("docker", "code")), True),
        (with_ruling(answer=SAYS, about=("docker", "code")), True),
        (with_ruling(why=SAYS, about=("docker", "code")), False),
        (with_ruling(default=SAYS), False),
        (lambda p: with_task("codes", rulings=("D1",))(with_ruling(title=SAYS)(p)), True),
        (with_folder("layout"), True),
        (with_folder("rule"), False),
        (lambda p: p.model_copy(update={"conventions": (SAYS,)}), True),
        (lambda p: p.model_copy(update={"approach": (SAYS,)}), False),
        (with_statement("code", left_out=("BERTH_FULL",)), True),
        (with_task("codes", steps=(f"Work by `{PATH} (L7)`.",)), True),
        (with_task("codes", steps=("Work by `specs/b.md (L7)`.",)), False),
    ],
)  # fmt: skip
def test_what_is_exact_is_carried_by_those_who_cover_it_and_by_nobody_else(change: Callable[[Plan], Plan], carried: bool) -> None:
    plan = change(with_task("codes", steps=("Name it.",))(plan_of()))
    view = view_of_plan(parse_located(render(plan)), render(plan))
    found = [f for f in check_coverage(replace(view, plan=plan)) if f.rule == "PA505"]
    if carried:
        assert not found
    else:
        [one] = found
        assert one.place == "T002"
        assert one.key == "codes"
        assert one.message == "`BERTH_FULL` of code is said nowhere in T002, its items or rulings"
        assert one.remedy == "Say it, or plan again."
        assert view.text.split("\n")[one.line - 1].startswith("- [ ] T002")


def test_of_two_that_cover_it_the_one_whose_section_it_is_is_named() -> None:
    both = with_task("codes", covers=("code", "book"))(without_item(plan_of()))
    [one] = [f for f in check_coverage(seen(both)) if f.rule == "PA505" and "book" in f.message]
    assert (one.place, one.key) == ("T001", "routes")
    assert one.message.endswith("of book is said nowhere in T001, T002, their items or rulings")


def test_all_that_a_plan_can_say_reads_back() -> None:
    """Parts that most plans do not have."""
    full = plan_of().model_copy(
        update={
            "scope": "phase 2", "left_out": ("a.md (empty)", "b.md (a template)"), "findings": ("PA201 T001: said before", "PA301 T002: a page"),
            "withdrawn": (("old", "superseded"), ("other", "repeats")), "conventions": ("names are short",), "title": "Backend Implementation Plan: Harbour",
        }
    )  # fmt: skip
    full = with_task(
        "codes", done=True, forced="nobody is there to test it", parallel=True, file="app/codes.py", condition="D1: yes", gives=("a", "b")
    )(full)
    full = with_ruling(answer="None at all.", waits=True, why="It is said so.", options=("one", "two"))(full)
    assert parse_located(render(full)).plan == full


def test_tasks_without_a_number_get_the_next_ones() -> None:
    text = render(plan_of())
    head, mark, rest = text.partition("### 10.1 Tasks\n")
    head, mark = f"{head}{mark}\n", ""
    added = "- [ ] Clean the berths\n  - Sweep.\n- [x] Paint them\n"
    located = parse_located(f"{head}{added}\n{mark}{rest}")
    own = [t for t in located.plan.tasks if t.own]
    next_task = plan_of().next_task
    assert [(t.id, t.title, t.done, t.key) for t in own] == [
        (f"T{next_task:03d}", "Clean the berths", False, f"own-t{next_task:03d}"),
        (f"T{next_task + 1:03d}", "Paint them", True, f"own-t{next_task + 1:03d}"),
    ]
    assert own[0].steps == ("Sweep.",)
    lines = f"{head}{added}".split("\n")
    assert [lines[located.lines[t.id] - 1] for t in own] == ["- [ ] Clean the berths", "- [x] Paint them"]


def test_a_file_without_title_or_first_line_is_refused_with_its_line() -> None:
    first, _, rest = render(plan_of()).partition("\n")
    for text, told in ((f"{first}\nno title\n{rest}", "line 2: the title is missing"), (rest, "line 1 is not"), ("", "line 1 is not")):
        with pytest.raises(NotAPlan, match=told):
            parse_located(text)


def test_a_plan_without_writer_or_scope_has_none() -> None:
    text = "\n".join(line for line in render(plan_of()).split("\n") if not line.startswith(("- Writer", "- Scope")))
    plan = parse_located(text).plan
    assert (plan.writer, plan.scope, plan.documents) == ("", "", plan_of().documents)
