"""The ten sections: titles, and the Pydantic schema of an item of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from planagent.answers import arr, listed, obj, text, texts, txt

SECTION_TITLES: dict[int, str] = {
    1: "Backend Project Architecture",
    2: "Environment Setup",
    3: "Database Implementation",
    4: "Auth Integration",
    5: "API Endpoints",
    6: "Service Layer",
    7: "Integration With Frontend",
    8: "Error Handling",
    9: "Testing",
    10: "Execution Timeline",
}
OWN_ITEM = {"operation": 5, "record": 3, "setting": 2}
"""The section in which each statement of a kind has an item, when a task of that section covers it."""
WORDS = 2_500
"""Words of a plan of one operation; more operations take as many times that as the root of their number."""
_MOST, _MOST_FIELDS = 40, 400
"""Lines of a field of an item; columns of a table and inputs are as many as the specs define."""


class Item(BaseModel):
    """What every item has. Bounds are there against runaway answers only. `lines` names its fields in the order of the page."""

    model_config = ConfigDict(extra="ignore", str_max_length=4_000)
    lines: ClassVar[dict[str, str]] = {}

    title: str = Field(min_length=1, max_length=200)
    covers: list[str] = Field(default_factory=list, max_length=200)

    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """Label and lines of each field that says something."""
        for name, label in self.lines.items():
            value = getattr(self, name)
            if value:
                yield label, value


def _item(name: str, **labels: str) -> type[Item]:
    """An item whose fields are lists of lines, each with its label on the page."""
    bounds = {field: _MOST_FIELDS if field in ("fields", "inputs") else _MOST for field in labels}
    fields: dict[str, Any] = {field: (list[str], Field(default_factory=list, max_length=most)) for field, most in bounds.items()}
    made = create_model(name, __base__=Item, **fields)
    made.lines = labels
    return made


ITEMS: dict[int, type[Item]] = {
    1: _item("Folder", purpose="Purpose", files="Files", responsibilities="Responsibilities"),
    2: _item("Environment", setup="Set-up", read_by="Read by", if_missing="When missing", production="Production"),
    3: _item("Database", fields="Fields", steps="Steps"),
    4: _item("Auth", how="How", errors="Errors"),
    5: _item(
        "Operation", entry="Entry point", inputs="Input", validation="Validation", calls="Calls", errors="Errors", response="Response"
    ),
    6: _item("Service", responsibility="Responsibility", inputs="Input", steps="Steps", results="Result", errors="Errors"),
    7: _item("Frontend", backend_side="The backend's side"),
    8: _item("Error", steps="Steps", shape="Shape"),
    9: _item("Test", setup="Set-up", cases="Cases"),
}


class _Kind(Protocol):
    @property
    def kind(self) -> str: ...


def budget(statements: Sequence[_Kind]) -> int:
    """Words that a whole plan may have, by what it covers: about 8,000 for ten operations."""
    operations = sum(s.kind == "operation" for s in statements)
    return round(WORDS * math.sqrt(max(1.0, operations, len(statements) / 5)))


class _Doing(Protocol):
    """A task, planned or in the plan."""

    @property
    def section(self) -> int: ...

    @property
    def condition(self) -> str: ...


D = TypeVar("D", bound=_Doing)


def home_of(kind: str, doing: Sequence[D]) -> D:
    """The one task, of those that cover a statement, that says its exact values: others rely on it. The first of the section that has an
    item for such a statement, else the first that is done in any case and tests nothing."""
    own = (t for t in doing if t.section == OWN_ITEM.get(kind))
    work = (t for t in doing if t.section != 9 and not t.condition)
    return next(own, None) or next(work, None) or doing[0]


def item_schema(section: int) -> dict[str, Any]:
    """The JSON schema of one item in an answer."""
    bounds = ITEMS[section].model_json_schema()["properties"]
    fields = {name: arr(txt(), bounds[name]["maxItems"]) for name in ITEMS[section].lines}
    return obj(title=txt(200), covers=arr(txt(120), 200), **fields)


def make_item(section: int, entry: dict[str, Any]) -> tuple[Item | None, str]:
    """An item of an answer's entry, or why it is none."""
    kind = ITEMS[section]
    values: dict[str, Any] = {"title": text(entry.get("title")), "covers": texts(entry.get("covers"))}
    values |= {name: listed(entry.get(name)) for name in kind.lines}
    try:
        item = kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        return None, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (item, "") if any(True for _ in item.rows()) else (None, f"it says nothing: fill one of {', '.join(kind.lines)}")
