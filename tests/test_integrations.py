"""The commit hook and the workflow that the documentation offers: valid, and their commands do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from planagent.cli import run
from tests.conftest import ROOT

WORKFLOW = ROOT / "docs" / "workflows" / "planagent-check.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION = ROOT / "action.yml"


def tool(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command with this environment's programs first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "path"), [("vendor.github-workflows", WORKFLOW), ("vendor.github-actions", ACTION), ("vendor.pre-commit-hooks", HOOKS)]
)
def test_the_files_fit_their_schemas(schema: str, path: Path) -> None:
    if schema == "vendor.pre-commit-hooks":
        for hook in yaml.safe_load(path.read_text(encoding="utf-8")):
            assert {"id", "name", "entry", "language"} <= set(hook)
            assert re.compile(hook["files"])
        return
    done = tool("check-jsonschema", "--builtin-schema", schema, str(path), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_match_the_files_that_they_are_for() -> None:
    first, second = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    for path in ("plan/backend_implementation_plan.md", "specs/001-x/tasks.md", ".taskmaster/tasks/tasks.json"):
        assert re.search(first["files"], path)
    assert not re.search(first["files"], "specs/001-x/spec.md")
    assert re.search(second["files"], "specs/backend/api.md")


def test_a_hook_stops_a_commit_with_a_broken_plan(workspace: Path) -> None:
    run(["plan", "--offline", "-w", str(workspace)])
    plan = "plan/backend_implementation_plan.md"
    first, second = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    assert tool(*shlex.split(first["entry"]), plan, cwd=workspace).returncode == 0
    assert tool(*shlex.split(second["entry"]), cwd=workspace).returncode == 0
    (workspace / plan).write_text(
        (workspace / plan).read_text(encoding="utf-8").replace("The cited lines are met", "TBD"), encoding="utf-8"
    )
    assert tool(*shlex.split(first["entry"]), plan, cwd=workspace).returncode == 1


def test_the_workflows_commands_annotate_and_report(workspace: Path) -> None:
    run(["plan", "--offline", "-w", str(workspace)])
    path = workspace / "plan/backend_implementation_plan.md"
    path.write_text(path.read_text(encoding="utf-8").replace("The cited lines are met", "TBD"), encoding="utf-8")
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["check"]["steps"]
    annotate, report = (s["run"] for s in steps if "planagent check" in s.get("run", ""))
    done = tool("bash", "-c", annotate, cwd=workspace)
    assert done.returncode == 1
    assert re.search(r"(?m)^::error file=plan/backend_implementation_plan\.md,line=\d+,col=\d+,title=PA901", done.stdout)
    assert tool("bash", "-c", report, cwd=workspace).returncode == 0
    log = json.loads((workspace / "planagent.sarif").read_text(encoding="utf-8"))
    assert {r["ruleId"] for r in log["runs"][0]["results"]} >= {"PA901"}


def test_the_action_passes_a_linter_and_its_steps_run(tmp_path: Path, workspace: Path) -> None:
    linted = tool("zizmor", "--offline", "--no-progress", str(ACTION), cwd=ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    assert run(["plan", "--offline", "-q", "-w", str(workspace)]) == 0
    given = {n: str(i["default"]) for n, i in action["inputs"].items()} | {"workspace": str(workspace)}
    runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    for step in action["runs"]["steps"]:
        if "run" not in step or step["name"] == "Install":
            continue
        variables = {n: given[v.removeprefix("${{ inputs.").removesuffix(" }}")] for n, v in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step["run"]], cwd=workspace, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **runner, **variables},
        )  # fmt: skip
        assert done.returncode == 0, (step["name"], done.stderr)
    assert "specs/backend/api.md" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "planagent.sarif").stat().st_size > 100
    assert (tmp_path / "planagent-report.html").is_file()
