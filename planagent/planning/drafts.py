"""What a writer hands in: one draft per section, with an item schema of its own for each section.

Fields marked `written` are the writer's; all others are fixed by the blueprint before any writer is asked,
so that an exact value can never be made up. A rule-made draft exists for every section: the offline writer
hands it in as it is, a model revises its written fields.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Sentence = Annotated[str, Field(max_length=360)]
"""One line of the plan. Long enough for the densest rule of a strong model, too short for an essay."""

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


def written(label: str, *, most: int = 8) -> Any:
    """A list field that the writer fills."""
    return Field(default_factory=list, max_length=most, json_schema_extra={"label": label, "written": True})


def fixed(label: str) -> Any:
    """A list field that the blueprint fills."""
    return Field(default_factory=list, json_schema_extra={"label": label})


def line(label: str, *, by_writer: bool = False) -> Any:
    """A one-line field."""
    return Field(default="", max_length=600, json_schema_extra={"label": label, "written": by_writer})


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(Strict):
    """One item of a section. `key` is the obligation that it answers; `task` the task that does its work."""

    key: str
    title: str
    task: str = ""
    covers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    rulings: tuple[str, ...] = ()
    advice: list[Sentence] = Field(
        default_factory=list, max_length=4, json_schema_extra={"label": "Advice [lib]", "written": True}
    )
    """What the writer knows of a library that the specs name; it adds nothing to a contract."""

    @classmethod
    def labelled(cls) -> dict[str, str]:
        """Field name to label, in the order of rendering; advice comes last."""
        found = {n: _extra(f).get("label", "") for n, f in cls.model_fields.items() if n != "advice"}
        return {n: label for n, label in found.items() if label} | {"advice": "Advice [lib]"}

    @classmethod
    def written_fields(cls) -> tuple[str, ...]:
        return tuple(n for n, f in cls.model_fields.items() if _extra(f).get("written"))

    def rows(self) -> list[tuple[str, list[str]]]:
        """Label and lines of every field that says something."""
        result = []
        for name, label in self.labelled().items():
            value = getattr(self, name)
            lines = [value] if isinstance(value, str) else list(value)
            if any(lines):
                result.append((label, [v for v in lines if v]))
        return result


def _extra(field: Any) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


class FolderItem(Item):
    files: list[str] = fixed("Files")
    purpose: str = line("Purpose", by_writer=True)
    responsibilities: list[Sentence] = written("Responsibilities", most=5)
    must_not: str = line("Must not", by_writer=True)


class SetupItem(Item):
    value: str = line("Value")
    readers: str = line("Read by")
    setup: list[Sentence] = written("Set-up", most=8)
    when_missing: str = line("When missing", by_writer=True)


class DataItem(Item):
    shape: list[str] = fixed("Shape")
    steps: list[Sentence] = written("Steps", most=10)


class AuthItem(Item):
    approach: str = line("Approach", by_writer=True)
    rules: list[Sentence] = written("Rules", most=10)


class EndpointItem(Item):
    controller: str = line("Controller")
    access: str = line("Access")
    schemas: str = line("Schemas")
    service_calls: list[str] = fixed("Service calls")
    validation: list[Sentence] = written("Validation flow", most=10)
    errors: list[Sentence] = written("Error flows", most=10)
    response: str = line("Response", by_writer=True)
    statuses: str = line("Status codes")


class OperationItem(Item):
    file: str = line("Home")
    responsibility: str = line("Responsibility", by_writer=True)
    inputs: str = line("Inputs", by_writer=True)
    results: str = line("Results", by_writer=True)
    errors: list[Sentence] = written("Errors, in the order in which they win", most=6)
    rules: list[Sentence] = written("Rules", most=10)


class IntegrationItem(Item):
    steps: list[Sentence] = written("Steps", most=10)


class ErrorItem(Item):
    steps: list[Sentence] = written("Steps", most=10)


class TestItem(Item):
    __test__ = False  # not a test class
    file: str = line("File")
    cases: list[Sentence] = written("Cases", most=14)
    against: str = line("Proves")


class TaskText(Strict):
    """Steps and proof of one task; everything else of a task is fixed by the blueprint."""

    key: str
    steps: list[Sentence] = Field(max_length=6)
    done_when: Sentence


class Risk(Strict):
    """A danger that the writer sees, with the passage that shows it."""

    text: Sentence
    sources: tuple[str, ...] = Field(max_length=4)


class Gap(Strict):
    """Something the specs leave open, with the behaviour that the draft assumes."""

    question: Sentence
    assumed: Sentence
    sources: tuple[str, ...] = Field(max_length=4)


class OwnTask(Strict):
    """A task of the writer's own; it must cite a passage and may only need what is already planned."""

    title: Annotated[str, Field(max_length=120)]
    file: Annotated[str, Field(max_length=160)]
    needs: tuple[str, ...] = Field(default=(), max_length=6)
    sources: tuple[str, ...] = Field(min_length=1, max_length=4)
    steps: list[Sentence] = Field(min_length=1, max_length=6)
    done_when: Sentence


MOST_EXTRA = {"risks": 8, "gaps": 8, "own_tasks": 6}
"""What one answer may add beyond the checklist; a section made of several briefs has the sum."""


class SectionDraft(BaseModel):
    """One section as handed in. Subclasses fix the item type."""

    model_config = ConfigDict(extra="forbid")
    number: ClassVar[int]
    item_type: ClassVar[type[Item]]

    intro: list[Sentence] = Field(default_factory=list, max_length=10)
    items: list[Any] = Field(default_factory=list)
    tasks: list[TaskText] = Field(default_factory=list)
    risks: list[Risk] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    own_tasks: list[OwnTask] = Field(default_factory=list)


class FolderSection(SectionDraft):
    number = 1
    item_type = FolderItem
    items: list[FolderItem] = Field(default_factory=list)


class SetupSection(SectionDraft):
    number = 2
    item_type = SetupItem
    items: list[SetupItem] = Field(default_factory=list)


class DataSection(SectionDraft):
    number = 3
    item_type = DataItem
    items: list[DataItem] = Field(default_factory=list)


class AuthSection(SectionDraft):
    number = 4
    item_type = AuthItem
    items: list[AuthItem] = Field(default_factory=list)


class EndpointSection(SectionDraft):
    number = 5
    item_type = EndpointItem
    items: list[EndpointItem] = Field(default_factory=list)


class OperationSection(SectionDraft):
    number = 6
    item_type = OperationItem
    items: list[OperationItem] = Field(default_factory=list)


class IntegrationSection(SectionDraft):
    number = 7
    item_type = IntegrationItem
    items: list[IntegrationItem] = Field(default_factory=list)


class ErrorSection(SectionDraft):
    number = 8
    item_type = ErrorItem
    items: list[ErrorItem] = Field(default_factory=list)


class TestSection(SectionDraft):
    __test__ = False
    number = 9
    item_type = TestItem
    items: list[TestItem] = Field(default_factory=list)


SECTIONS: dict[int, type[SectionDraft]] = {
    section.number: section
    for section in (
        FolderSection, SetupSection, DataSection, AuthSection, EndpointSection, OperationSection,
        IntegrationSection, ErrorSection, TestSection,
    )
}  # fmt: skip
"""The Pydantic schema of each written section; section 10 is computed from the task graph."""
