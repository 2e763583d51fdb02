"""Blueprint, rulings, obligations, tasks: what is known before a writer is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.errors import UsageError
from planagent.planning.outline import Outline, make_outline
from planagent.planning.profile import PROFILES, choose_profile, load_profile, prompt, rulings_data
from planagent.planning.requirements import values_in
from planagent.planning.rulings import numbered
from planagent.publishing.graph import execution_order, shortest_cycle
from planagent.publishing.link import Provenance, link
from planagent.publishing.markdown_in import parse
from planagent.publishing.markdown_out import render
from planagent.reading.corpus import read_corpus
from planagent.writing.rules import write_all

Project = Callable[[dict[str, str]], Path]


def test_the_blueprint_takes_names_and_files_from_the_specs(sample_outline: Outline) -> None:
    handlers = {h.endpoint.label: h for h in sample_outline.blueprint.handlers.values()}
    create = handlers["POST /api/lists/{list_id}/tasks"]
    assert (create.controller, create.operation, create.request, create.response) == (
        "create_task",
        "create_task",
        "TaskCreate",
        "TaskResponse",
    )
    assert create.file == "backend/app/routes/tasks.py"
    assert handlers["DELETE /api/tasks/done"].operation == "delete_done_tasks"
    assert handlers["GET /health"].operation == ""
    assert sample_outline.blueprint.file("settings") == "backend/app/config/settings.py"
    assert sample_outline.blueprint.file("create") == "backend/migrations/"


def test_operation_names_are_unique(sample_outline: Outline) -> None:
    operations = sample_outline.blueprint.operations
    keys = [k for o in operations.values() for k in o.endpoints]
    assert len(keys) == len(set(keys))


def test_every_obligation_is_covered_and_every_need_is_a_task(sample_outline: Outline) -> None:
    covered = {c for t in sample_outline.tasks.values() for c in t.covers}
    assert set(sample_outline.obligations) <= covered
    assert {n for t in sample_outline.tasks.values() for n in t.needs} <= set(sample_outline.tasks)
    assert shortest_cycle({k: t.needs for k, t in sample_outline.tasks.items()}) == []


def test_a_shadowed_route_is_built_first(sample_outline: Outline) -> None:
    needs = {k: t.needs for k, t in sample_outline.tasks.items()}
    order = execution_order(needs, lambda k: (0, 0))
    assert order.index("endpoint.DELETE /api/tasks/done") < order.index("endpoint.DELETE /api/tasks/{}")


def test_the_requirement_of_a_heading_goes_to_its_task(sample_outline: Outline) -> None:
    homes = {
        c.rpartition(":")[2]: k
        for k, t in sample_outline.tasks.items()
        for c in t.covers
        if c.startswith("requirement:")
    }
    assert homes["LOG-1"] == "middleware.request-log"
    assert homes["ERR-2"] == "errors.exceptions"
    assert homes["AUTH-1"] == "auth.tokens"
    assert homes["PERF-1"].startswith("criteria.")
    assert not any(name.startswith("UI-") for name in homes)


def test_the_planned_blemishes_of_the_sample_are_found(sample_outline: Outline) -> None:
    topics = {r.topic for r in sample_outline.docket.rulings}
    assert "api.public" in topics
    assert "entity.limit/Task.title" in topics
    assert ["frontend.calls-missing/PATCH /api/lists", "{}"][0] in " ".join(topics)
    assert "frontend.promises" in topics


def test_ruling_ids_are_kept_over_a_rebuild(sample_outline: Outline) -> None:
    known = {r.topic: r.id for r in sample_outline.docket.rulings}
    first = sample_outline.docket.rulings[0]
    again = numbered(sample_outline.docket, {**known, first.topic: first.id[0] + "77"})
    assert again.rulings[0].id == first.id[0] + "77"
    assert {r.topic: r.id for r in again.rulings[1:]} == {
        r.topic: r.id for r in sample_outline.docket.rulings[1:]
    }


def test_a_persons_answer_is_kept_and_brings_in_the_planned_tasks(workspace: Path) -> None:
    corpus = read_corpus(workspace)
    plain = make_outline(corpus)
    topic = next(r.topic for r in plain.docket.rulings if r.topic.startswith("frontend.calls-missing"))
    key = next(k for k, t in plain.tasks.items() if t.ruling == topic)
    assert plain.tasks[key].condition == "specified and built"
    answered = make_outline(corpus, answers={topic: "specified and built"})
    assert answered.tasks[key].condition == ""
    ruling = next(r for r in answered.docket.rulings if r.topic == topic)
    assert (ruling.answer, ruling.waits) == ("specified and built", False)
    declined = make_outline(corpus, answers={topic: "not built"})
    assert key not in declined.tasks


def test_checklist_entries_without_specs_become_decisions(project: Project) -> None:
    outline = make_outline(
        read_corpus(
            project({"specs/api.md": "# API\nFastAPI backend on Neon PostgreSQL with JWT.\nGET /api/tasks\n"})
        )
    )
    topics = {r.topic for r in outline.docket.rulings}
    assert {
        "checklist.me",
        "checklist.cookies",
        "checklist.user-sync",
        "checklist.technology",
        "checklist.variable-needed/NEON_DB_URL",
    } <= topics
    assert not any(h.endpoint.path.endswith("/me") for h in outline.blueprint.handlers.values())
    assert "if.checklist.me.wanted" in outline.tasks
    assert "env:NEON_DB_URL" in outline.obligations


@pytest.mark.parametrize(
    ("text", "profile"),
    [("FastAPI", "fastapi"), ("Spring Boot 3", "spring"), ("Go with the Gin framework", "go"), ("ASP.NET Core", "dotnet"),
     ("Actix Web in Rust", "rust"), ("Laravel", "php"), ("Express.js", "node"), ("COBOL", "generic")],
)  # fmt: skip
def test_the_stack_chooses_the_profile(project: Project, text: str, profile: str) -> None:
    corpus = read_corpus(project({"specs/a.md": f"# API\n{text}\nGET /api/tasks/{{id}}\nPOST /api/tasks\n"}))
    assert choose_profile(corpus).name == profile
    outline = make_outline(corpus)
    assert parse(render(link(outline, write_all(outline), Provenance("x")))).tasks


def test_profiles_and_prompts_are_complete() -> None:
    fields = {
        (
            frozenset(load_profile(p).files),
            frozenset(load_profile(p).folders),
            frozenset(load_profile(p).words),
        )
        for p in (*PROFILES, "generic")
    }
    assert len(fields) == 1
    assert all(prompt(name).strip() for name in ("system.md", "deciding.md", "repair.md"))
    assert all({"title", "default", "applies"} <= set(entry) for entry in rulings_data().values())


def test_an_unknown_profile_is_a_usage_error(workspace: Path) -> None:
    with pytest.raises(UsageError, match="No profile"):
        make_outline(read_corpus(workspace), profile="cobol")


def test_values_are_taken_without_their_sentence() -> None:
    assert values_in("MUST answer 404 within 200 ms and read `API_KEY` or fail") == [
        "`API_KEY`",
        "404",
        "200 ms",
    ]


def test_the_same_corpus_gives_the_same_plan(workspace: Path) -> None:
    def made() -> str:
        outline = make_outline(read_corpus(workspace))
        return render(link(outline, write_all(outline), Provenance("x")))

    assert made() == made()


def test_names_that_tasks_share_are_fixed_in_the_stack_s_case(sample_outline: Outline) -> None:
    from dataclasses import replace

    from planagent.planning.gives import given_names, with_gives
    from planagent.planning.profile import load_profile

    names = given_names(sample_outline.tasks.values())
    assert {"get_settings", "get_session", "get_current_user", "create_app"} <= names
    bare = {k: replace(t, gives=()) for k, t in sample_outline.tasks.items()}
    assert "getSession" in given_names(with_gives(bare, load_profile("node")).values())
    assert "get_session" not in given_names(with_gives(bare, load_profile("spring")).values())
    assert all("; " not in g for t in sample_outline.tasks.values() for g in t.gives), "they share one line"


def test_a_writer_is_told_what_a_task_comes_after_and_what_stands_above(sample_outline: Outline) -> None:
    from planagent.planning.briefs import HOST, common_part, make_briefs
    from planagent.planning.parts import section_parts
    from planagent.writing.rules import write_all

    base = write_all(sample_outline)
    parts = section_parts(sample_outline, 5, base[5])
    brief = make_briefs(sample_outline, parts, common_part(sample_outline, HOST), HOST)[0]
    assert base[5].intro
    assert all(line in brief.request for line in base[5].intro)
    spec = next(
        sample_outline.tasks[k]
        for k in brief.keys
        if k in sample_outline.tasks and sample_outline.tasks[k].needs
    )
    assert f"comes after: {sample_outline.tasks[spec.needs[0]].title}" in brief.request
