"""14. Task lists that other tools made of real specs, under the same check: what of the specs they leave out, and what they add.

They lie beside the checkout, as the corpora do; without them there is nothing to measure.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.common import CORPORA, call

PLANS = CORPORA.parent / "plans"
_KINDS = {
    "PA4": "with something that no spec names",
    "PA5": "that leave demands of their specs out",
    "PA7": "with needs that cannot be kept",
}


def measure() -> Iterator[str]:
    told, lists, tasks = Counter[str](), 0, 0
    for project in sorted(PLANS.iterdir()) if PLANS.is_dir() else ():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "project"
            shutil.copytree(CORPORA / project.name, root)
            shutil.copytree(project, root, dirs_exist_ok=True)
            for path in sorted(root.rglob("tasks.md")):
                done = call(root, "check", str(path), "--output", "json", PLANAGENT_NO_CACHE="1")
                if done.returncode not in (0, 1):
                    continue
                found = json.loads(done.stdout)
                lists, tasks = lists + 1, tasks + sum(p["tasks"] for p in found["plans"])
                rules = {f["rule"][:3] for f in found["findings"]}
                told.update(_KINDS[r] for r in rules if r in _KINDS)
    yield f"{lists} task lists of {tasks:,} tasks: " + ("; ".join(f"{n} {what}" for what, n in sorted(told.items())) or "nothing found")
