"""The prompts, which are data: `prompts/*.md`."""

from __future__ import annotations

import hashlib
from functools import cache

from planagent.data import prompts_folder


@cache
def prompt(name: str) -> str:
    """The text of one prompt, without the space around it."""
    folder = prompts_folder()
    for part in name.split("/"):
        folder = folder / part
    return folder.read_text(encoding="utf-8").strip()


def words(*names: str) -> str:
    """Hash of some prompts: changing one asks anew for what was asked with it, and for nothing else."""
    return hashlib.sha256("\0".join(prompt(n) for n in names).encode()).hexdigest()[:16]
