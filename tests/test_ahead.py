"""What is asked before its turn: nothing waits for what it does not need, and nothing of it is believed that turns out otherwise."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.corpora import write_corpus
from bench.diligent import answer_to
from bench.simulated_server import Fault, Request, SimulatedServer
from planagent.ahead import _Listener
from planagent.answers import salvage
from planagent.briefs.brief import API
from planagent.briefs.decide import DecideStage
from planagent.choosing import open_runs
from planagent.cli import run
from planagent.pipeline import Session, find, make_plan
from planagent.plan.markdown_in import parse
from planagent.settings import load_settings
from planagent.stages import decide_stage, decided, read_stage, reading_of, write_stage

PLAN = "plan/backend_implementation_plan.md"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedServer]:
    with SimulatedServer(tokens_per_second=4_000) as found:
        for name, value in (("OPENAI_BASE_URL", found.url), ("OPENAI_API_KEY", "k"), ("PLANAGENT_MODEL", "m")):
            monkeypatch.setenv(name, value)
        yield found


def asked_twice(server: SimulatedServer) -> list[str]:
    many = Counter(key for r in server.requests for key in r.tasks)
    return [key for key, count in many.items() if count > 1]


def of(server: SimulatedServer, kind: str) -> list[Request]:
    return [r for r in server.requests if r.kind == kind]


def body(path: Path) -> str:
    return (path / PLAN).read_text().partition("\n")[2]


def test_tasks_are_written_while_others_are_decided_and_none_is_asked_twice(tmp_path: Path, server: SimulatedServer) -> None:
    path = write_corpus(tmp_path / "a", 40)
    asked = threading.Semaphore(0)

    def waits(request: Request) -> None:
        if request.kind == "write":
            asked.release()
        elif request.kind == "decide":
            for _ in range(3):
                assert asked.acquire(timeout=30), "nothing is written before the last word of the decision"

    server.before_end = waits
    assert run(["plan", "-w", str(path)]) == 0
    [decide] = of(server, "decide")
    assert sum(r.at < decide.ended for r in of(server, "write")) > 2
    assert not asked_twice(server)
    other = write_corpus(tmp_path / "b" / "a", 40)
    server.streams, server.before_end = False, None
    assert run(["plan", "-w", str(other)]) == 0
    assert body(path).split("\n")[5:] == body(other).split("\n")[5:], "what is asked early is what would be asked in its turn"


def test_what_is_written_ahead_is_seen_as_it_comes(tmp_path: Path, server: SimulatedServer) -> None:
    written = threading.Event()
    told: list[tuple[str, int, int]] = []

    def progress(kind: str, done: int, parts: int) -> None:
        told.append((kind, done, parts))
        if kind == "write":
            written.set()

    server.before_end = lambda request: request.kind != "decide" or written.wait(30)
    make_plan(Session(load_settings(write_corpus(tmp_path / "a", 40)), progress=progress))
    early = [t for t in told if t[0] == "write" and not t[2]]
    assert early
    assert [t[1] for t in early] == sorted(t[1] for t in early)
    assert told.index(early[-1]) < next(n for n, t in enumerate(told) if t[0] == "write" and t[2]), "its turn has come"


def test_chapters_are_reviewed_while_others_are_written(tmp_path: Path, server: SimulatedServer) -> None:
    rehearsed = write_corpus(tmp_path / "b" / "a", 120)
    assert run(["plan", "-w", str(rehearsed)]) == 0
    last = parse((rehearsed / PLAN).read_text()).tasks[-1].key
    server.requests.clear()
    reviewing = threading.Event()

    def waits(request: Request) -> None:
        if request.kind == "review":
            reviewing.set()
        elif last in request.tasks:
            assert reviewing.wait(30), "nothing is reviewed before the last task is written"

    server.before_end = waits
    path = write_corpus(tmp_path / "a", 120)
    assert run(["plan", "-w", str(path)]) == 0
    end = max(r.ended for r in of(server, "write"))
    assert any(r.at < end for r in of(server, "review"))
    assert not asked_twice(server)
    assert run(["check", "-w", str(path)]) == 0


def test_what_turns_out_otherwise_is_asked_again(tmp_path: Path, server: SimulatedServer) -> None:
    path = write_corpus(tmp_path / "a", 40)

    def changing(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.kind == "decide" and value["tasks"]:
            value["removed"] = [value["tasks"][0]["key"]]
            value["tasks"][1] = value["tasks"][1] | {"covers": []}
        return value

    server.edit = changing
    assert run(["plan", "-w", str(path)]) == 0, "what nobody covers is decided in a second answer"
    assert asked_twice(server), "some of it was written before"
    assert run(["check", "-w", str(path)]) == 0


def test_a_stream_that_breaks_is_listened_to_anew(tmp_path: Path, server: SimulatedServer) -> None:
    path = write_corpus(tmp_path / "a", 40)
    assert run(["plan", "-w", str(path)]) == 0
    before = next(n for n, r in enumerate(server.requests) if r.kind == "decide")
    other = write_corpus(tmp_path / "b" / "a", 40)
    server.requests.clear()
    server.script = [Fault("none")] * before + [Fault("cut")]
    assert run(["plan", "-w", str(other)]) == 0
    assert len(of(server, "decide")) == 2
    assert not asked_twice(server)
    assert body(path).split("\n")[5:] == body(other).split("\n")[5:]


def test_a_key_that_is_refused_in_the_middle_ends_the_run_with_its_remedy(
    tmp_path: Path, server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_corpus(tmp_path / "a", 40)
    assert run(["plan", "-w", str(path)]) == 0
    before = next(n for n, r in enumerate(server.requests) if r.kind == "write")
    other = write_corpus(tmp_path / "b", 40)
    server.script = [Fault("none")] * before + [Fault("status", 401)] * 50
    capsys.readouterr()
    assert run(["plan", "-w", str(other)]) == 6
    told = capsys.readouterr().err
    assert "OPENAI_API_KEY" in told
    assert "Traceback" not in told
    assert not (other / PLAN).exists()


# -- what is settled ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deciding(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, DecideStage, str]:
    """A session that is about to decide, and the whole answer's text."""
    session = Session(load_settings(write_corpus(tmp_path_factory.mktemp("w") / "a", 25)), offline=True)
    find(session)
    open_runs(session)
    read = read_stage(session)
    records: dict[str, Any] = {}
    for part in read.parts:
        records |= read.accept([part], answer_to(read.brief([part], {}, API).messages()[1]["content"]), {}).records
    for part in read.parts:
        prompt = "\n".join(m["content"] for m in read.brief([part], {}, API).messages())
        records |= read.accept([part], answer_to(prompt), {}).records
    session.reading = reading_of(session, read, records)
    stage = decide_stage(session)
    prompt = "\n".join(m["content"] for m in stage.brief(stage.parts, {}, API).messages())
    return session, stage, json.dumps(answer_to(prompt))


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1))
def test_what_is_settled_early_rests_on_the_same_in_the_end(deciding: tuple[Session, DecideStage, str], share: float) -> None:
    session, stage, text = deciding
    session.decision = decided(stage, stage.accept(stage.parts, json.loads(text), {}).records)
    whole = {p.key: p for p in write_stage(session).parts}
    listener = _Listener(session, stage)
    early = stage.so_far(salvage(text[: int(share * len(text))]))
    parts = write_stage(session, decision=early, share=listener._share(early)).parts
    for part in (p for p in parts if listener._settled(early, p.payload.task)):
        assert part.material == whole[part.key].material
        assert part.payload.words <= 2 * whole[part.key].payload.words + 60


def test_a_re_plan_asks_nothing_ahead(tmp_path: Path, server: SimulatedServer) -> None:
    path = write_corpus(tmp_path / "a", 20)
    assert run(["plan", "-w", str(path)]) == 0
    keys = [t.key for t in parse((path / PLAN).read_text()).tasks]
    spec = path / "specs" / "backend" / "order.md"
    spec.write_text(spec.read_text().replace("newest first", "oldest first"))
    server.requests.clear()
    assert run(["plan", "-w", str(path)]) == 0
    assert len(server.requests) <= 3
    assert [t.key for t in parse((path / PLAN).read_text()).tasks] == keys
