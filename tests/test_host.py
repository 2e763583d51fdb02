"""A coding agent as the writer: a scripted host that speaks the documented protocol, obeys findings, and misbehaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planagent import tokens
from planagent.cli import run
from planagent.planning.plan import Plan
from planagent.publishing.markdown_in import parse

PLAN = "plan/backend_implementation_plan.md"
API = "specs/backend/api.md"
Answerer = Callable[[dict[str, Any]], dict[str, Any]]


class Host:
    """Runs the commands that a coding agent would, and nothing else."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace = workspace
        self._capsys = capsys
        self.pages: list[str] = []

    def call(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        self._capsys.readouterr()
        code = run([*arguments, "-w", str(self.workspace), "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def open(self) -> dict[str, Any]:
        code, listed = self.call("brief")
        assert code == 0
        return listed

    def ids(self) -> list[str]:
        return [o["id"] for o in self.open()["open"]]

    def brief(self, brief_id: str) -> dict[str, Any]:
        code, shown = self.call("brief", brief_id)
        assert code == 0, shown
        return shown

    def submit(self, brief_id: str, answer: object) -> tuple[int, dict[str, Any]]:
        file = self.workspace / ".planagent" / "answers" / f"{brief_id}.json"
        file.write_text(answer if isinstance(answer, str) else json.dumps(answer), encoding="utf-8")
        return self.call("submit", brief_id, str(file))

    def decide(self) -> None:
        while (listed := self.open())["stage"] == "deciding":
            for one in listed["open"]:
                code, receipt = self.submit(one["id"], kept(self.brief(one["id"])))
                assert code == 0, receipt

    def write(self, answerer: Answerer | None = None) -> None:
        """Answers all that is open; of a part with a finding the draft is kept."""
        while ids := self.ids():
            for brief_id in ids:
                shown = self.brief(brief_id)
                code, _ = self.submit(brief_id, (answerer or kept)(shown))
                if code == 1:
                    code, receipt = self.submit(brief_id, kept(self.brief(brief_id)))
                    assert code == 0, receipt

    def plan(self) -> Plan:
        return parse((self.workspace / PLAN).read_text(encoding="utf-8"))


@pytest.fixture
def host(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(workspace, capsys)


def kept(shown: dict[str, Any]) -> dict[str, Any]:
    """An answer that keeps every draft, in the form that the schema asks for."""
    properties = shown["schema"]["properties"]
    answer: dict[str, Any] = {name: [] for name in properties}
    if "keep" in properties:
        answer["keep"] = properties["keep"]["items"]["enum"]
    if "approach" in properties:
        answer["approach"] = [
            "Settings and errors first.", "Data and identity next, then the services.", "Routes last, each with its tests.",
        ]  # fmt: skip
    return answer


def drafts(shown: dict[str, Any]) -> dict[str, Any]:
    """The rule-made draft in a request, as a model reads it."""
    text = shown["request"].split("# Draft made by rule\n\n", 1)[1]
    value = json.JSONDecoder().raw_decode(text)[0]
    assert isinstance(value, dict)
    return value


def test_a_host_writes_a_whole_plan(host: Host) -> None:
    first = host.open()
    assert first["stage"] == "deciding"
    assert first["open"][0]["sections"] == [0]
    host.decide()
    listed = host.open()
    assert listed["stage"] == "writing"
    assert {n for o in listed["open"] for n in o["sections"]} == set(range(1, 10))
    host.write()
    code, merged = host.call("merge")
    assert code == 0
    assert merged["writer"] == "coding agent"
    assert merged["findings"] == []
    assert run(["check", "-w", str(host.workspace)]) == 0
    assert run(["status", "-w", str(host.workspace)]) == 0
    assert host.ids() == []
    code, again = host.call("merge")
    assert (code, again["unchanged"]) == (0, True)


def test_only_the_plan_and_the_state_folder_are_written(host: Host) -> None:
    before = {p: p.read_bytes() for p in host.workspace.rglob("*") if p.is_file()}
    host.decide()
    host.write()
    host.call("merge")
    after = {p for p in host.workspace.rglob("*") if p.is_file()}
    assert {p.relative_to(host.workspace).parts[0] for p in after - before.keys()} == {"plan", ".planagent"}
    assert all(p.read_bytes() == data for p, data in before.items())


def test_a_brief_is_small_and_stands_alone(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.decide()
    for one in host.open()["open"]:
        capsys.readouterr()
        assert run(["brief", one["id"], "-w", str(host.workspace)]) == 0
        page = capsys.readouterr().out
        assert tokens.count(page) < 6_000
        assert f"planagent submit {one['id']} .planagent/answers/{one['id']}.json" in page
        assert '"additionalProperties":false' in page
    assert sum(o["obligations"] for o in host.open()["open"]) > 80


def test_what_the_agent_writes_stands_in_the_plan(host: Host) -> None:
    host.decide()

    def reword(shown: dict[str, Any]) -> dict[str, Any]:
        answer, draft = kept(shown), drafts(shown)
        task = draft["tasks"][0] if draft.get("tasks") else None
        if task:
            task = task | {"done_when": task["done_when"].rstrip(".") + "; it answers both times the same."}
            answer["tasks"] = [task]
            answer["keep"] = [k for k in answer["keep"] if k != task["key"]]
        return answer

    host.write(reword)
    assert host.call("merge")[0] == 0
    said = [t.id for t in host.plan().tasks if "answers both times the same" in t.done_when]
    assert len(said) >= 9


def test_findings_name_the_faulty_parts_alone(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    draft = drafts(shown)
    item = draft["items"][0]
    broken = item | {
        name: "" for name in item if isinstance(item[name], str) and name != "key" and item[name]
    }
    answer = kept(shown) | {"items": [broken], "keep": [k for k in kept(shown)["keep"] if k != item["key"]]}
    code, receipt = host.submit(brief_id, answer)
    assert code == 1
    assert receipt["open"] == [item["key"]]
    assert {f["key"] for f in receipt["findings"]} == {item["key"]}
    assert item["key"] not in receipt["accepted"]
    again = host.brief(brief_id)
    assert again["schema"]["properties"]["keep"]["items"]["enum"] == [item["key"]]
    assert receipt["findings"][0]["message"] in again["request"]
    code, receipt = host.submit(brief_id, {"items": [item], "tasks": []})
    assert (code, receipt["open"], receipt["accepted"]) == (0, [], [item["key"]])
    assert brief_id not in host.ids()


def test_a_faulty_risk_is_left_out_and_a_sound_one_is_kept(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    source = shown["schema"]["$defs"]["source"]["enum"][0]
    sound = {
        "text": "Two requests that create the same record at once race for its name.",
        "sources": [source],
    }
    wrong = {"text": "The endpoint POST /api/exports is missing a limit.", "sources": ["S00000"]}
    code, receipt = host.submit(brief_id, kept(shown) | {"risks": [wrong, sound]})
    assert code == 0
    assert {f["key"] for f in receipt["left_out"]} == {"risks"}
    host.write()
    assert host.call("merge")[0] == 0
    text = (host.workspace / PLAN).read_text()
    assert "race for its name" in text
    assert "exports" not in text


def test_what_was_added_is_not_lost_with_another_part_or_another_answer(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    cited = shown["schema"]["$defs"]["source"]["enum"]
    risks = [{"text": f"Two requests race for place {n}.", "sources": [s]} for n, s in enumerate(cited[:4])]
    draft = drafts(shown)
    faulty = draft["tasks"][0] | {"done_when": "It works as needed, etc."}
    keep = [k for k in kept(shown)["keep"] if k != faulty["key"]]
    code, receipt = host.submit(brief_id, kept(shown) | {"tasks": [faulty], "keep": keep, "risks": risks})
    assert (code, receipt["open"], receipt["left_out"]) == (1, [faulty["key"]], [])
    # The open part alone, with the empty lists that the schema asks for; then each part once more.
    assert host.submit(brief_id, kept(host.brief(brief_id)))[0] == 0
    for name in ("items", "tasks"):
        for entry in draft[name]:
            assert host.submit(brief_id, {name: [entry], "risks": [], "gaps": [], "own_tasks": []})[0] == 0
    host.write()
    assert host.call("merge")[0] == 0
    text = (host.workspace / PLAN).read_text()
    assert all(text.count(f"- Found: {r['text']}") == 1 for r in risks)
    # Given again, they replace those of the brief.
    assert (
        host.submit(brief_id, {"risks": [{"text": "Only this race counts.", "sources": cited[:1]}]})[0] == 0
    )
    assert host.call("merge")[0] == 0
    text = (host.workspace / PLAN).read_text()
    assert "Only this race counts" in text
    assert "race for place" not in text


def test_an_accepted_answer_can_be_mended_after_the_plan_is_merged(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    host.write()
    assert host.call("merge")[0] == 0
    shown = host.brief(brief_id)
    assert shown["answered"] is True
    task = drafts(shown)["tasks"][0]
    assert (
        host.submit(brief_id, {"tasks": [task | {"done_when": task["done_when"].rstrip(".") + ", twice."}]})[
            0
        ]
        == 0
    )
    assert drafts(host.brief(brief_id))["tasks"][0]["done_when"].endswith(", twice.")
    # To keep what is accepted keeps the answer, not the draft.
    assert host.submit(brief_id, {"keep": [task["key"]]})[0] == 0
    assert host.call("merge")[0] == 0
    assert any(t.done_when.endswith(", twice.") for t in host.plan().tasks)


def test_the_approach_and_the_traps_can_be_mended_too(host: Host) -> None:
    host.decide()
    host.write()
    assert host.call("merge")[0] == 0
    shown = next(s for s in map(host.brief, host.open()["answered"]) if "Accepted beside" in s["request"])
    brief_id = shown["id"]
    lines = ["Errors first, since all else rests on them.", "Then data.", "Then routes, with their tests."]
    assert host.submit(brief_id, {"approach": lines})[0] == 0
    assert lines[0] in host.brief(brief_id)["request"]
    source = shown["schema"]["$defs"]["source"]["enum"][0]
    trap = {"text": "Two limits of one name differ.", "guard": "The smaller one holds.", "sources": [source]}
    code, receipt = host.submit(brief_id, {"traps": [trap]})
    assert (code, receipt["added"], receipt["accepted"]) == (0, {"traps": 1}, [])
    assert trap["text"] in host.brief(brief_id)["request"]
    host.write()
    code, merged = host.call("merge")
    assert code == 0, merged
    plan = host.plan()
    assert plan.approach == tuple(lines)
    assert [r.statement for r in plan.rulings if r.topic.startswith("deciding.")] == [trap["text"]]


def test_what_is_added_alone_is_checked_too(host: Host) -> None:
    host.decide()
    host.write()
    brief_id = next(i for i in host.open()["answered"] if i.startswith("5."))
    cited = host.brief(brief_id)["schema"]["$defs"]["source"]["enum"]
    wrong = {"text": "POST /api/exports has no limit.", "sources": [cited[0]]}
    code, receipt = host.submit(brief_id, {"risks": [wrong]})
    assert (code, receipt["added"]) == (0, {})
    assert receipt["left_out"]
    assert receipt["next"].startswith("planagent merge")


def test_half_an_answer_keeps_what_is_finished(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    whole = json.dumps({"items": drafts(shown)["items"], "tasks": []})
    code, receipt = host.submit(brief_id, whole[: len(whole) * 2 // 3])
    assert code == 1
    assert receipt["whole"] is False
    assert receipt["accepted"]
    assert receipt["open"]
    assert set(receipt["accepted"]) | set(receipt["open"]) == set(kept(shown)["keep"])
    assert {f["key"] for f in receipt["findings"]} == set(receipt["open"])


@pytest.mark.parametrize(
    "garbage", ["", "Sure! Here is the plan.", "[1, 2", '{"items": "x"}', "{}", "null", '{"items": [7]}']
)
def test_garbage_is_a_finding_and_changes_nothing(host: Host, garbage: str) -> None:
    host.decide()
    one = host.open()["open"][0]
    code, receipt = host.submit(one["id"], garbage)
    assert code == 1
    assert receipt["accepted"] == []
    assert receipt["findings"]
    assert len(receipt["open"]) == one["parts"]
    assert one["id"] in host.ids()


def test_the_answer_to_another_brief_is_not_taken(host: Host) -> None:
    host.decide()
    first, second = host.ids()[:2]
    code, receipt = host.submit(first, kept(host.brief(second)))
    assert code == 1
    assert receipt["accepted"] == []
    assert set(receipt["ignored"]) == set(kept(host.brief(second))["keep"])


def test_a_wrong_id_names_the_open_ones(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.decide()
    code, told = host.submit("5.9-zzzzz", {})
    assert code == 2
    assert host.ids()[0] in told["error"]["remedy"]
    code, told = host.call("brief", "5.9-zzzzz")
    assert code == 2


def test_the_same_answer_again_changes_nothing(host: Host) -> None:
    host.decide()
    brief_id = host.ids()[0]
    answer = kept(host.brief(brief_id))
    assert host.submit(brief_id, answer)[0] == 0
    left = host.open()
    code, receipt = host.submit(brief_id, answer)
    assert (code, receipt["open"], receipt["findings"]) == (0, [], [])
    assert host.open() == left
    assert host.brief(brief_id)["answered"] is True
    assert brief_id in left["answered"]


def test_a_worse_answer_does_not_replace_an_accepted_one(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    assert host.submit(brief_id, kept(shown))[0] == 0
    task = drafts(shown)["tasks"][0] | {"done_when": "It works as needed, etc."}
    code, receipt = host.submit(brief_id, {"items": [], "tasks": [task]})
    assert (code, receipt["open"]) == (1, [])
    assert brief_id not in host.ids()
    host.write()
    host.call("merge")
    assert "works as needed" not in (host.workspace / PLAN).read_text()


def test_an_answer_is_refused_when_its_specs_have_changed(host: Host) -> None:
    host.decide()
    brief_id = next(o["id"] for o in host.open()["open"] if o["sections"] == [5])
    shown = host.brief(brief_id)
    path = host.workspace / API
    before = path.read_text()
    path.write_text(before.replace("Authentication: required", "Authentication: required, by a bearer token"))
    changed = [line for line in path.read_text().split("\n") if "by a bearer token" in line]
    assert len(changed) > 8
    code, told = host.submit(brief_id, kept(shown))
    assert code == 3
    assert "decisions" in told["error"]["message"], "rulings rest on these passages too, and come first"
    host.decide()
    code, told = host.submit(brief_id, kept(shown))
    assert code == 3
    assert "has changed" in json.dumps(told)
    assert API in json.dumps(told)


def test_of_a_brief_that_changed_in_part_the_rest_is_taken(host: Host) -> None:
    host.decide()
    listed = [o for o in host.open()["open"] if o["sections"] == [5]]
    shown = host.brief(listed[0]["id"])
    path = host.workspace / API
    text = path.read_text()
    line = "Gives the caller's lists, oldest first."
    assert line in text
    path.write_text(text.replace(line, "Gives the caller's lists, newest first."))
    code, told = host.submit(listed[0]["id"], kept(shown))
    assert code == 3
    assert "endpoint:GET /api/lists" in told["refused"]
    assert told["accepted"]
    assert "endpoint:GET /api/lists" in {k for i in host.ids() for k in kept(host.brief(i))["keep"]}


def test_lines_that_move_change_nothing(host: Host) -> None:
    host.decide()
    before = host.ids()
    path = host.workspace / API
    path.write_text("\n\n" + path.read_text())
    assert host.ids() == before
    host.write()
    assert host.call("merge")[0] == 0
    assert run(["check", "-w", str(host.workspace)]) == 0


def test_an_interrupted_run_goes_on_where_it_stopped(host: Host) -> None:
    host.decide()
    ids = host.ids()
    host.submit(ids[0], kept(host.brief(ids[0])))
    fresh = Host(host.workspace, host._capsys)
    assert fresh.ids() == ids[1:]


def test_two_answers_at_once_are_both_taken(host: Host) -> None:
    host.decide()
    ids = host.ids()[:4]
    answers = {i: kept(host.brief(i)) for i in ids}
    folder = host.workspace / ".planagent" / "answers"
    codes: dict[str, int] = {}

    def hand_in(brief_id: str) -> None:
        file = folder / f"{brief_id}.json"
        file.write_text(json.dumps(answers[brief_id]))
        codes[brief_id] = run(["submit", brief_id, str(file), "-w", str(host.workspace)])

    threads = [threading.Thread(target=hand_in, args=(i,)) for i in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == dict.fromkeys(ids, 0)
    assert not set(ids) & set(host.ids())


def test_merge_waits_for_every_brief(host: Host) -> None:
    code, told = host.call("merge")
    assert code == 9
    assert "the sections follow" in told["error"]["message"]
    host.decide()
    ids = host.ids()
    code, told = host.call("merge")
    assert code == 9
    assert all(i in told["error"]["message"] for i in ids)
    assert not (host.workspace / PLAN).exists()


def test_the_rules_fill_what_is_open_when_they_may(host: Host) -> None:
    host.decide()
    ids = host.ids()
    for brief_id in ids[1:]:
        host.submit(brief_id, kept(host.brief(brief_id)))
    code, told = host.call("merge", "--fill-from-rules")
    assert code == 0
    assert told["filled_from_rules"]
    assert "by rule" in host.plan().writer
    assert run(["check", "-w", str(host.workspace)]) == 0
    assert len(host.ids()) == 1, "what the rules stood in for is still open for the agent"


def test_one_changed_requirement_opens_one_or_two_briefs(host: Host) -> None:
    host.decide()
    host.write()
    assert host.call("merge")[0] == 0
    path = host.workspace / API
    text = path.read_text()
    path.write_text(
        text.replace("Gives the caller's lists, oldest first.", "Gives the caller's lists, newest first.")
    )
    rounds = 0
    while ids := host.ids():
        for brief_id in ids:
            host.submit(brief_id, kept(host.brief(brief_id)))
            rounds += 1
    assert 1 <= rounds <= 3
    assert host.call("merge")[0] == 0
    assert run(["status", "-w", str(host.workspace)]) == 0


def test_a_ruling_at_fault_stays_open_and_says_why(host: Host) -> None:
    one = host.open()["open"][0]
    shown = host.brief(one["id"])
    ids = shown["schema"]["properties"]["rulings"]["items"]["properties"]["id"]["enum"]
    bad = {"id": ids[0], "default": "Handle errors appropriately, etc.", "why": "It is simple."}
    code, receipt = host.submit(one["id"], kept(shown) | {"rulings": [bad]})
    assert code == 1
    assert len(receipt["open"]) == 1
    assert len(receipt["accepted"]) == one["parts"] - 1
    good = {
        "id": ids[0],
        "default": "The smaller bound holds; a longer text answers 422.",
        "why": "It is safer.",
    }
    code, receipt = host.submit(one["id"], {"rulings": [good]})
    assert (code, receipt["open"]) == (0, [])
    host.decide()
    host.write()
    assert host.call("merge")[0] == 0
    assert any(r.default == good["default"] for r in host.plan().rulings)


def test_a_damaged_note_is_handed_out_anew(host: Host) -> None:
    import sqlite3

    host.decide()
    ids = host.ids()
    with sqlite3.connect(host.workspace / ".planagent" / "ledger.db") as db:
        db.execute("UPDATE notes SET value = '{\"x\": 1}' WHERE name LIKE 'host %'")
    assert host.ids() == ids


def test_a_host_may_use_stdin_and_utf16(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """PowerShell writes UTF-16 when output is redirected."""
    host.decide()
    brief_id = host.ids()[0]
    answer = json.dumps(kept(host.brief(brief_id)))
    file = host.workspace / "answer.json"
    file.write_bytes(answer.encode("utf-16"))
    assert host.call("submit", brief_id, str(file))[0] == 0


def test_an_answer_beyond_all_bounds_is_refused(host: Host) -> None:
    host.decide()
    code, told = host.submit(host.ids()[0], "{" + " " * 500_000 + "}")
    assert code == 2
    assert "500,002 characters" in told["error"]["message"]


def test_a_configured_model_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANAGENT_MODEL", "some-model")
    assert host.open()["model"] == "some-model"
