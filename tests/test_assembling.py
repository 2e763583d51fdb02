"""What a model wrote becomes a plan that reads back as it was, whatever marks its texts hold."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from planagent.assembling import Made, assemble
from planagent.briefs.decide import DecideStage, Group
from planagent.briefs.decision import Decision
from planagent.briefs.write import WriteStage
from planagent.plan.markdown_in import parse
from planagent.plan.markdown_out import render
from planagent.stages import decision_of
from planagent.statements.statement import Reading
from tests.test_deciding import ruling, task
from tests.test_writing import BOOK, CODE, CORPUS, item


def test_what_is_asked_of_a_writer_is_the_same_when_a_plan_tells_it_again() -> None:
    """Numbers for keys, needs with what they follow from, rulings in the order of their numbers: nothing of that opens a task."""
    reading = Reading((BOOK, CODE), ())
    given_: dict[str, Any] = {
        "approach": ["First ([day])."], "conventions": ["Days are as [day] says.", "Sizes: ([size])."], "layout": [], "excluded": [],
        "rulings": [
            ruling("zone", "code", kind="trap", default="In UTC, see [day]."), ruling("size", "book", kind="gap"), ruling("day", "code", kind="decision", title="A [size]"),
        ],
        "tasks": [
            task("model", "book", section=3, file="a.py", gives=["`Boat`", "`Pier`; `Rope`"]),
            task("other", section=6, file="a.py", gives=["`x`"]),
            task("routes", "book", section=5, title="Offer it as [zone] says", needs=["other", "model"], rulings=["zone", "day"]),
            task("codes", "code", section=6, needs=["model"], rulings=["size"], condition="day: yes"),
            task("tests", section=9, needs=["other"], proves=["routes", "model"]),
        ],
    }  # fmt: skip
    one = DecideStage(CORPUS, reading, (Group("all", reading.statements),))
    records = one.accept(one.parts, given_, {}).records
    decision = Decision.of(records["all"]["decision"])
    assert [t.key for t in decision.tasks] == ["model", "other", "routes", "codes", "tests"]
    written = {t.key: {"steps": ["x"], "done_when": "y", "items": []} for t in decision.tasks}
    again = decision_of(parse(render(assemble(CORPUS, reading, decision, written, Made("w", state="s"), {}))))
    assert again != decision, "it is told in another order"

    def asked(of: Decision) -> dict[str, object]:
        return {p.key: p.material for p in WriteStage(CORPUS, of, {s.key: s for s in reading.statements}).parts}

    assert asked(again) == asked(decision)


MARKS = [
    "; ", ";", " | ", ": ", ", ", " in ", "-->", "<!-- x -->", "## 10. Execution Timeline", "### 10.1 Tasks", "#### D1 x", "[P] ", "- [ ] T001 x",
    "1. ", "- ", "> - ", "`", "⟨book⟩", "[day]", "[one]", "@ ", "Covers: ", "Steps:", "Found: ", "\n", "\\", "(D1)", "…", "é", "訂", "a", "word", " ",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(MARKS), min_size=1, max_size=5).map("".join)
LINES = st.lists(TEXT, max_size=3)


@given(TEXT, TEXT, TEXT, LINES, LINES, LINES, LINES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_of_any_texts_reads_back_as_it_is(
    title: str, told: str, file: str, gives: list[str], options: list[str], steps: list[str], lines: list[str]
) -> None:
    reading = Reading((BOOK, CODE), ())
    one = DecideStage(CORPUS, reading, (Group("all", reading.statements),))
    given_: dict[str, Any] = {
        "project": title, "approach": lines, "conventions": steps, "excluded": lines, "layout": [{"path": file, "purpose": told, "files": gives, "component": ""}],
        "rulings": [ruling("day", "code", title=title, found=told, default=title, why=told, options=options, waits=True)],
        "tasks": [
            task("one", "book", section=5, title=title, file=file, phase=told, gives=gives),
            task("two", "code", needs=["one"], title=told, condition=f"day: {options[0]}" if options else ""),
        ],
    }  # fmt: skip
    decided = one.accept(one.parts, given_, {})
    assume(one.whole(one.parts[0], decided.records["all"]))
    decision = Decision.of(decided.records["all"]["decision"])
    write = WriteStage(CORPUS, decision, {s.key: s for s in reading.statements})
    items = [item(title=title, entry=lines, errors=steps)]
    entries = [
        {"key": "one", "steps": steps, "done_when": told, "items": items},
        {"key": "two", "steps": lines, "done_when": title, "items": []},
    ]
    outcome = write.accept(write.parts, {"section_5": entries[:1], "section_6": entries[1:]}, {})
    written = {t.key: outcome.records.get(t.key) or {"steps": ["x"], "done_when": "y", "items": []} for t in decision.tasks}
    plan = assemble(CORPUS, reading, decision, written, Made("w", state="s"), {"day": told})
    assert parse(render(plan)) == plan
