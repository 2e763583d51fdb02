"""Where the data of this program lies."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def prompts_folder() -> Traversable | Path:
    """The `prompts/` folder: inside the installed package, or beside it in a checkout."""
    packaged = resources.files("planagent") / "prompts"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "prompts"
