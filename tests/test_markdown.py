"""The plan file parses back into an equal plan, whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planagent.planning.drafts import SECTION_TITLES
from planagent.planning.outline import Outline
from planagent.planning.plan import Plan, PlanItem, PlanSection, Row, Ruling, Source, Task
from planagent.publishing.link import Provenance, link
from planagent.publishing.markdown_in import NotAPlan, parse, parse_located
from planagent.publishing.markdown_out import render, task_line
from planagent.writing.rules import write_all

line = st.from_regex(
    r"[A-Za-zäß漢`(\[|*_#<][^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]{0,40}[a-z.)`]", fullmatch=True
).filter(lambda s: s == " ".join(s.split()) and "-->" not in s)
word = st.from_regex(r"[a-z][a-z.{}/_-]{0,20}[a-z]", fullmatch=True)
label = st.from_regex(r"[A-Z][A-Za-z /{}_-]{0,20}[a-z]", fullmatch=True).filter(
    lambda s: s == " ".join(s.split())
)
source = st.builds(
    lambda a, n, m: Source(anchor=f"specs/{a}.md#x", start=n, end=n + m),
    word,
    st.integers(1, 900),
    st.integers(0, 50),
)
sources = st.lists(source, max_size=3).map(tuple)


def ids(letter: str) -> st.SearchStrategy[str]:
    return st.integers(1, 99).map(lambda n: f"{letter}{n}")


rulings = st.builds(
    Ruling, id=st.sampled_from("DGRP").flatmap(ids), topic=word, title=line, statement=line, default=line, why=st.one_of(st.just(""), line),
    options=st.lists(word, max_size=3).map(tuple), answer=st.one_of(st.just(""), line), waits=st.booleans(), sources=sources,
)  # fmt: skip
rows = st.builds(
    Row,
    label=label.filter(lambda s: s not in ("Rulings", "Sources", "Covers", "Task")),
    lines=st.lists(line, min_size=1, max_size=3).map(tuple),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    sections = []
    for number in range(1, 10):
        items = tuple(
            PlanItem(number=f"{number}.{i}", key=draw(word), title=draw(line), rows=tuple(draw(st.lists(rows, max_size=3))),
                     rulings=tuple(draw(st.lists(ids("D"), max_size=2))), sources=draw(sources))
            for i in range(1, draw(st.integers(0, 2)) + 1)
        )  # fmt: skip
        sections.append(
            PlanSection(
                number=number,
                title=SECTION_TITLES[number],
                inputs="ab12",
                prompts="cd",
                intro=tuple(draw(st.lists(line, max_size=2))),
                items=items,
            )
        )
    count = draw(st.integers(0, 5))
    tasks = []
    for n in range(1, count + 1):
        needs = draw(st.lists(st.integers(1, n - 1), unique=True)) if n > 1 else []
        tasks.append(
            Task(
                id=f"T{n:03d}",
                key=draw(word),
                title=draw(line),
                file=draw(st.one_of(st.just(""), word)),
                phase=draw(label),
                parallel=draw(st.booleans()),
                done=draw(st.booleans()),
                condition=draw(st.one_of(st.just(""), line)),
                needs=tuple(f"T{m:03d}" for m in sorted(needs)),
                covers=tuple(draw(st.lists(word, max_size=3))),
                rulings=tuple(draw(st.lists(ids("G"), max_size=2))),
                sources=draw(sources),
                steps=tuple(draw(st.lists(line, min_size=1, max_size=3))),
                done_when=draw(line),
            )
        )
    ordered = sorted(
        draw(st.lists(rulings, max_size=4, unique_by=lambda r: r.id)), key=lambda r: "DGRP".find(r.id[0])
    )
    return Plan(
        title=draw(line), writer=draw(line), scope=draw(st.one_of(st.just(""), line)), documents=tuple(draw(st.lists(word, max_size=3))),
        approach=tuple(draw(st.lists(line, max_size=3))), rulings=tuple(ordered), excluded=tuple(draw(st.lists(line, max_size=2))),
        sections=tuple(sections), tasks=tuple(tasks), proofs=tuple(draw(st.lists(st.tuples(word, st.sampled_from(["T001", ""])), max_size=3))),
        next_task=count + 1, state="cd34", writer_id="ef56",
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(plans())
def test_a_rendered_plan_reads_back_equal(plan: Plan) -> None:
    assert parse(render(plan)) == plan


def test_the_sample_plan_reads_back_equal(sample_outline: Outline) -> None:
    plan = link(sample_outline, write_all(sample_outline), Provenance("x"))
    located = parse_located(render(plan))
    assert located.plan == plan
    text = render(plan).split("\n")
    for task in plan.tasks:
        assert text[located.lines[task.id] - 1].startswith(f"- [ ] {task.id}")


def test_the_task_line_is_spec_kits() -> None:
    task = Task(id="T014", key="k", title="Write it", file="a/b.py", parallel=True, done_when="x")
    assert task_line(task) == "- [ ] T014 [P] Write it in a/b.py"
    assert (
        task_line(task.model_copy(update={"done": True, "parallel": False, "file": ""}))
        == "- [x] T014 Write it"
    )


@pytest.mark.parametrize(
    "text", ["", "# A plan\n", "<!-- planagent plan, format 1; next task 1; corpus - -->\nno title"]
)
def test_other_texts_are_refused_with_a_line(text: str) -> None:
    with pytest.raises(NotAPlan, match="line"):
        parse(text)
