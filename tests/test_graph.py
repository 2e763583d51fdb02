from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.plan.graph import critical_path, execution_order, shortest_cycle, waves

KEYS = [f"k{n}" for n in range(10)]


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any graph whose needs point backwards in a hidden order."""
    keys = draw(st.permutations(KEYS[: draw(st.integers(1, 10))]))
    return {key: draw(st.lists(st.sampled_from(keys[:i]), unique=True)) if i else [] for i, key in enumerate(keys)}


@given(acyclic())
def test_every_task_stands_after_what_it_needs(needs: dict[str, list[str]]) -> None:
    order = execution_order(needs, lambda k: (0, KEYS.index(k)))
    assert sorted(order) == sorted(needs)
    assert all(order.index(n) < order.index(k) for k in needs for n in needs[k])
    assert shortest_cycle(needs) == []


@given(acyclic())
def test_waves_partition_and_respect_needs(needs: dict[str, list[str]]) -> None:
    found = waves(needs)
    level = {key: i for i, wave in enumerate(found) for key in wave}
    assert sorted(level) == sorted(needs)
    assert all(level[n] < level[k] for k in needs for n in needs[k])
    assert all(not needs[k] or max(level[n] for n in needs[k]) == level[k] - 1 for k in needs)


@given(acyclic())
def test_the_critical_path_is_a_chain_as_long_as_the_waves(needs: dict[str, list[str]]) -> None:
    path = critical_path(needs)
    assert len(path) == len(waves(needs))
    assert all(a in needs[b] for a, b in pairwise(path))


@given(acyclic(), st.data())
def test_a_cycle_is_found_and_is_one(needs: dict[str, list[str]], data: st.DataObject) -> None:
    first, last = data.draw(st.sampled_from(sorted(needs))), data.draw(st.sampled_from(sorted(needs)))
    needs[first] = [*needs[first], last]
    needs[last] = [*needs[last], first]
    cycle = shortest_cycle(needs)
    assert cycle[0] == cycle[-1]
    assert all(b in needs[a] for a, b in pairwise(cycle))
    assert len(cycle) <= 3
    with pytest.raises(ValueError, match="cycle"):
        execution_order(needs, lambda _: (0, 0))


def test_rank_decides_among_ready_tasks() -> None:
    ranks = {"a": (2, 0), "b": (1, 0), "c": (0, 0)}
    assert execution_order({"a": [], "b": [], "c": ["a"]}, lambda k: ranks[k]) == ["b", "a", "c"]


def test_an_empty_graph_has_no_waves_and_no_path() -> None:
    assert waves({}) == []
    assert critical_path({}) == []
