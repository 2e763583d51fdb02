"""The page in a real browser: nothing leaves it, nothing of a spec runs in it, all of it can be reached and read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from planagent.cli import run
from tests.conftest import ROOT
from tests.test_report import EVIL

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.campaign, pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample with the plan that a coding agent wrote of it, specs full of markup, and specs without a plan."""
    sample = tmp_path_factory.mktemp("sample")
    for folder in ("specs", "plan"):
        shutil.copytree(ROOT / folder, sample / folder)
    evil = tmp_path_factory.mktemp("evil")
    (evil / "specs").mkdir()
    (evil / "specs" / "a.md").write_text(EVIL, encoding="utf-8")
    bare = shutil.copytree(evil, tmp_path_factory.mktemp("bare") / "w")
    assert run(["plan", "-q", "-w", str(evil), "--offline"]) == 0
    found = {}
    for name, root in (("sample", sample), ("evil", evil), ("bare", bare)):
        found[name] = tmp_path_factory.mktemp("pages") / f"{name}.html"
        assert run(["report", "-w", str(root), "--to", str(found[name])]) == 0
    return found


@pytest.fixture(scope="module")
def browser(pages: dict[str, Path]) -> Iterator[Any]:
    """Opened once the pages are made: it has an event loop of its own, beside which planagent could not run one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def shown(browser: Any, pages: dict[str, Path]) -> Iterator[Open]:
    """Opens one of the pages; afterwards it has said nothing on its console, and asked for nothing but itself."""
    heard: list[str] = []
    contexts = []

    def shows(name: str, size: dict[str, int] = DESK, scheme: str = "light") -> Any:
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        address = pages[name].as_uri()
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: heard.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: heard.append(f"request: {request.url}") if request.url.partition("#")[0] != address else None)
        page.goto(address)
        page.wait_for_function("document.documentElement.dataset.ready === '1'")
        return page

    yield shows
    for context in contexts:
        context.close()
    assert not heard


@pytest.mark.parametrize("name", ["sample", "evil", "bare"])
def test_nothing_leaves_the_page_and_nothing_of_a_spec_runs(shown: Open, name: str) -> None:
    page = shown(name)
    assert page.locator("h1").inner_text()
    assert page.evaluate("document.scripts.length") == 1
    if name != "sample":
        assert "<script>alert(1)</script>" in page.locator("#specs .lines").first.text_content()


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [("sample", DESK, "light"), ("sample", DESK, "dark"), ("sample", PHONE, "light"), ("evil", DESK, "dark"), ("bare", PHONE, "light")],
)
def test_axe_finds_nothing_to_mend(shown: Open, name: str, size: dict[str, int], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = shown(name, size, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    if name == "sample":
        page.locator("button.t").first.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_line_shows_what_was_made_of_it_and_which_task_does_it(shown: Open) -> None:
    page = shown("sample")
    document = page.locator("details.doc", has=page.locator("summary", has_text="specs/backend/api.md"))
    document.locator("summary").click()
    line = document.locator("button.t", has_text="POST /api/lists").first
    line.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    assert panel.is_visible()
    assert "POST /api/lists" in panel.inner_text()
    task = panel.locator("a").first
    wanted = task.inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert line.evaluate("e => e === document.activeElement"), "focus goes back to where it was"
    page.keyboard.press("Enter")
    task.click()
    assert page.locator(f"#{wanted}").evaluate("e => e.open"), "a link to a task opens it"


def test_lines_are_filtered_and_tasks_are_found(shown: Open) -> None:
    page = shown("evil")
    page.locator("#only").select_option("handed-on")
    kinds = page.locator("li.u:visible").evaluate_all("all => [...new Set(all.map((e) => e.dataset.k))]")
    assert kinds == ["handed-on"]
    page = shown("sample")
    tasks = page.locator("details.task")
    many = tasks.count()
    page.locator("#find").fill("health")
    assert 0 < page.locator("details.task:visible").count() < many
    assert page.locator("#hits").inner_text().endswith(" found")
    page.locator("#find").fill("")
    assert page.locator("details.task:visible").count() == many


def test_the_order_is_drawn_and_told_phase_by_phase(shown: Open) -> None:
    page = shown("sample")
    drawn = page.locator("#order svg a").count()
    conditional = page.locator("details.task", has=page.locator("dt", has_text="Only if")).count()
    assert drawn == page.locator("details.task").count() - conditional > 0
    rows = page.locator(".timeline tbody tr")
    assert rows.count() > 2
    assert sum(int(t) for t in rows.locator("td:nth-of-type(1)").all_inner_texts()) == drawn


@pytest.mark.parametrize("name", ["sample", "evil", "bare"])
def test_nothing_scrolls_sideways_on_a_phone(shown: Open, name: str) -> None:
    page = shown(name, PHONE)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    table = page.locator("#specs .scroll").first
    assert table.evaluate("e => e.scrollWidth <= e.clientWidth"), "the table of documents fits"
