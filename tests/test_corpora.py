"""Real corpora beside the checkout: facts against hand-checked truth, plans of all, secrets of none."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from planagent.cli import run
from planagent.model import normalize_path
from planagent.publishing.markdown_in import parse
from planagent.reading.corpus import read_corpus
from tests.conftest import CORPORA, ROOT, SMALL_CORPORA, corpus_path

pytestmark = pytest.mark.corpora
PLAN = "plan/backend_implementation_plan.md"
# What the truth lists beyond the wanted scope: other phases of the same repository.
WANTED = {"raohamza": re.compile(r"^(?!001-todo-cli:|003-chatbot:).*")}
OTHER_PHASE = {
    "raohamza": {
        "POST /api/{user_id}/chat",
        "GET /api/{user_id}/chat/{conversation_id}",
        "Conversation",
        "Message",
    }
}


def truth(name: str) -> dict[str, Any]:
    path = CORPORA.parent / "truth" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no truth for {name}")
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def endpoint_key(label: str) -> str:
    method, _, path = label.partition(" ")
    return f"{method} {normalize_path(path)}"


@pytest.mark.parametrize("name", ["origin-sabahatabid", "moinuddin", "raohamza"])
def test_facts_against_truth(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    facts, wanted = read_corpus(corpus_path(name)).facts, truth(name)
    other = OTHER_PHASE.get(name, set())
    frontend = {v for v, e in wanted["evidence"]["env_vars"].items() if e["side"] == "frontend-only"}
    pairs = {
        "endpoints": (
            {e.key for e in facts.endpoints},
            {endpoint_key(e) for e in wanted["endpoints"] if e not in other},
        ),
        "entities": ({e.name for e in facts.entities}, set(wanted["entities"]) - other),
        "backend variables": (
            {v.name for v in facts.env_vars if v.side != "frontend"},
            set(wanted["env_vars"]) - frontend,
        ),
        "requirement ids": (
            {r.name for r in facts.requirements},
            {r for r in wanted["requirement_ids"] if WANTED.get(name, re.compile("")).match(r)},
        ),
    }
    with capsys.disabled():
        for kind, (found, right) in pairs.items():
            recall = len(found & right) / len(right) if right else 1.0
            precision = len(found & right) / len(found) if found else 1.0
            print(f"\n{name}: {kind}: recall {recall:.0%}, precision {precision:.0%} of {len(right)}", end="")
            assert recall >= 0.98, (kind, right - found)
            assert precision >= 0.98, (kind, found - right)
        print()


@pytest.mark.parametrize("name", SMALL_CORPORA)
def test_every_corpus_with_a_backend_gets_a_clean_plan(name: str, tmp_path: Path) -> None:
    root = tmp_path / name
    shutil.copytree(corpus_path(name), root)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    root.chmod(0o755)
    assert run(["plan", "--offline", "-w", str(root), "--json"]) == 0
    assert run(["check", "-w", str(root), "--json"]) == 0
    plan = parse((root / PLAN).read_text(encoding="utf-8"))
    assert len(plan.sections) == 9
    assert plan.tasks


def test_a_corpus_without_a_backend_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--offline", "-w", str(corpus_path("static-agendamento-pt"))]) == 4
    assert "no backend" in capsys.readouterr().err


def test_no_secret_of_a_spec_reaches_the_plan_or_the_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = corpus_path("origin-sabahatabid")
    spec = (source / "specs/backend/spec.md").read_text(encoding="utf-8").split("\n")
    secret = spec[433].partition("=")[2]
    account, host = re.findall(r"//([^@]+)@([^/]+)/", spec[437])[0]
    root = tmp_path / "w"
    shutil.copytree(source, root)
    (root / "specs").chmod(0o755)
    root.chmod(0o755)
    assert run(["plan", "--offline", "-w", str(root), "-o", str(tmp_path / "plan.md"), "--json"]) == 0
    run(["facts", "-w", str(root), "--json"])
    shown = (tmp_path / "plan.md").read_text(encoding="utf-8") + capsys.readouterr().out
    for value in (secret, account.partition(":")[2], host):
        assert value
        assert value not in shown


LABELLED = tomllib.loads((ROOT / "tests" / "labelled" / "conflicts.toml").read_text(encoding="utf-8"))
WITHOUT_TOPIC = {"model", "frontend", "scope", "none"}


def test_conflicts_against_truth(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the disagreements that a person found, those that code reports, each at a place the person named."""
    total, found, never, lost = 0, 0, Counter[str](), []
    for name, topics in LABELLED.items():
        wanted = truth(name)["contradictions_structured"]
        assert len(topics) == len(wanted)
        reported = read_corpus(corpus_path(name)).conflicts
        for number, entry in enumerate(wanted):
            total += 1
            topic = topics[str(number)]
            if topic in WITHOUT_TOPIC:
                never[topic] += 1
                continue
            files = {ref.partition(":")[0] for ref in entry["refs"]}
            if any(
                c.topic == topic and (not c.places or files & {p.file for p in c.places}) for c in reported
            ):
                found += 1
            else:
                lost.append(f"{name} {number} {topic}")
    with capsys.disabled():
        print(f"\nconflicts: {found} of {total} found; not by code: {dict(never)}")
    assert not lost


def test_corpora_of_specs_alone_raise_few_conflicts(capsys: pytest.CaptureFixture[str]) -> None:
    """How many are reported for each corpus; one that says next to nothing must not be drowned in questions."""
    counts = {name: len(read_corpus(corpus_path(name)).conflicts) for name in SMALL_CORPORA}
    with capsys.disabled():
        print(f"\nconflicts, gaps and traps reported: {counts}")
    assert not read_corpus(corpus_path("static-agendamento-pt")).conflicts
    assert all(count <= 35 for count in counts.values())
