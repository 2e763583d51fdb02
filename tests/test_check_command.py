"""`planagent check` as a product of its own: formats it reads, formats it prints, selection and suppression."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.cli import run
from planagent.rulebook import rules

SPEC = """# Notes API

- **FR-001**: Notes have a title of at most 80 characters and are stored in PostgreSQL with FastAPI.
- **FR-002**: Archived notes are restored within thirty days, afterwards they vanish for good.

### POST /api/notes

Creates a note. Answers 201.

### GET /api/notes/{id}

Gives a note. Answers 200 or 404. Reads `DATABASE_URL` from the environment.
"""
TASKS = """# Tasks: Notes backend

**Input**: Design documents from `/specs/001-notes/`

## Phase 1: Setup

- [x] T001 Read `DATABASE_URL` in app/settings.py
- [ ] T002 [P] [US1] Build POST /api/notes in app/routes/notes.py (depends on T001)
- [ ] T003 [US1] Build GET /api/notes/{id} in app/routes/notes.py
  - Return `{"id": 1}` for a note
- [ ] T004 [US2] Build POST /api/exports and handle TODO: errors (depends on T009)
"""


@pytest.fixture
def kit(project: Callable[[dict[str, str]], Path]) -> Path:
    """A Spec Kit project with one feature and its tasks."""
    root = project({"specs/001-notes/spec.md": SPEC, "specs/001-notes/tasks.md": TASKS})
    return root / "specs" / "001-notes" / "tasks.md"


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = run(["check", *map(str, arguments)])
    return code, capsys.readouterr().out


def findings(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, object]]:
    return list(json.loads(check(capsys, *arguments, "--json")[1])["findings"])


def test_spec_kit_tasks_are_checked_with_line_and_column(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {(f["rule"], f["line"], f["column"]) for f in findings(capsys, kit)}
    assert found == {("PA104", 10, 13), ("PA401", 11, 24), ("PA901", 11, 53), ("PA702", 11, 78)}


def test_text_shows_the_place_the_words_and_the_remedy(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = check(capsys, kit, "--select", "PA401")
    assert code == 1
    assert f"{kit.as_posix()}:11:24: PA401 T004: no spec names the operation POST /api/exports" in out
    line, carets = out.split("\n")[1:3]
    assert line[carets.index("^") : carets.rindex("^") + 1] == "POST /api/exports"
    assert "= Plan the specified operations only" in out


def test_task_master_json_is_checked(project: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]) -> None:
    tasks = {
        "master": {
            "tasks": [
                {"id": 1, "title": "Read DATABASE_URL", "dependencies": [], "details": "In the settings; a title has at most 80 characters.", "testStrategy": "Starts without it: exit 1."},
                {"id": 2, "title": "Notes route", "dependencies": [1, 7], "details": "Build POST /api/notes.\n```python\ndef x(): pass\n```",
                 "testStrategy": "Notes route works", "subtasks": [{"id": 1, "title": "GET /api/notes/{id}", "dependencies": ["2.2"]}, {"id": 2, "title": "Restore archived notes, thirty days", "dependencies": [1]}]},
            ]
        }
    }  # fmt: skip
    root = project({"specs/api.md": SPEC, ".taskmaster/tasks/tasks.json": json.dumps(tasks, indent=2)})
    path = root / ".taskmaster/tasks/tasks.json"
    found = {(f["rule"], f["place"], f["line"]) for f in findings(capsys, path)}
    text = path.read_text(encoding="utf-8").split("\n")
    line = {word: next(n for n, t in enumerate(text, 1) if word in t) for word in ('Notes route"', "Notes route works", "GET /api")}
    assert found == {("PA702", "2", line['Notes route"']), ("PA101", "2", line['Notes route"']), ("PA701", "2.1", line["GET /api"])}


def test_a_plan_without_specs_is_checked_for_what_needs_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "PLAN.md"
    path.write_text("# Plan\n\n### Task 1: Build `POST /api/x`\n\nRun `pip install x y`.\n\n### Task 2: TBD\n", encoding="utf-8")
    code = run(["check", str(path), "-w", str(tmp_path), "--json"])
    captured = capsys.readouterr()
    assert code == 1
    assert {f["rule"] for f in json.loads(captured.out)["findings"]} == {"PA105", "PA901"}
    assert "Checked without specs" in captured.err


def test_several_plans_in_one_run(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = kit.with_name("plan.md")
    other.write_text("# Implementation Plan: [FEATURE]\n\n**Branch**: `001-notes`\n", encoding="utf-8")
    code, out = check(capsys, kit, other, "--json")
    report = json.loads(out)
    assert code == 1
    assert [(p["format"], p["tasks"]) for p in report["plans"]] == [("Spec Kit", 4), ("Spec Kit", 0)]
    assert {f["file"] for f in report["findings"]} == {kit.as_posix(), other.as_posix()}


# -- selection and suppression ------------------------------------------------------------------


def test_selection_by_code_family_and_name(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {f["rule"] for f in findings(capsys, kit, "--select", "PA4,secret", "--select", "PA7")} == {"PA401", "PA702"}
    assert {f["rule"] for f in findings(capsys, kit, "--ignore", "PA1,PA5,PA9,unknown-need")} == {"PA401"}
    assert run(["check", str(kit), "--select", "PA777"]) == 2
    assert "names no rule" in capsys.readouterr().err


def test_selection_in_the_configuration(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = kit.parents[2]
    (root / "planagent.toml").write_text('[check]\nselect = ["PA4", "PA9"]\nignore = ["PA901"]\n', encoding="utf-8")
    assert {f["rule"] for f in findings(capsys, kit)} == {"PA401"}
    (root / "planagent.toml").write_text('[check]\nselected = ["PA4"]\n', encoding="utf-8")
    assert run(["check", str(kit)]) == 2
    (root / "planagent.toml").write_text('[check]\nselect = "PA4"\n', encoding="utf-8")
    assert run(["check", str(kit)]) == 2


def test_a_suppression_needs_a_reason_and_an_effect(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reasoned = TASKS.replace("- [ ] T004", "<!-- planagent: ignore PA401, PA9 exports come with the next spec -->\n- [ ] T004")
    kit.write_text(reasoned + "\n", encoding="utf-8")
    assert {f["rule"] for f in findings(capsys, kit)} == {"PA104", "PA702"}
    kit.write_text(TASKS + "<!-- planagent: ignore-file PA104, PA401, PA901, PA702 -->\n", encoding="utf-8")
    assert [f["rule"] for f in findings(capsys, kit)] == ["PA001"]
    kit.write_text(TASKS.replace("## Phase", "<!-- planagent: ignore PA301 nothing of it here -->\n## Phase"), encoding="utf-8")
    assert "PA002" in {f["rule"] for f in findings(capsys, kit)}
    # A run that does not look for the rule does not call its suppression unused.
    assert findings(capsys, kit, "--select", "PA002,PA8") == []


def test_exit_zero_reports_and_passes(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = check(capsys, kit, "--exit-zero")
    assert code == 0
    assert "PA401" in out


# -- formats ------------------------------------------------------------------------------------


def test_sarif_has_what_code_scanning_reads(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TASKS.replace("- [ ] T004", "<!-- planagent: ignore PA901 the customer's words -->\n- [ ] T004")
    kit.write_text(text, encoding="utf-8")
    log = json.loads(check(capsys, kit, "--output", "sarif")[1])
    assert log["version"] == "2.1.0"
    (sarif,) = log["runs"]
    named = [r["id"] for r in sarif["tool"]["driver"]["rules"]]
    for result in sarif["results"]:
        assert named[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region.get("endColumn", 10_000) > region.get("startColumn", 0)
        assert result["partialFingerprints"]["planagent/v1"]
    assert [r["ruleId"] for r in sarif["results"] if "suppressions" in r] == ["PA901"]


def test_github_annotations_are_escaped(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = check(capsys, kit, "--output", "github", "--select", "PA401")[1].strip()
    assert out.startswith("::error file=")
    assert ",line=11,col=24,title=PA401 invented-endpoint::T004: no spec names the operation POST /api/exports" in out
    moved = kit.rename(kit.with_name("a,b:c%.md"))
    out = check(capsys, moved, "--output", "github", "--select", "PA401")[1]
    assert "a%2Cb%3Ac%25.md" in out


def test_a_secret_is_found_and_never_printed(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "npg_" + "a8f3k2l9q0z7"
    kit.write_text(TASKS + f"- [ ] T005 Connect with {secret} as the password\n", encoding="utf-8")
    for output in ("text", "json", "sarif", "github"):
        code = run(["check", str(kit), "--output", output])
        shown = capsys.readouterr()
        assert code == 1
        assert "PA801" in shown.out
        assert secret not in shown.out + shown.err


def test_a_fault_beside_a_secret_does_not_print_it(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "npg_" + "a8f3k2l9q0z7"
    kit.write_text(TASKS + f'- [ ] T005 Set `key = load("{secret}")`, errors as needed\n', encoding="utf-8")
    for output in ("text", "json", "sarif", "github"):
        run(["check", str(kit), "--select", "PA102,PA901", "--output", output])
        shown = capsys.readouterr()
        assert "PA102" in shown.out
        assert "PA901" in shown.out
        assert secret not in shown.out + shown.err


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.md", b"  \n", "is empty"),
        ("plan.pdf", b"%PDF-1.7", "no plan that is known here"),
        ("tasks.json", b'{"tasks": [{"id": 1', "not valid JSON"),
        ("other.json", b'{"scripts": {}}', "no list `tasks`"),
        ("deep.json", b"[" * 100_000, "not valid JSON"),
    ],
)
def test_files_that_are_no_plans(kit: Path, name: str, data: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = kit.with_name(name)
    path.write_bytes(data)
    assert run(["check", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_bytes_that_are_no_text_do_no_harm(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kit.write_bytes(b"\xff\xfe\x00" + TASKS.encode() + b"\x80\x00\r\n- [ ] T005 \xf0\x28\x8c\x28 more\r")
    assert run(["check", str(kit)]) in (0, 1)


# -- rule pages ---------------------------------------------------------------------------------


def test_each_rule_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    for code in rules():
        assert run(["rule", code.lower()]) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"{code} ")
        assert all(f"\n{label}:" in page for label in ("What", "Why", "Bad", "Good", "Fix"))


def test_the_list_of_rules_and_its_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule"]) == 0
    assert len(capsys.readouterr().out.strip().split("\n")) == len(rules())
    assert run(["rule", "secret", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["code"] == "PA801"
    assert run(["rule", "PA000"]) == 2


def test_a_requirement_that_no_spec_has_is_named(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kit.write_text(TASKS.replace("app/settings.py", "app/settings.py for FR-001 and FR-099"), encoding="utf-8")
    (found,) = [f for f in findings(capsys, kit) if f["rule"] == "PA502"]
    assert "FR-099" in str(found["message"])
    assert found["line"] == 7


def test_a_list_that_is_kept_elsewhere_is_checked_for_the_feature_it_names(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = kit.parents[2] / "specs" / "002-other"
    other.mkdir()
    (other / "spec.md").write_text("# Other\n\n- **FR-001**: Invoices are mailed.\n\n### GET /api/invoices\n", encoding="utf-8")
    moved = kit.parents[2] / "tasks.md"
    kit.rename(moved)
    assert "invoices" not in json.dumps(findings(capsys, moved))


def test_garbage_in_the_place_of_the_plan_is_no_clean_plan(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "plan").mkdir()
    (workspace / "plan" / "backend_implementation_plan.md").write_bytes(bytes(range(1, 256)) * 9)
    assert run(["check", "-w", str(workspace)]) == 2
    assert "no whole plan" in capsys.readouterr().err
