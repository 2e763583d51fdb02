"""What has changed is told line by line, and only whoever rests on such a line is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from bench.simulated_server import SimulatedServer
from planagent.cli import run
from planagent.corpus.markdown import content_digest
from planagent.known import carried_over
from planagent.model import Corpus
from planagent.plan.changes import Changes, digests, edited_lines, unit_digests
from planagent.plan.plan import Plan, Source, Task, Traced
from planagent.statements.proof import open_units
from planagent.statements.runs import expanded
from tests.test_reading import corpus_of_text

if TYPE_CHECKING:
    import pytest

PATH = "specs/a.md"


def corpus_with(lines: list[str]) -> Corpus:
    return corpus_of_text("# A\n\n## Rules\n\n" + "".join(f"- {line}\n" for line in lines))


def plan_of(corpus: Corpus, *, told: bool = True) -> Plan:
    """A task for each item of the list, in its order."""
    document = corpus.documents[0]
    items = [u for u in document.units if u.kind not in ("mark", "heading")]
    anchor = document.passages[-1].anchor
    return Plan(
        title="P", writer="w",
        statements=tuple(
            Traced(key=f"s{n}", kind="rule", modality="must", says="x", units=(f"{PATH} {u.id}",), origin="model") for n, u in enumerate(items)
        ),
        tasks=tuple(
            Task(id=f"T{n + 1:03d}", key=f"t{n}", title="x", covers=(f"s{n}",), sources=(Source(anchor=anchor, start=u.line, end=u.line),))
            for n, u in enumerate(items)
        ),
        passages=tuple((p.anchor, content_digest(document.said(p))) for p in document.passages),
        units=tuple((p.anchor, unit_digests(document, p)) for p in document.passages) if told else (),
    )  # fmt: skip


def changed(lines: list[str], edited: set[int], new_before: set[int]) -> list[str]:
    """The lines, some of them edited, and with new ones before some."""
    now: list[str] = []
    for n, line in enumerate(lines):
        now += [f"A new rule of {n + 100} words"] * (n in new_before) + [f"{line}, but not at night" if n in edited else line]
    return now


def touched(plan: Plan, corpus: Corpus) -> list[int]:
    changes = Changes.of(plan, corpus)
    return [n for n, task in enumerate(plan.tasks) if changes.touching(task)]


@given(st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_who_rests_on_an_edited_line_is_told_and_nobody_else(edited: set[int], new_before: set[int]) -> None:
    lines = [f"A guest may hold {n} boats in {n * 7} harbours" for n in range(8)]
    plan = plan_of(corpus_with(lines))
    now = changed(lines, edited, new_before)
    changes = Changes.of(plan, corpus_with(now))
    assert [n for n, task in enumerate(plan.tasks) if changes.touching(task)] == sorted(edited)
    assert bool(changes.passages) == bool(edited or new_before)
    shown = " ".join(changes.passages.values())
    assert ("says now" in shown) == bool(edited or new_before)
    if len(edited) + len(new_before) <= 3:
        assert all(f"hold {n} boats in {n * 7} harbours, but not at night" in shown for n in edited)


@given(st.permutations(range(5)), st.sets(st.integers(0, 4), max_size=4))
def test_what_is_removed_is_told_to_its_tasks(order: list[int], removed: set[int]) -> None:
    lines = [f"Rule {n} of the harbour" for n in range(5)]
    plan = plan_of(corpus_with(lines))
    now = [line for n, line in enumerate(lines) if n not in removed]
    assert touched(plan, corpus_with(now)) == sorted(removed)
    if removed:
        assert "gone" in Changes.of(plan, corpus_with(now)).passages[f"{PATH}#rules"]
    elif order != sorted(order):  # the same lines in another order: nobody can say who means which
        assert touched(plan, corpus_with([lines[n] for n in order])) == [0, 1, 2, 3, 4]


def test_of_a_plan_that_does_not_tell_its_lines_whole_passages_count() -> None:
    lines = ["One rule", "Another rule"]
    plan = plan_of(corpus_with(lines), told=False)
    assert touched(plan, corpus_with(lines)) == []
    assert touched(plan, corpus_with(["One rule", "Quite another"])) == [0, 1]


def test_a_passage_that_is_gone_touches_all_that_rests_on_it() -> None:
    plan = plan_of(corpus_with(["One rule", "Another rule"]))
    changes = Changes.of(plan, corpus_of_text("# A\n\n## Laws\n\n- One rule\n"))
    assert all(changes.touching(task) == [f"{PATH}#rules is gone."] for task in plan.tasks)


def test_two_plans_tell_which_of_a_tasks_lines_differ() -> None:
    old, new = (plan_of(corpus_with(["One rule", rule])) for rule in ("Another rule", "Quite another"))
    anchor = f"{PATH}#rules"
    then, now = Changes(old), Changes(new)
    assert edited_lines(then, now, old.tasks[0], new.tasks[0], [anchor]) == []
    assert edited_lines(then, now, old.tasks[1], new.tasks[1], [anchor]) == [f"{anchor} has changed: L6"]


@given(st.lists(st.integers(1, 300), unique=True, min_size=1, max_size=30), st.data())
def test_runs_name_the_units_between_their_ends(numbers: list[int], data: st.DataObject) -> None:
    order = [f"L{n}" for n in sorted(numbers)]
    places = {unit: n for n, unit in enumerate(order)}
    first = data.draw(st.integers(0, len(order) - 1))
    last = data.draw(st.integers(first, len(order) - 1))
    assert expanded(f"{order[first]}-{order[last]}", order, places) == order[first : last + 1]
    assert expanded("L999", order, places) is None
    told = ",".join(f"{unit} {n:04x}" for unit, n in places.items())
    assert list(digests(told)) == order


@given(st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_what_was_read_of_lines_that_say_the_same_is_carried_over(edited: set[int], new_before: set[int]) -> None:
    lines = [f"A guest may hold {n} boats in {n * 7} harbours" for n in range(8)]
    plan = plan_of(corpus_with(lines))
    now = changed(lines, edited, new_before)
    corpus = corpus_with(now)
    reading = carried_over(plan, corpus)
    said = {s.key: [u.text for ref in s.units if (u := corpus.unit(*ref))] for s in reading.statements}
    assert said == {f"s{n}": [line] for n, line in enumerate(lines) if n not in edited}
    missing = [u for ref in open_units(corpus, reading) if (u := corpus.unit(*ref)) and u.kind != "heading"]
    assert len(missing) == len(edited) + len(new_before)


def test_coverage_of_a_stale_plan_misses_what_is_new_and_nothing_else(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "-q", "-w", str(workspace)]) == 0
    assert run(["coverage", "-w", str(workspace), "--fail-under", "100"]) == 0
    spec = workspace / "specs/backend/api.md"
    spec.write_text(spec.read_text().replace("name: required, 1-80 characters", "name: required, 1-60 characters"))
    for ledger in (workspace / ".planagent").glob("ledger*"):  # as in a clone
        ledger.unlink()
    capsys.readouterr()
    assert run(["coverage", "-w", str(workspace), "--json", "--fail-under", "100"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["total"]["missing"], told["total"]["unplanned"]) == (1, 0)
    line = 1 + next(n for n, text in enumerate(spec.read_text().splitlines()) if "1-60 characters" in text)
    assert [f["missing"] for f in told["files"] if f["missing"]] == [f"L{line}"]
    assert "what is new since has no reader yet" in told["read_by"]
