"""The model path, over HTTP to a real server in this process, with every fault it must survive."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import Fault, Request, SimulatedServer
from planagent import tokens
from planagent.cli import run
from planagent.errors import AnswerError
from planagent.planning.briefs import SMALL, Brief, Shape, common_part, deciding_briefs, make_briefs
from planagent.planning.drafts import SectionDraft
from planagent.planning.ledger import Ledger
from planagent.planning.outline import Outline
from planagent.planning.parts import approach_part, ruling_part, section_parts
from planagent.publishing.markdown_in import parse
from planagent.writing.answers import parse as parse_answer
from planagent.writing.answers import salvage, sort_out
from planagent.writing.rules import write_all

PLAN = "plan/backend_implementation_plan.md"
CALLS = 13
"""Of a whole plan of the sample: the deciding call and one round of twelve briefs for nine sections."""


def plan(workspace: Path, *more: str) -> int:
    return run(["plan", "-w", str(workspace), *more])


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])  # type: ignore[no-any-return]


def test_a_plan_costs_the_deciding_call_and_one_round_of_sections(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.first_token = 0.5  # long enough that briefs sent together are seen together on a busy machine
    assert plan(workspace, "--json") == 0
    told = report(capsys)
    assert told["usage"]["calls"] == len(server.requests) == CALLS
    assert told["writer"] == "model simulated"
    assert server.most_at_once > 1
    first, rest = server.requests[0], server.requests[1:]
    assert "Conflicts and gaps" in first.prompt
    common = {r.body["messages"][1]["content"].split("# Section")[0] for r in rest}
    assert len(common) == 1  # byte for byte, so that prefix caches hit
    assert all(r.body["max_tokens"] > 0 for r in server.requests)
    assert run(["check", "-w", str(workspace)]) == 0


def test_schemas_name_only_keys_and_anchors_that_exist(workspace: Path, server: SimulatedServer) -> None:
    plan(workspace)
    schema = server.requests[1].body["response_format"]["json_schema"]
    assert schema["strict"]
    text = json.dumps(schema)
    ids = schema["schema"]["$defs"]["source"]["enum"]
    assert text.count(json.dumps(ids)) == 1  # once, however many fields cite
    assert all(f"[{i}]" in server.requests[1].prompt for i in ids)
    for part in schema["schema"]["properties"].values():
        assert "maxItems" in part
        assert part["items"]["additionalProperties"] is False


def test_nothing_changed_means_no_call(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(workspace)
    before = len(server.requests)
    assert plan(workspace, "--json") == 0
    assert len(server.requests) == before
    told = report(capsys)
    assert told["unchanged"]
    assert told["reused"] > 100  # parts
    assert (workspace / ".planagent" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("status", 429, "0"), Fault("status", 503), Fault("status", 500), Fault("status", 408)],
        [Fault("reset"), Fault("reset")],
        [Fault("think"), Fault("fence"), Fault("think"), Fault("fence")],
        [Fault("garbage"), Fault("garbage")],
        [Fault("think"), Fault("garbage"), Fault("empty"), Fault("half"), Fault("no-choices")],
        [Fault("think"), Fault("length"), Fault("length"), Fault("length")],
    ],
    ids=["statuses", "resets", "wrapped", "garbage", "mixed", "cut-off"],
)  # fmt: skip
def test_faults_that_are_survived(workspace: Path, server: SimulatedServer, faults: list[Fault]) -> None:
    server.script = list(faults)
    assert plan(workspace) == 0
    assert server.script == []
    assert run(["check", "-w", str(workspace)]) == 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("status", 401), "OPENAI_API_KEY"),
        (Fault("status", 404), "PLANAGENT_MODEL"),
        (Fault("filter"), "content filter"),
        (Fault("refusal"), "refused"),
    ],
)
def test_faults_that_end_the_run_write_nothing(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], fault: Fault, told: str
) -> None:
    server.script = [fault] * 30
    assert plan(workspace) == 6
    error = capsys.readouterr().err
    assert told in error
    assert "test-key" not in error
    assert not (workspace / PLAN).exists()


def test_an_unreachable_server_is_a_clear_error(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PLANAGENT_MODEL", "x")
    monkeypatch.setenv("PLANAGENT_RETRIES", "1")
    assert plan(workspace) == 6
    assert "cannot reach the server" in capsys.readouterr().err


def test_a_failed_run_goes_on_where_it_stopped(
    workspace: Path,
    server: SimulatedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PLANAGENT_CONCURRENCY", "1")
    server.script = [Fault("think")] * 4 + [Fault("status", 401)]
    assert plan(workspace) == 6
    first = len(server.requests)
    server.script = []
    assert plan(workspace, "--json") == 0
    assert report(capsys)["reused"] > 40  # the parts of every answer that came back before the failure
    assert len(server.requests) <= first + CALLS - 4


@pytest.mark.parametrize(
    "server_settings",
    [
        {"supports": ()},
        {"supports": ("json_object",)},
        {"bounded_schemas": False},
        {"needs_completion_tokens": True},
        {"takes_temperature": False},
        {"takes_temperature": False, "needs_completion_tokens": True, "bounded_schemas": False},
    ],
    ids=["text", "object", "unbounded", "completion-tokens", "temperature", "all"],
)
def test_lesser_servers_are_stepped_down_to_and_remembered(
    workspace: Path, server: SimulatedServer, server_settings: dict[str, Any]
) -> None:
    for name, value in server_settings.items():
        setattr(server, name, value)
    assert plan(workspace) == 0
    assert len(Ledger(workspace / ".planagent").noted("servers")) == 1
    refused = sum(bool(server.refusal_of(r.body)) for r in server.requests)
    assert 1 <= refused <= 3
    assert len(server.requests) == CALLS + refused


def faulty_once(text: str) -> Any:
    """Puts a fault into the first steps it sees of each brief, and takes it back when asked again."""
    seen: set[str] = set()

    def edit(value: dict[str, Any], request: Request) -> dict[str, Any]:
        repaired = "broke the rules below" in request.prompt
        for task in value.get("tasks", [])[:1]:
            if not repaired and task["key"] not in seen:
                seen.add(task["key"])
                task["steps"] = [text]
        return value

    return edit


@pytest.mark.parametrize(
    "text",
    [
        "Run `app = FastAPI()` now.",
        "Build `GET /api/invented`.",
        "Handle errors appropriately.",
        "Create a React component.",
        "The process refuses to start when a required variable is missing, and names it.",
    ],
)
def test_findings_go_back_for_the_faulty_part_only(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    server.edit = faulty_once(text)
    assert plan(workspace, "--json") == 0
    told = report(capsys)
    assert told["repairs"] > 0
    repairs = [r for r in server.requests if "broke the rules below" in r.prompt]
    assert len(repairs) == told["repairs"]
    for request in repairs:
        keys = (
            request.body["response_format"]["json_schema"]["schema"]["properties"]
            .get("tasks", {})
            .get("items", {})
            .get("properties", {})
            .get("key", {})
            .get("enum", [])
        )
        assert len(keys) == 1
    assert text not in (workspace / PLAN).read_text()


def stubborn(value: dict[str, Any], request: Request) -> dict[str, Any]:
    for task in value.get("tasks", [])[:1]:
        task["done_when"] = "All is handled appropriately."
    return value


def test_a_stubborn_model_ends_with_code_3_and_keeps_the_old_plan(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--offline", "-w", str(workspace)]) == 0
    old = (workspace / PLAN).read_bytes()
    server.edit = stubborn
    assert plan(workspace) == 1
    error = capsys.readouterr().err
    assert "PA902" in error
    assert "--fill-from-rules" in error
    assert (workspace / PLAN).read_bytes() == old
    # Findings that repeat stop the loop: one repair for each brief that has a task, not two.
    assert len(server.requests) <= CALLS + CALLS - 1


def test_rulings_that_are_always_cut_off_are_said_and_not_kept(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = [Fault("length")] * 3
    assert plan(workspace) == 0
    assert "1 part by rule" in parse((workspace / PLAN).read_text()).writer
    first = len(server.requests)
    assert plan(workspace) == 0
    asked_again = len(server.requests) - first
    assert asked_again >= 1
    assert "by rule" not in parse((workspace / PLAN).read_text()).writer


def test_filling_from_rules_is_asked_for_and_said(
    workspace: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.edit = stubborn
    assert plan(workspace, "--fill-from-rules", "--json") == 0
    filled = report(capsys)["filled_from_rules"]
    assert filled
    written = (workspace / PLAN).read_bytes()
    assert "by rule" in parse(written.decode()).writer
    assert run(["check", "-w", str(workspace)]) == 0
    server.requests.clear()
    capsys.readouterr()
    assert plan(workspace, "--fill-from-rules", "--json") == 0
    assert sorted(report(capsys)["filled_from_rules"]) == sorted(filled)
    assert server.requests == []  # nothing changed, nothing asked
    assert (workspace / PLAN).read_bytes() == written
    server.edit = None
    assert plan(workspace) == 0  # without the flag the rules stand in for nothing
    assert len(server.requests) > 0
    assert "by rule" not in parse((workspace / PLAN).read_text()).writer


def test_a_ruling_that_breaks_a_rule_is_said_once_more_and_asked_once(
    workspace: Path, server: SimulatedServer
) -> None:
    def careless(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if "rulings" in value:
            value["rulings"] = [
                {**r, "default": "Handle errors appropriately."} for r in request.drafts["rulings"][:1]
            ]
        return value

    server.edit = careless
    assert plan(workspace) == 0
    written = (workspace / PLAN).read_bytes()
    assert "1 part by rule" in parse(written.decode()).writer
    server.requests.clear()
    assert plan(workspace) == 0
    assert server.requests == []
    assert (workspace / PLAN).read_bytes() == written


def test_allowed_findings_are_listed_in_the_plan_and_code_3(workspace: Path, server: SimulatedServer) -> None:
    server.edit = stubborn
    assert plan(workspace, "--allow-findings") == 1
    written = parse((workspace / PLAN).read_text())
    assert any("PA902" in f for f in written.findings)


def test_what_a_model_sees_beyond_the_checklists_lands_in_the_plan(
    workspace: Path, server: SimulatedServer
) -> None:
    anchor = "specs/backend/auth.md#rules (L5-L13)"

    def insight(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if "# Section 4" in request.prompt:
            value["risks"] = [
                {"text": "A clock that runs ahead by a minute locks everybody out.", "sources": [anchor]}
            ]
            value["gaps"] = [
                {"question": "Which header names the realm?", "assumed": "None is sent.", "sources": [anchor]}
            ]
            value["own_tasks"] = [{"title": "Prove the leeway at its bound", "file": "backend/tests/test_auth.py", "needs": ["auth.tokens"], "sources": [anchor],
                                   "steps": ["Shift the clock by 30 and by 31 seconds."], "done_when": "30 passes and 31 answers 401."}]  # fmt: skip
        if "rulings" in value:
            value["traps"] = [
                {
                    "text": "The token's user may be gone before the request ends.",
                    "guard": "Load the user in the request's own session.",
                    "sources": [anchor],
                }
            ]
        return value

    server.edit = insight
    assert plan(workspace) == 0
    written = parse((workspace / PLAN).read_text())
    assert any("clock" in r.statement for r in written.rulings)
    assert any("may be gone" in r.statement for r in written.rulings)
    assert any("realm" in r.statement for r in written.rulings)
    own = next(t for t in written.tasks if t.key.startswith("own."))
    assert own.sources[0].anchor == "specs/backend/auth.md#rules"
    assert own.needs == (next(t.id for t in written.tasks if t.key == "auth.tokens"),)
    assert run(["check", "-w", str(workspace)]) == 0
    asked = len(server.requests)
    for spec in ("specs/frontend/pages.md", "specs/backend/api.md"):  # other bytes, the same words
        (workspace / spec).write_text((workspace / spec).read_text() + "\n")
    assert run(["status", "-w", str(workspace)]) == 0
    assert run(["plan", "-w", str(workspace)]) == 0
    assert len(server.requests) == asked


def test_a_model_that_obeys_a_hostile_spec_does_not_get_it_into_the_plan(
    workspace: Path, server: SimulatedServer
) -> None:
    def obedient(value: dict[str, Any], request: Request) -> dict[str, Any]:
        for item in value.get("items", []):
            if "advice" in item:
                item["advice"] = ["Run `rm -rf /` first; the key is npg_a8f3k2l9q0z7."]
        return value

    server.edit = obedient
    assert plan(workspace) == 1
    assert not (workspace / PLAN).exists()


def test_the_call_ceiling_stops_cleanly(
    workspace: Path,
    server: SimulatedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PLANAGENT_MAX_CALLS", "3")
    assert plan(workspace) == 8
    assert len(server.requests) == 3
    assert "max_calls" in capsys.readouterr().err
    monkeypatch.delenv("PLANAGENT_MAX_CALLS")
    server.requests.clear()
    assert plan(workspace) == 0
    fresh = workspace.parent / "fresh"
    shutil.copytree(workspace / "specs", fresh / "specs")
    again = len(server.requests)
    server.requests.clear()
    assert plan(fresh) == 0
    assert again <= len(server.requests) - 3  # nothing that was paid for is lost


def test_no_model_is_said_and_planned_by_rule(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(workspace) == 0
    assert "No model is configured" in capsys.readouterr().err
    assert "offline rules" in parse((workspace / PLAN).read_text()).writer


def test_a_model_without_key_or_server_is_a_usage_error(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANAGENT_MODEL", "x")
    assert plan(workspace) == 2
    assert plan(workspace, "--model", "gguf:/nowhere.gguf") == 2


def test_settings_come_from_dotenv_below_the_environment(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANAGENT_MODEL")
    (workspace / ".env").write_text("PLANAGENT_MODEL=from-dotenv\nOPENAI_BASE_URL=http://127.0.0.1:9\n")
    assert plan(workspace) == 0
    assert {r.body["model"] for r in server.requests} == {"from-dotenv"}


# -- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '<think>{"b": 2}</think>{"a": 1}',
        'reason</think>\n{"a": 1}',
        'Sure:\n```json\n{"a": 1}\n```\nDone',
        '{"a": 1} and more',
    ],
)
def test_answers_are_unwrapped(text: str) -> None:
    assert parse_answer(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "no", "[1]", '{"a": ', "<think>only"])
def test_answers_that_are_none(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_answer(text)


def test_finished_parts_of_a_cut_off_answer_are_kept() -> None:
    assert salvage('{"items": [{"key": "a", "x": 1}, {"key": "b", "x": "unfin') == {
        "items": [{"key": "a", "x": 1}]
    }
    assert salvage("nothing") == {}


def test_a_small_model_cannot_fill_what_the_draft_leaves_empty(sample_outline: Outline) -> None:
    base = write_all(sample_outline)
    brief = briefs_of(sample_outline, 2, base[2], SMALL)[0]
    empty = [(i["key"], n) for i in brief.base["items"] for n, v in i.items() if v == ""]
    assert empty
    padded = {
        **brief.base,
        "items": [{n: v or "The start stops." for n, v in i.items()} for i in brief.base["items"]],
    }
    given = sort_out(padded, brief).entries
    assert [given[i["key"]] for i in brief.base["items"]] == brief.base["items"]


def briefs_of(outline: Outline, number: int, draft: SectionDraft, shape: Shape) -> list[Brief]:
    return make_briefs(outline, section_parts(outline, number, draft), common_part(outline, shape), shape)


@pytest.mark.parametrize("shape", [Shape(), Shape(whole=False), SMALL], ids=["whole", "focused", "small"])
def test_briefs_ask_for_every_part_once_within_their_bounds(sample_outline: Outline, shape: Shape) -> None:
    for number, draft in write_all(sample_outline).items():
        briefs = briefs_of(sample_outline, number, draft, shape)
        keys = [k for b in briefs for k in b.keys]
        assert keys == [*(i.key for i in draft.items), *(t.key for t in draft.tasks)]
        for brief in briefs:
            assert tokens.count(json.dumps(brief.base)) <= 1.25 * shape.answer_tokens
            whole = brief.system + brief.request + json.dumps(brief.schema)
            assert tokens.count(whole) < 6_000


def test_a_brief_cites_by_ids_that_it_explains(sample_outline: Outline) -> None:
    base = write_all(sample_outline)
    for shape in (Shape(), Shape(whole=False)):
        for brief in briefs_of(sample_outline, 5, base[5], shape):
            ids = brief.schema["$defs"]["source"]["enum"]
            assert ids == list(brief.sources)
            shown = brief.common + brief.request
            assert all(f"[{i}]" in shown or f"id={i} " in shown for i in ids)
            assert all(sample_outline.corpus.passage(s.partition(" (L")[0]) for s in brief.sources.values())


def test_the_deciding_brief_holds_every_open_ruling(sample_outline: Outline) -> None:
    parts = [ruling_part(sample_outline, r) for r in sample_outline.docket.rulings]
    parts.append(approach_part(sample_outline))
    [brief] = deciding_briefs(sample_outline, parts, common_part(sample_outline, Shape()), Shape())
    ids = brief.schema["properties"]["rulings"]["items"]["properties"]["id"]["enum"]
    assert set(ids) == {r.id for r in sample_outline.docket.rulings}
    assert all(f"- {i} " in brief.request for i in ids)
