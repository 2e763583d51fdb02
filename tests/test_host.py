"""A coding agent writes the plan: briefs, answers and the merge, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.diligent import answer_to
from planagent.cli import run
from planagent.pipeline import previous_plan

Project = Callable[[dict[str, str]], Path]
PLAN = "plan/backend_implementation_plan.md"
SPEC = "# Boats\n\n## Requirements\n\n- **FR-001**: A guest MUST book a boat by `POST /boats/{id}/bookings`; answers 201.\n- **FR-002**: A boat MUST NOT have more than 2 bookings a day, otherwise 409.\n"
FILES = {"specs/001-boats/spec.md": SPEC}


class Agent:
    """What a coding agent does, with nothing but the command line."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys

    def call(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        code = run([*arguments, "--workspace", str(self.root), "--json"])
        told = self._capsys.readouterr().out.strip()
        value = json.loads(told.splitlines()[-1]) if told else {}
        assert isinstance(value, dict)
        return code, value

    def open(self) -> list[str]:
        return [b["id"] for b in self.call("brief")[1]["open"]]

    def brief(self, name: str) -> dict[str, Any]:
        return self.call("brief", name)[1]

    def submit(self, name: str, answer: object) -> tuple[int, dict[str, Any]]:
        file = self.root / ".planagent" / "answers" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(answer if isinstance(answer, str) else json.dumps(answer), encoding="utf-8")
        return self.call("submit", name, str(file))

    def answer_all(self) -> int:
        asked = 0
        while names := self.open():
            for name in names:
                code, told = self.submit(name, answer_to(self.brief(name)["request"]))
                assert code == 0, told
                asked += 1
            assert asked < 60
        return asked


@pytest.fixture
def agent(project: Project, capsys: pytest.CaptureFixture[str]) -> Agent:
    return Agent(project(FILES), capsys)


def test_a_host_writes_a_plan_in_four_stages(agent: Agent) -> None:
    stages = []
    while names := agent.open():
        stages.append(agent.call("brief")[1]["stage"])
        for name in names:
            assert agent.submit(name, answer_to(agent.brief(name)["request"]))[0] == 0
    assert stages == list(dict.fromkeys(stages)), "a stage does not open again"
    assert len(stages) == 4
    code, told = agent.call("merge")
    assert code == 0, told
    assert agent.call("check")[0] == 0
    plan = previous_plan(agent.root / PLAN)
    assert plan is not None
    assert plan.writer == "coding agent"
    assert agent.call("merge")[0] == 0, "merging again is no change"
    assert previous_plan(agent.root / PLAN) == plan


def test_merge_waits_for_what_is_open(agent: Agent) -> None:
    code, told = agent.call("merge")
    assert code == 9
    assert told["error"]
    assert not (agent.root / PLAN).exists()


@pytest.mark.parametrize("answer", ["", "no JSON", "[]", "null", '{"statements": 5}', '{"statements": [{"at": ""}]}', "{" * 5000, "\x00"])
def test_a_useless_answer_leaves_everything_open_and_says_so(agent: Agent, answer: str) -> None:
    name = agent.open()[0]
    code, told = agent.submit(name, answer)
    assert code in (1, 6)
    assert told.get("open") or told.get("error")
    assert agent.open(), "nothing counts as answered"
    agent.answer_all()
    assert agent.call("merge")[0] == 0


def test_half_an_answer_keeps_its_good_half(agent: Agent) -> None:
    name = agent.open()[0]
    answer = answer_to(agent.brief(name)["request"])
    part = {**answer, "statements": answer["statements"][:1]}
    code, told = agent.submit(name, part)
    assert code == 1
    assert told["open"]
    rest = agent.brief(agent.open()[0])["request"]
    wanted = rest.partition("Account for these numbers: ")[2].partition(".")[0].split(", ")
    assert answer["statements"][0]["at"] not in wanted
    assert len(wanted) < len(answer["statements"])
    agent.answer_all()
    assert agent.call("merge")[0] == 0


def test_a_cut_answer_counts_as_far_as_it_goes(agent: Agent) -> None:
    name = agent.open()[0]
    text = json.dumps(answer_to(agent.brief(name)["request"]))
    code, told = agent.submit(name, text[: len(text) * 2 // 3])
    assert code == 1
    assert told["whole"] is False
    agent.answer_all()
    assert agent.call("merge")[0] == 0


def test_a_brief_whose_specs_have_changed_is_stale(agent: Agent) -> None:
    name = agent.open()[0]
    answer = answer_to(agent.brief(name)["request"])
    (agent.root / "specs/001-boats/spec.md").write_text(SPEC.replace("2 bookings", "3 bookings"), encoding="utf-8")
    code, told = agent.submit(name, answer)
    assert code == 3
    assert "brief" in json.dumps(told)
    assert agent.open()


def test_an_unknown_brief_is_a_usage_error(agent: Agent) -> None:
    assert agent.submit("read-000000", {})[0] == 2


def test_an_edit_opens_only_what_rests_on_it(agent: Agent) -> None:
    agent.answer_all()
    agent.call("merge")
    ids = {t.key: t.id for t in previous_plan(agent.root / PLAN).tasks}  # type: ignore[union-attr]
    file = agent.root / "specs/001-boats/spec.md"
    file.write_text(SPEC.replace("than 2 bookings", "than 3 bookings"), encoding="utf-8")
    assert agent.answer_all() <= 2
    assert agent.call("merge")[0] == 0
    after = previous_plan(agent.root / PLAN)
    assert after is not None
    assert {t.key: t.id for t in after.tasks} == ids
    assert "3 bookings" in (agent.root / PLAN).read_text(encoding="utf-8")


def test_a_host_corrects_a_reading_of_which_something_is_open(agent: Agent) -> None:
    """A whole answer takes the place of what was accepted; one about what is open is added to it."""
    [name] = agent.open()
    right = answer_to(agent.brief(name)["request"])
    wrong = json.loads(json.dumps(right))
    last = wrong["statements"].pop()
    for one in wrong["statements"]:
        one["says"] = f"The opposite: {one['says']}"
    code, told = agent.submit(name, wrong)
    assert (code, bool(told["open"])) == (1, True)
    code, told = agent.submit(name, right)
    assert (code, told["open"]) == (0, [])
    said = agent.brief(name)["request"].partition("# Accepted")[2]
    assert "The opposite" not in said
    assert last["says"] in said


def test_what_is_open_is_added_to_what_is_accepted(agent: Agent) -> None:
    [name] = agent.open()
    right = answer_to(agent.brief(name)["request"])
    first = right | {"statements": right["statements"][:-1]}
    assert agent.submit(name, first)[0] == 1
    assert agent.submit(name, right | {"statements": right["statements"][-1:], "dismissed": []})[0] == 0
    said = agent.brief(name)["request"].partition("# Accepted")[2]
    assert all(s["says"] in said for s in right["statements"])


def test_what_a_host_invents_is_refused_with_its_place(agent: Agent) -> None:
    name = agent.open()[0]
    answer = answer_to(agent.brief(name)["request"])
    answer["statements"][0]["says"] += " It answers within `250 ms`."
    code, told = agent.submit(name, answer)
    assert code == 1
    assert any(f["rule"] == "PA408" and "250" in f["message"] for f in told["findings"])


def test_a_number_means_the_same_line_in_every_round(agent: Agent) -> None:
    """A second answer by the numbers of the first print lands on the lines that it means."""
    name = agent.open()[0]
    answer = answer_to(agent.brief(name)["request"])
    code, _ = agent.submit(name, {**answer, "statements": answer["statements"][1:2]})
    assert code == 1
    code, told = agent.submit(name, answer)
    assert (code, told["open"]) == (0, [])
    agent.answer_all()
    assert agent.call("merge")[0] == 0
    facts = agent.call("facts")[1]
    text = (agent.root / "specs/001-boats/spec.md").read_text(encoding="utf-8").split("\n")
    told_lines = {s["evidence"][0]["line"]: s["says"] for n in ("operations", "rules") for s in facts[n]}
    found = {line: said for line, said in told_lines.items() if "FR-" in said}
    assert len(found) == 2
    assert all(text[line - 1].removeprefix("- ") == said for line, said in found.items())


@pytest.mark.parametrize("stages", [0, 1, 2, 3])
def test_what_nobody_handed_in_is_taken_from_the_rules_at_any_stage(agent: Agent, stages: int) -> None:
    """After so many stages that were answered; the header says how much came from where."""
    for _ in range(stages):
        for name in agent.open():
            agent.submit(name, answer_to(agent.brief(name)["request"]))
    assert agent.call("merge")[0] == 9
    code, told = agent.call("merge", "--fill-from-rules")
    assert code == 0, told
    assert told["filled_from_rules"]
    assert "by rule" in told["writer"]
    assert agent.call("check")[0] == 0


def test_decisions_are_shown_again_when_statements_change_before_there_is_a_plan(agent: Agent) -> None:
    reading = agent.open()[0]
    agent.submit(reading, answer_to(agent.brief(reading)["request"]))
    deciding = agent.open()[0]
    agent.submit(deciding, answer_to(agent.brief(deciding)["request"]))
    file = agent.root / "specs/001-boats/spec.md"
    file.write_text(f"{SPEC}- **FR-003**: A boat has a name.\n", encoding="utf-8")
    reading = agent.open()[0]
    agent.submit(reading, answer_to(agent.brief(reading)["request"]))
    told = agent.brief(agent.open()[0])["request"]
    assert "# Decided so far" in told
    assert "New since: 001.fr-003" in told
    agent.answer_all()
    assert agent.call("merge")[0] == 0


def test_a_brief_is_found_by_the_name_of_what_it_is_about(agent: Agent) -> None:
    agent.answer_all()
    assert agent.call("merge")[0] == 0
    task = previous_plan(agent.root / PLAN).tasks[0].key  # type: ignore[union-attr]
    told = agent.brief(task)
    assert f"## {task}" in told["request"]
    answer = answer_to(told["request"])
    for entries in answer.values():
        for entry in entries:
            entry["steps"] = [*entry["steps"], "Look at it once more."]
    assert agent.submit(told["id"], answer)[0] == 0
    assert agent.call("merge")[0] == 0
    assert "Look at it once more." in (agent.root / PLAN).read_text(encoding="utf-8")


def test_a_long_brief_goes_into_a_file(agent: Agent) -> None:
    name = agent.open()[0]
    to = agent.root / "brief.json"
    whole = agent.brief(name)
    assert run(["brief", name, "--to", str(to), "--json", "-w", str(agent.root)]) == 0
    assert json.loads(to.read_text(encoding="utf-8")) == whole
    assert run(["brief", "--to", str(to), "-w", str(agent.root)]) == 2
