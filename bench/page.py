"""15. The report of a large plan in a browser: how big the page is, how soon it is there and can be used."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common import call, corpora, workspace
from bench.corpora import write_corpus

_LARGEST = "big-otel"
_OPENED = 5
_SHOWN = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [paint ? paint.startTime : 0, page.domInteractive, page.loadEventEnd];
}"""
_SEARCHED = """() => {
  const box = document.getElementById("find"), begun = performance.now();
  box.value = "order";
  box.dispatchEvent(new Event("input"));
  document.body.offsetHeight;
  return performance.now() - begun;
}"""


def measure() -> Iterator[str]:
    chromium = shutil.which("chromium")
    if not chromium:
        yield "no chromium on this machine: not measured"
        return
    for name in corpora(_LARGEST):
        with workspace(name) as root:
            yield f"{name}: {_opened(root, chromium)}"
    with TemporaryDirectory() as folder:
        root = write_corpus(Path(folder) / "project", 2_000)
        yield f"2,000 operations: {_opened(root, chromium)}"


def _opened(root: Path, chromium: str) -> str:
    """Figures of one page, the middle of some openings in browsers that know nothing of it."""
    from playwright.sync_api import sync_playwright

    page = root / "report.html"
    call(root, "plan", "--offline", "-q")
    call(root, "report", "--to", str(page))
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        seen = [_look(browser, page) for _ in range(_OPENED)]
        browser.close()
    painted, usable, loaded, searched = (statistics.median(v) for v in zip(*seen, strict=True))
    return (
        f"{page.stat().st_size / 1e6:.1f} MB; first text after {painted / 1000:.2f} s, usable after {usable / 1000:.2f} s, whole after "
        f"{loaded / 1000:.2f} s; a search takes {searched:.0f} ms"
    )


def _look(browser: Any, page: Path) -> tuple[float, ...]:
    context = browser.new_context()
    shown = context.new_page()
    shown.goto(page.as_uri())
    shown.wait_for_function(
        "document.documentElement.dataset.ready === '1' && performance.getEntriesByName('first-contentful-paint').length"
    )
    found = (*shown.evaluate(_SHOWN), shown.evaluate(_SEARCHED))
    context.close()
    return tuple(float(f) for f in found)
