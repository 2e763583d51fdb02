"""The rules on plans of this program: each broken on purpose, and the plan made by rule that breaks none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planagent.checking.check import Checker, check_unit
from planagent.checking.dependencies import check_dependencies
from planagent.checking.language import restates
from planagent.checking.repetition import Index
from planagent.checking.structure import count_words
from planagent.checking.units import Unit
from planagent.checking.view import Entry, view_of_plan
from planagent.cli import run
from planagent.planning.outline import Outline
from planagent.planning.plan import Plan, Source, Task
from planagent.publishing.link import Provenance, link
from planagent.publishing.markdown_in import parse_located
from planagent.publishing.markdown_out import render
from planagent.writing.rules import write_all


def rules(checker: Checker, text: str, kind: str = "task") -> set[str]:
    unit = Unit("here", "key", kind, text)  # type: ignore[arg-type]
    return {f.rule for f in check_unit(unit, checker.index, checker.known)}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("PA201", "The process refuses to start when a required variable is missing, and names it."),
        ("PA301", "Build the login page with two fields."),
        ("PA301", "Create a React component for the list."),
        ("PA401", "Build `POST /api/reports`."),
        ("PA401", "`GET /api/lists/{list_id}/export` streams a file."),
        ("PA402", "Read `STRIPE_API_KEY` in the settings."),
        ("PA403", "Cache the answer in Redis."),
        ("PA404", "Call `frobnicate_task()` in the service."),
        ("PA404", "Answer with `TaskSummaryResponse`."),
        ("PA801", "Sign with npg_a8f3k2l9q0z7 as the key."),
        ("PA901", "TODO: decide the status."),
        ("PA901", "Set it to [INSERT VALUE]."),
        ("PA902", "Handle errors appropriately."),
        ("PA902", "Add indexes as needed, constraints etc."),
    ],
)
def test_each_rule_finds_its_fault(sample_checker: Checker, rule: str, text: str) -> None:
    assert rule in rules(sample_checker, text)


@pytest.mark.parametrize(
    "text",
    [
        "Verify the token with HS256 and the secret in `BETTER_AUTH_SECRET`.",
        "`DELETE /api/tasks/done` is registered first.",
        "Nothing in the user interface is built: no page, no component.",
        "Answer 404 for a list of another user.",
        "`create_task()` trims the title and stores it.",
        "Let `NEON_DB_URL` be translated for asyncpg.",
        "Each of the ten statuses has a case of its own.",
    ],
)
def test_good_lines_pass_every_rule(sample_checker: Checker, text: str) -> None:
    assert rules(sample_checker, text) == set()


def test_repetition_sees_through_case_marks_and_punctuation() -> None:
    index = Index(["Users MUST only see **their own** tasks, and a request for another one answers 404."])
    assert index.repeated("users must only see their own tasks and a request for another")
    assert not index.repeated("a user sees only what is theirs")
    assert not index.repeated(
        "`Users MUST only see their own tasks, and a request for another one answers 404.`"
    )


def test_repetition_counts_characters_where_words_have_no_spaces() -> None:
    index = Index(["系統管理員可管理組織、部門、使用者以及所有的審核流程設定與權限"])
    assert index.repeated("系統管理員可管理組織部門使用者以及所有的審核流程設定")
    assert not index.repeated("管理員管理部門")


@pytest.mark.parametrize(
    ("title", "proof", "empty"),
    [
        ("Write the tasks service", "The tasks service is written.", True),
        ("Write the tasks service", "The tasks service works.", True),
        ("Write the tasks service", "A second caller's records stay unseen.", False),
        ("Build GET /health", "It answers 200.", False),
    ],
)
def test_a_proof_that_restates_the_title_is_none(title: str, proof: str, empty: bool) -> None:
    assert restates(title, proof) is empty


@pytest.fixture
def plan(sample_outline: Outline) -> Plan:
    return link(sample_outline, write_all(sample_outline), Provenance("x"))


def found(checker: Checker, plan: Plan) -> set[str]:
    return {f.rule for f in checker.text(render(plan))}


def changed(plan: Plan, task_id: str, **values: object) -> Plan:
    return plan.model_copy(
        update={"tasks": tuple(t.model_copy(update=values) if t.id == task_id else t for t in plan.tasks)}
    )


def task_of(plan: Plan, key: str) -> Task:
    return next(t for t in plan.tasks if t.key == key)


def test_the_rule_made_plan_is_clean(sample_checker: Checker, plan: Plan) -> None:
    assert found(sample_checker, plan) == set()


def test_structure_rules(sample_checker: Checker, plan: Plan) -> None:
    endpoint = task_of(plan, "endpoint.PATCH /api/tasks/{}")
    dropped = plan.model_copy(update={"tasks": tuple(t for t in plan.tasks if t.id != endpoint.id)})
    assert {"PA702"} <= found(sample_checker, dropped)
    bare = changed(plan, endpoint.id, covers=())
    health = task_of(bare, "endpoint.GET /health")
    gone = plan.model_copy(
        update={
            "tasks": tuple(
                t.model_copy(update={"covers": tuple(c for c in t.covers if c != "GET /health")})
                for t in plan.tasks
            )
        }
    )
    assert "PA501" in found(sample_checker, gone)
    assert "PA502" in found(sample_checker, changed(plan, health.id, covers=("GET /nowhere",)))
    assert "PA601" in found(sample_checker, changed(plan, health.id, sources=()))
    assert "PA602" in found(
        sample_checker, changed(plan, health.id, sources=(Source(anchor="specs/none.md#x", start=1, end=1),))
    )
    assert "PA602" in found(
        sample_checker,
        changed(
            plan, health.id, sources=(Source(anchor="specs/backend/api.md#get-health", start=1, end=9000),)
        ),
    )
    wrong = Source(anchor="specs/backend/auth.md#rules", start=7, end=7)
    assert "PA603" in found(sample_checker, changed(plan, health.id, sources=(wrong,)))


def test_graph_rules(plan: Plan) -> None:
    text = render(plan)
    entries = list(view_of_plan(parse_located(text), text).entries)

    def broken(*changed: Entry) -> set[str]:
        return {f.rule for f in check_dependencies(changed)}

    first, second = entries[0], entries[1]
    assert not broken(*entries)
    assert "PA701" in broken(replace(first, needs=(second.id,)), *entries[1:])
    assert "PA704" in broken(second, first, *entries[2:])
    assert "PA703" in broken(*entries, entries[-1])
    assert "PA706" in broken(replace(first, needs=(first.id,)), *entries[1:])


def test_a_claim_that_the_text_does_not_keep_is_found(sample_checker: Checker, plan: Plan) -> None:
    health = task_of(plan, "endpoint.GET /health")
    claimed = changed(plan, health.id, covers=(*health.covers, "NEON_DB_URL", "backend:PERF-1"))
    text = render(claimed)
    assert {f.message for f in sample_checker.text(text) if f.rule == "PA503"} == {
        "claims to cover NEON_DB_URL and does not speak of it",
        "claims to cover backend:PERF-1 and does not speak of it",
    }
    assert "PA504" in found(sample_checker, changed(plan, health.id, covers=(), sources=()))


def test_a_changed_passage_makes_its_tasks_stale_and_a_new_layout_does_not(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    api = workspace / "specs" / "backend" / "api.md"
    text = api.read_text(encoding="utf-8")
    api.write_text(text.replace("- 200: the user", "*  **200**:  the user", 1), encoding="utf-8")
    assert run(["check", "-w", str(workspace)]) == 0
    api.write_text(
        text.replace("Gives the signed-in user", "Gives the signed-in user and her lists"), encoding="utf-8"
    )
    capsys.readouterr()
    assert run(["check", "-w", str(workspace), "--json", "--select", "PA604"]) == 1
    stale = json.loads(capsys.readouterr().out)["findings"]
    assert stale
    assert all("specs/backend/api.md#get-apime" in f["message"] for f in stale)


def test_references_and_size(sample_checker: Checker, plan: Plan) -> None:
    task = plan.tasks[3]
    assert "PA904" in found(sample_checker, changed(plan, task.id, steps=("Keep the ruling (D99).",)))
    assert "PA904" in found(sample_checker, changed(plan, task.id, rulings=("G98",)))
    assert "PA906" in found(sample_checker, changed(plan, task.id, steps=("word " * 250,)))
    assert "PA905" in found(
        sample_checker, changed(plan, task.id, steps=("A step of six different words.",) * 4000)
    )
    many = tuple(Source(anchor="specs/backend/api.md#get-health", start=10 + n, end=10 + n) for n in range(6))
    assert "PA906" in found(sample_checker, changed(plan, task.id, sources=many))


def test_a_fence_anywhere_in_the_file_is_found(sample_checker: Checker, plan: Plan) -> None:
    text = render(plan).replace("## High-Level Plan\n", "## High-Level Plan\n\n```sql\nselect 1\n```\n")
    assert "PA103" in {f.rule for f in sample_checker.text(text)}


def test_reference_lines_do_not_count_as_words() -> None:
    assert count_words("one two\n- Sources: a (L1)\n<!-- key -->\n| x | y |\n  - Needs: T001") == 2


def test_an_entry_stays_within_the_words_that_it_is_worth(
    sample_outline: Outline, sample_checker: Checker
) -> None:
    from planagent.checking.structure import most_words
    from planagent.writing.rules import write_section

    base = write_section(sample_outline, 5)
    task = base.tasks[0]
    words = sum(len(s.split()) for s in (*task.steps, task.done_when))

    def lengthened(by: int) -> list[str]:
        last = task.done_when.rstrip(".") + " and again" * (by // 2) + "."
        draft = base.model_copy(
            update={"tasks": [task.model_copy(update={"done_when": last}), *base.tasks[1:]]}
        )
        return [f.key for f in sample_checker.draft(draft, base) if f.rule == "PA905"]

    room = (most_words(words) - words) // 2 * 2
    assert lengthened(room) == []
    assert lengthened(room + 2) == [task.key]
