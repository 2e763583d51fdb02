"""The short form of `python -m bench hostile`: no input ends in an error inside, and none makes a plan that does not check."""

from __future__ import annotations

import pytest

from bench.hostile import EXPECTED, INPUTS, attack

SHORT = (
    "NUL bytes", "invalid UTF-8", "a bomb of YAML anchors", "JSON 100,000 deep", "$ref in a circle", "$ref out of the workspace", "GraphQL 5,000 deep",
    "SQL 2,000 parentheses deep", "protobuf that is none", "a link to /dev/zero", "a link to itself", "a pipe", "folders in a circle", "a name with a line break",
    "a name that reads from right to left", "a name of marks", "a lone surrogate in a name", "fences that never close", "hidden characters",
)  # fmt: skip


@pytest.mark.parametrize("name", SHORT)
def test_a_hostile_input_ends_well(name: str) -> None:
    code, _, _, said = attack(INPUTS[name])
    assert code in EXPECTED, said
