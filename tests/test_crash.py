"""Real processes, killed at random moments; the benchmark does it two hundred times."""

from __future__ import annotations

import pytest

from bench.crash import kill_at_random

pytestmark = pytest.mark.campaign


@pytest.mark.parametrize("batch", [False, True])
def test_a_kill_loses_no_accepted_answer_and_no_plan(batch: bool) -> None:
    toll = kill_at_random(4, seed=11, batch=batch)
    assert toll.kills == 4
    assert (toll.asked_twice, toll.damaged, toll.locked) == (0, 0, 0)
