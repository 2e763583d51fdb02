"""What a change of the specs costs: only the parts that rest on what changed are asked for again."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from bench.simulated_server import Fault, Request, SimulatedServer
from planagent.cli import run
from planagent.errors import WorkspaceError
from planagent.planning.ledger import KEPT_RUNS, Ledger
from planagent.planning.plan import Plan
from planagent.publishing.markdown_in import parse

PLAN = "plan/backend_implementation_plan.md"
API = "specs/backend/api.md"


@pytest.fixture
def planned(workspace: Path, server: SimulatedServer) -> Path:
    """The sample, planned by the simulated model, one task ticked; the server's record is empty."""
    server.edit = worded
    assert run(["plan", "-w", str(workspace)]) == 0
    path = workspace / PLAN
    path.write_text(path.read_text().replace("- [ ] T003", "- [x] T003"))
    server.requests.clear()
    return workspace


def worded(value: dict[str, object], request: Request) -> dict[str, object]:
    """A model with words of its own for one ruling, so that what was decided differs from the rules."""
    if "rulings" in value:
        value["rulings"] = [
            r | {"default": "Input keeps the smaller bound; a longer text answers 422."}
            for r in request.drafts.get("rulings", [])
            if "smaller limit" in r["default"]
        ]
    return value


def edit(workspace: Path, file: str, old: str, new: str) -> None:
    path = workspace / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def plan_again(workspace: Path) -> Plan:
    assert run(["plan", "-w", str(workspace)]) == 0
    assert run(["check", "-w", str(workspace)]) == 0
    return parse((workspace / PLAN).read_text())


def test_nothing_changed_costs_nothing(planned: Path, server: SimulatedServer) -> None:
    before = (planned / PLAN).read_bytes()
    plan_again(planned)
    assert server.requests == []
    assert (planned / PLAN).read_bytes() == before


def reformatted(text: str) -> str:
    """Other bullets, emphasis, blank lines and table layout; the same content."""
    text = re.sub(r"(?m)^- ", "*   ", text)
    text = re.sub(r"\*\*([^*\n]+)\*\*", r"__\1__", text)
    text = re.sub(r"(?m)^(#+ .*)$", r"\1\n", text)
    return re.sub(r"(?m)^\|(.*)\|$", lambda m: "|" + m[1].replace(" | ", "   |   ") + "|", text)


def test_a_reformatted_spec_costs_nothing(planned: Path, server: SimulatedServer) -> None:
    for path in (planned / "specs").rglob("*.md"):
        path.write_text(reformatted(path.read_text()))
    before = parse((planned / PLAN).read_text())
    after = plan_again(planned)
    assert server.requests == []
    assert [t.key for t in after.tasks if t.done] == [t.key for t in before.tasks if t.done] != []
    assert [t.steps for t in after.tasks] == [t.steps for t in before.tasks]
    assert [t.sources for t in after.tasks] != [t.sources for t in before.tasks]  # the lines have moved


def section_texts(workspace: Path) -> dict[str, str]:
    parts = re.split(r"(?m)^(?=## )", (workspace / PLAN).read_text())
    return {p.split("\n")[0]: p for p in parts[1:]}


def test_one_edited_requirement_costs_two_calls_and_touches_no_other_section(
    planned: Path, server: SimulatedServer
) -> None:
    before, old = section_texts(planned), parse((planned / PLAN).read_text())
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-60 characters")
    after = plan_again(planned)
    assert 1 <= len(server.requests) <= 2
    asked = "\n".join(r.prompt for r in server.requests)
    assert '"key":"endpoint:POST /api/lists"' in asked
    assert '"key":"endpoint:DELETE /api/tasks/{}"' not in asked
    same = [t for t, text in section_texts(planned).items() if text == before[t]]
    assert {"## 1. Backend Project Architecture", "## 2. Environment Setup", "## 8. Error Handling"} <= set(
        same
    )
    ids = {t.key: (t.id, t.done) for t in after.tasks}
    assert all(ids[t.key] == (t.id, t.done) for t in old.tasks if t.key in ids)
    assert any(t.done for t in after.tasks)


def test_one_added_endpoint_costs_three_calls(planned: Path, server: SimulatedServer) -> None:
    edit(
        planned, API, "## Lists\n",
        "## Lists\n\n### GET /api/lists/{list_id}\n\nGives one list of the caller. Authentication: required.\n\n"
        "**Status Codes:**\n- 200: the list\n- 404: no such list\n",
    )  # fmt: skip
    after = plan_again(planned)
    assert 1 <= len(server.requests) <= 3
    assert any(t.key == "endpoint.GET /api/lists/{}" for t in after.tasks)


def test_a_changed_rule_asks_for_what_rests_on_it(planned: Path, server: SimulatedServer) -> None:
    edit(
        planned, "specs/constitution.md", "- Every route of the backend must require a valid JWT.",
        "- Every route of the backend but the health check must require a valid JWT.",
    )  # fmt: skip
    plan_again(planned)
    assert 1 <= len(server.requests) <= 2
    asked = "\n".join(r.prompt for r in server.requests)
    assert '"key":"topic:auth.protection"' in asked
    assert '"key":"topic:folder.main"' not in asked


def test_an_answered_decision_plans_again_what_depends_on_it(planned: Path, server: SimulatedServer) -> None:
    decision = next(r for r in parse((planned / PLAN).read_text()).rulings if r.topic == "api.public")
    assert run(["decide", decision.id, "The health check stays public.", "-w", str(planned)]) == 0
    after = plan_again(planned)
    asked = "\n".join(r.prompt for r in server.requests)
    assert len(server.requests) == 1
    assert "a person decided: The health check stays public." in asked
    assert '"key":"topic:folder.main"' not in asked
    assert next(r for r in after.rulings if r.topic == "api.public").answer


def test_another_model_is_asked_anew_and_another_timeout_is_not(
    planned: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANAGENT_TIMEOUT", "77")
    monkeypatch.setenv("PLANAGENT_CONCURRENCY", "3")
    plan_again(planned)
    assert server.requests == []
    monkeypatch.setenv("PLANAGENT_MODEL", "other")
    plan_again(planned)
    assert len(server.requests) > 8


def test_what_a_model_added_is_asked_again_when_its_passage_changes(
    workspace: Path, server: SimulatedServer
) -> None:
    def insight(value: dict[str, object], request: Request) -> dict[str, object]:
        ids = [i for i, s in cited(request).items() if s.startswith("specs/backend/auth.md#rules")]
        if "# Section 4" in request.prompt and ids:
            value["risks"] = [{"text": "A clock that runs ahead locks everybody out.", "sources": ids[:1]}]
        return value

    server.edit = insight
    assert run(["plan", "-w", str(workspace)]) == 0
    risk = next(r for r in parse((workspace / PLAN).read_text()).rulings if "clock" in r.statement)
    assert risk.sources[0].anchor == "specs/backend/auth.md#rules"
    # Lines that move above it change the place it cites, and nothing else.
    edit(workspace, "specs/backend/auth.md", "# ", "\n\n# ")
    server.requests.clear()
    moved = next(r for r in plan_again(workspace).rulings if "clock" in r.statement)
    assert server.requests == []
    assert moved.sources[0].start == risk.sources[0].start + 2
    text = (workspace / "specs/backend/auth.md").read_text()
    line = next(x for x in text.split("## Rules")[1].split("\n") if x.startswith("- "))
    edit(workspace, "specs/backend/auth.md", line, line + " This holds for everyone.")
    plan_again(workspace)
    assert any("# Section 4" in r.prompt for r in server.requests)


def cited(request: Request) -> dict[str, str]:
    """Ids of the request's passages with the headings that follow them."""
    found = {}
    document = ""
    for line, after in zip(request.prompt.split("\n"), request.prompt.split("\n")[1:], strict=False):
        path = re.match(r'<document path="([^"]+)"', line)
        document = path[1] if path else document
        name = re.fullmatch(r"\[(S\d+)\]", line)
        if name:
            found[name[1]] = f"{document}#{after.lstrip('# ').lower()}"
    return found


def test_answers_of_a_brief_with_one_faulty_part_are_kept(
    workspace: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stubborn(value: dict[str, object], request: Request) -> dict[str, object]:
        for task in value.get("tasks", []):  # type: ignore[attr-defined]
            if task["key"] == "model.Task":
                task["done_when"] = "All is handled appropriately."
        return value

    server.edit = stubborn
    assert run(["plan", "-w", str(workspace)]) == 1
    server.edit = None
    server.requests.clear()
    assert run(["plan", "-w", str(workspace)]) == 0
    assert len(server.requests) == 1
    assert server.requests[0].drafts["tasks"][0]["key"] == "model.Task"


def test_an_answer_that_names_what_is_gone_is_asked_for_again(
    workspace: Path, server: SimulatedServer
) -> None:
    def talkative(value: dict[str, object], request: Request) -> dict[str, object]:
        if "rulings" in value:
            value["approach"] = ["First the settings.", "Then `DELETE /api/tasks/done`.", "Then the rest."]
        for task in value.get("tasks", []):  # type: ignore[attr-defined]
            if task["key"] == "config.logging":
                task["steps"].append("Log each call of `DELETE /api/tasks/done` with its count.")
        return value

    server.edit = talkative
    assert run(["plan", "-w", str(workspace)]) == 0
    assert "with its count" in (workspace / PLAN).read_text()
    text = (workspace / API).read_text()
    start = text.index("### DELETE /api/tasks/done")
    rest = text[start + 5 :]
    end = start + 5 + min(i for i in (rest.find("\n## "), rest.find("\n### "), len(rest)) if i >= 0)
    (workspace / API).write_text(text[:start] + text[end:])
    for path in (workspace / "specs").rglob("*.md"):
        lines = path.read_text().split("\n")
        path.write_text("\n".join(x for x in lines if "/api/tasks/done" not in x))
    server.edit = None
    plan_again(workspace)
    assert "/api/tasks/done" not in (workspace / PLAN).read_text()


def test_a_killed_connection_costs_only_its_own_brief(planned: Path, server: SimulatedServer) -> None:
    edit(planned, API, "name: required, 1-80 characters", "name: required, 1-70 characters")
    server.script = [Fault("reset")]
    plan_again(planned)
    assert len(server.requests) <= 3


# -- the ledger ---------------------------------------------------------------------------------


def test_a_damaged_ledger_is_put_aside_and_begun_anew(
    planned: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = planned / ".planagent" / "ledger.db"
    path.write_bytes(b"no database" * 1000)
    plan_again(planned)
    assert len(server.requests) > 8
    assert path.with_suffix(".damaged").exists()
    assert "was damaged and is put aside" in capsys.readouterr().err
    server.requests.clear()
    plan_again(planned)
    assert server.requests == []


def test_a_damaged_answer_counts_as_unknown(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put({"a": {"x": 1}, "b": {"x": 2}})
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("UPDATE answers SET value = '{' WHERE key = 'a'")
    assert Ledger(tmp_path).get(["a", "b", "c"]) == {"b": {"x": 2}}


def test_a_thousand_answers_are_found_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put({str(n): {"n": n} for n in range(1700)})
    assert ledger.get(str(n) for n in range(1800)) == {str(n): {"n": n} for n in range(1700)}


def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    Ledger(tmp_path).put({"old": {}, "kept": {}})
    for _ in range(KEPT_RUNS + 2):
        ledger = Ledger(tmp_path)
        ledger.used(["kept"])
        ledger.close()
    assert Ledger(tmp_path).get(["old", "kept"]) == {"kept": {}}


def test_a_ledger_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(WorkspaceError, match=r"ledger\.db"):
        Ledger(tmp_path).put({"a": {}})
