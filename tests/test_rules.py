"""What the offline writer says must be what the specs say: exact values, and no more than they claim."""

from __future__ import annotations

import pytest
from planagent.planning.outline import Outline
from planagent.writing.rules import write_all
from planagent.writing.rules.phrases import limits, unique_within

from planagent.model import Parameter


@pytest.mark.parametrize(
    ("note", "within"),
    [
        ("UNIQUE, NOT NULL", ""),
        ("unique for each owner", "for each owner"),
        ("Unique per user", "for each user"),
        ("unique within the project", "for each project"),
        ("unique in the database", ""),
        ("UK", ""),
        ("not unique", None),
        ("non-unique index", None),
        ("required", None),
    ],
)
def test_uniqueness_keeps_its_scope(note: str, within: str | None) -> None:
    assert unique_within(note) == within


@pytest.mark.parametrize(
    ("parameter", "use", "said"),
    [
        (Parameter("name", "varchar(80)", True, "unique for each owner"), "create", "required, at most 80, unique for each owner"),
        (Parameter("name", "varchar(80)", None, "unique"), "update", "at most 80"),
        (Parameter("limit", "int", False, "1-100, default 20", "query"), "", "optional, 1 to 100, default `20`"),
        (Parameter("email", "str", True), "sign-in", "required, a valid address"),
    ],
)  # fmt: skip
def test_bounds_of_a_field_are_said_exactly(parameter: Parameter, use: str, said: str) -> None:
    assert limits(parameter, None, use) == said


def test_a_value_unique_for_an_owner_is_no_constraint_on_the_whole_table(sample_outline: Outline) -> None:
    section = write_all(sample_outline)[3]
    lists = next(i for i in section.items if i.key == "entity:List")
    assert "`name` for each owner (one constraint with `user_id`)" in " ".join(lists.steps)
