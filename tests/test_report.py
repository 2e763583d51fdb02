"""The page holds all that it shows, loads nothing, and no word of a spec is markup in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from planagent.cli import run
from planagent.plan.graph import waves
from planagent.plan.plan import Task
from planagent.report.graph import BOX, drawing

Project = Callable[[dict[str, str]], Path]
EVIL = (
    "# Evil <script>alert(1)</script>\n\n- **FR-001**: The system MUST list boats by `GET /boats`, answering 200 <img src=x onerror=alert(1)>.\n"
    "- **FR-002**: It MUST say \"><svg onload=alert(1)> & '</style><script>fetch('https://evil.example')</script>.\n"
    "- **FR-003**: {{ 7 * 7 }} {% raw %} and ${7*7} MUST stay as they are.\n\n<iframe src='https://evil.example'></iframe>\n"
)


class Page(HTMLParser):
    """Tags with their attributes, ids, links, and the text of script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def all(self, name: str) -> list[str]:
        return [str(a[name]) for _, a in self.tags if a.get(name) is not None]


def page_of(root: Path, *more: str) -> str:
    target = root / "out.html"
    assert run(["report", "-w", str(root), "--to", str(target), *more]) == 0
    return target.read_text(encoding="utf-8")


@pytest.fixture
def evil(project: Project) -> str:
    path = project({"specs/001-x/spec.md": EVIL})
    assert run(["plan", "-w", str(path), "--offline"]) == 0
    return page_of(path)


def test_no_word_of_a_spec_is_markup(evil: str) -> None:
    page = Page(evil)
    allowed = {
        "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "p", "nav", "b", "main", "section", "article", "dl", "dt", "dd", "ul",
        "ol", "li", "code", "details", "summary", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "label", "select", "option", "button",
        "i", "aside", "input", "svg", "text", "path", "rect", "footer", "script", "br", "ins", "del",
    }  # fmt: skip
    assert {t for t, _ in page.tags} <= allowed
    assert sum(t == "script" for t, _ in page.tags) == 1
    assert not [n for _, attributes in page.tags for n in attributes if n.startswith("on") or n in ("src", "style", "srcdoc")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in evil
    assert "{{ 7 * 7 }}" in evil


def test_it_loads_nothing_and_runs_nothing_but_its_own(evil: str) -> None:
    page = Page(evil)
    assert all(h.startswith("#") for h in page.all("href"))
    [policy] = [str(a["content"]) for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inside[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_links_lead_somewhere_and_ids_are_there_once(evil: str) -> None:
    page = Page(evil)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in page.all("href")} <= set(ids)
    labelled = {str(a.get("aria-labelledby")) for _, a in page.tags if a.get("aria-labelledby")}
    assert labelled <= set(ids)
    controls = {str(a.get("id")) for t, a in page.tags if t in ("select", "input")}
    assert controls <= {str(a.get("for")) for t, a in page.tags if t == "label"}


def test_lines_tell_their_account_with_and_without_a_plan(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    path = project(
        {
            "specs/a.md": "# A\n\n- **FR-001**: It MUST list by `GET /boats`.\n\nSailing is fun.\n",
            "specs/frontend/p.md": "# P\n\nA button is red.\n",
        }
    )
    before = page_of(path)
    assert "There is no plan of these specs yet" in before
    assert re.search(r'<li class="u" data-k="handed-on" data-s="\d[^>]*>.*It MUST list by', before)
    assert re.search(r'data-k="dismissed".*A button is red', before)
    assert run(["plan", "-w", str(path), "--offline"]) == 0
    after = page_of(path)
    assert 'id="T001"' in after
    assert "Wave 1" in after
    capsys.readouterr()
    assert run(["report", "-w", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["report"]).read_bytes()
    assert told["bytes"] == Path(told["report"]).stat().st_size


def test_the_last_change_is_shown(project: Project) -> None:
    spec = "# A\n\n- **FR-001**: It MUST list by `GET /boats`.\n"
    path = project({"specs/a.md": spec})
    assert run(["plan", "-w", str(path), "--offline"]) == 0
    assert "Nothing is known of an earlier plan" in page_of(path)
    project({"specs/a.md": f"{spec}- **FR-002**: It MUST list by `GET /ferries`.\n"})
    assert run(["plan", "-w", str(path), "--offline"]) == 0
    assert "ferries" in page_of(path).partition('id="change"')[2]


def task(number: int, *needs: int, **more: object) -> Task:
    return Task(id=f"T{number:03d}", key=f"k{number}", title="x", needs=tuple(f"T{n:03d}" for n in needs), **more)


def test_the_drawing_has_every_task_once_and_lines_lead_to_the_right() -> None:
    tasks = [task(1), task(2, 1), task(3, 1), task(4, 2, 3), task(5, condition="D1: x"), task(6, 5)]
    drawn = drawing(tasks)
    assert [n.task.id for n in drawn.nodes] == ["T001", "T006", "T002", "T003", "T004"]
    assert len({(n.x, n.y) for n in drawn.nodes}) == 5
    assert len(drawn.lines) == 4
    assert sum(c for _, c in drawn.lines) == 2
    for path, _ in drawn.lines:
        start, end = (int(re.findall(r"-?\d+", path)[i]) for i in (0, -2))
        assert start < end
    assert drawn.waves == len(waves({t.id: tuple(n for n in t.needs if n != "T005") for t in tasks if not t.condition}))
    assert drawn.width > max(n.x for n in drawn.nodes) + BOX


def test_a_large_plan_draws_its_critical_path_alone() -> None:
    tasks = [task(1)] + [task(n, *range(max(1, n - 9), n)) for n in range(2, 400)]
    drawn = drawing(tasks)
    assert not drawn.all_lines
    assert len(drawn.lines) == 398
    assert all(c for _, c in drawn.lines)


def test_where_rules_decided_nobody_says_that_nothing_was_to_be_decided(project: Callable[[dict[str, str]], Path]) -> None:
    path = project({"specs/a.md": "# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`; 200.\n\nBoats are kept for ever.\n"})
    assert run(["plan", "-q", "-w", str(path), "--offline"]) == 0
    assert "Nobody looked for contradictions" in page_of(path)
