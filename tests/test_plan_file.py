"""The plan's file reads back as the plan that it was written from, field by field, and what a person wrote into it is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.plan.markdown_in import NotAPlan, parse, parse_located
from planagent.plan.markdown_out import render
from planagent.plan.plan import Plan, PlanItem, PlanSection, Row, Ruling, Source, Task

WORD = st.text("abcdefgh", min_size=1, max_size=6)
TEXT = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
TEXTS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
KEYS = st.lists(WORD, max_size=3, unique=True).map(tuple)
MAYBE = st.just("") | TEXT
SOURCES = st.lists(
    st.builds(lambda word, start, more: Source(anchor=f"specs/{word}.md#a", start=start, end=start + more), WORD, st.integers(1, 99), st.integers(0, 9)),
    max_size=2,
).map(tuple)  # fmt: skip


def ruling(number: int) -> st.SearchStrategy[Ruling]:
    return st.builds(
        Ruling, id=st.just(f"D{number}"), topic=WORD, title=TEXT, statement=MAYBE, default=TEXT, why=MAYBE, options=TEXTS, answer=MAYBE,
        waits=st.booleans(), about=KEYS, sources=SOURCES,
    )  # fmt: skip


def task(number: int) -> st.SearchStrategy[Task]:
    return st.builds(
        Task, id=st.just(f"T{number:03d}"), key=WORD.map(lambda w: f"do-{w}"), title=TEXT, section=st.integers(1, 9),
        file=MAYBE.map(lambda t: t and f"app/{t.replace(' ', '_')}.x"), phase=st.just("First"), parallel=st.booleans(), done=st.booleans(),
        condition=MAYBE.map(lambda t: t and f"D1: {t}"), needs=KEYS.map(lambda keys: () if number < 2 else ("T001",) * bool(keys)), covers=KEYS,
        proves=KEYS.map(lambda keys: ("T001",) * bool(keys)), gives=TEXTS, rulings=KEYS.map(lambda keys: ("D1",) * bool(keys)), sources=SOURCES,
        steps=TEXTS, done_when=MAYBE, forced=MAYBE,
    )  # fmt: skip


ROWS = st.lists(st.builds(Row, label=WORD.map(str.capitalize), lines=st.lists(TEXT, min_size=1, max_size=3).map(tuple)), max_size=3).map(
    tuple
)
ITEM = st.builds(PlanItem, number=st.just("5.1"), key=WORD, title=TEXT, rows=ROWS, covers=KEYS)
SECTION = st.builds(PlanSection, number=st.just(5), title=TEXT, intro=TEXTS, items=ITEM.map(lambda item: (item,)) | st.just(()))
PLANS = st.builds(
    Plan, title=TEXT, writer=TEXT, scope=MAYBE, read_share=MAYBE, documents=TEXTS, left_out=TEXTS, approach=TEXTS, conventions=TEXTS,
    rulings=ruling(1).map(lambda r: (r,)) | st.tuples(ruling(1), ruling(2)), excluded=TEXTS, sections=SECTION.map(lambda s: (s,)),
    tasks=task(1).map(lambda t: (t,)) | st.tuples(task(1), task(2)), next_task=st.integers(3, 999), findings=TEXTS,
)  # fmt: skip


@given(PLANS)
def test_a_plan_reads_back_as_it_is_field_by_field(plan: Plan) -> None:
    again = parse(render(plan))
    for name in Plan.model_fields:
        assert getattr(again, name) == getattr(plan, name), name


@given(PLANS)
def test_places_are_lines_of_the_file(plan: Plan) -> None:
    text = render(plan)
    lines, places = text.split("\n"), parse_located(text).lines
    wanted = {r.id for r in plan.rulings} | {t.id for t in plan.tasks} | {i.number for s in plan.sections for i in s.items}
    assert places.keys() == wanted
    assert all(name in lines[number - 1] for name, number in places.items())


def simple(**more: object) -> Plan:
    told = {
        "title": "One",
        "writer": "rules",
        "next_task": 7,
        "tasks": (Task(id="T001", key="do-it", title="Do it", phase="First", file="a.x"),),
    }
    return Plan.model_validate(told | more)


def with_line(after: str, *added: str) -> Plan:
    lines = render(simple()).split("\n")
    at = next(n for n, line in enumerate(lines) if after in line)
    return parse("\n".join([*lines[: at + 1], *added, *lines[at + 1 :]]))


def test_a_persons_tasks_have_the_next_ids_and_their_lines_are_steps() -> None:
    plan = with_line(
        "<!-- do-it", "- [ ] Buy a domain", "  - at the registrar", "  1. pay", "", "  while it is cheap", "- [X] Ask the owner", "- [ ] T009 A third",
    )  # fmt: skip
    first, second, third = plan.tasks[1:]
    assert (first.id, first.key, first.title, first.steps, first.own, first.done) == (
        "T007", "own-t007", "Buy a domain", ("at the registrar", "pay"), True, False,
    )  # fmt: skip
    assert (second.id, second.done, second.phase) == ("T008", True, "First")
    assert (third.id, third.key, third.section, third.file) == ("T009", "own-t009", 0, "")


def test_a_task_line_without_its_comment_keeps_its_title_whole() -> None:
    lines = [line for line in render(simple()).split("\n") if "<!-- do-it" not in line]
    [task] = parse("\n".join(lines)).tasks
    assert (task.title, task.file, task.done_when) == ("Do it in a.x", "", "")


def test_a_title_with_an_at_sign_in_its_file_is_read_whole() -> None:
    plan = simple(tasks=(Task(id="T001", key="k", title="T", phase="P", section=3, file="a @ b @ c.x"),))
    assert parse(render(plan)).tasks == plan.tasks


@pytest.mark.parametrize(("text", "line", "word"), [("", 1, "line 1"), ("hello\n", 1, "line 1")])
def test_what_is_no_plan_is_said_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(NotAPlan, match=word):
        parse(text)


def test_a_plan_without_a_title_says_so() -> None:
    first = render(simple()).split("\n")[0]
    with pytest.raises(NotAPlan, match=r"^line 2: the title is missing$"):
        parse(f"{first}\nno title\n")


def test_a_plan_that_ends_in_its_head_reads_as_far_as_it_goes() -> None:
    text = render(simple(scope="all"))
    head = text.partition("## High-Level")[0]
    plan = parse(head)
    assert (plan.title, plan.writer, plan.scope, plan.tasks) == ("One", "rules", "all", ())
    assert parse("\n".join(text.split("\n")[:2])).writer == ""
