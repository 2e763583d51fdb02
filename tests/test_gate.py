"""How many calls are under way at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from planagent.briefs.brief import Brief
from planagent.errors import CeilingError
from planagent.models.budget import Budget, Prices, expected
from planagent.models.gate import Gate
from planagent.models.protocol import Usage
from planagent.settings import load_settings
from tests.conftest import ROOT


def test_no_more_than_the_limit_are_under_way() -> None:
    async def run() -> int:
        gate, under_way, most = Gate(3), 0, 0

        async def one() -> None:
            nonlocal under_way, most
            async with gate:
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0.005)
                under_way -= 1

        await asyncio.gather(*(one() for _ in range(12)))
        return most

    assert asyncio.run(run()) == 3


def test_refusals_of_one_moment_slow_down_once_and_successes_speed_up_again() -> None:
    gate = Gate(16)
    sent = time.monotonic()
    for _ in range(8):
        gate.slow_down(sent)
    assert gate.limit == 8
    gate.slow_down(time.monotonic())
    assert gate.limit == 4
    for _ in range(200):
        gate.went_well()
    assert gate.limit == 16
    for _ in range(20):
        gate.slow_down(time.monotonic())
    assert gate.limit == 1


def test_the_gate_stays_shut_as_long_as_the_server_asks() -> None:
    async def run() -> float:
        gate = Gate(4)
        gate.slow_down(time.monotonic(), 0.2)
        begun = time.monotonic()
        async with gate:
            return time.monotonic() - begun

    assert asyncio.run(run()) >= 0.18


def test_a_narrowed_gate_never_opens_wider() -> None:
    gate = Gate(16)
    gate.narrow(2)
    for _ in range(50):
        gate.went_well()
    assert int(gate.limit) == 2


def brief(size: int, answer: int) -> Brief:
    return Brief("read-1", "read", (), "", "", "x" * 3 * size, {}, answer)


def test_calls_under_way_count_with_the_most_they_may_use_until_they_are_settled() -> None:
    settings = load_settings(ROOT, {"model": "m", "max_tokens": 1000})
    budget = Budget(settings, Prices(settings, "m", ""))
    first = budget.reserve(brief(300, 400))
    assert first == expected(brief(300, 400))
    with pytest.raises(CeilingError, match="1,000 tokens"):
        budget.reserve(brief(300, 400))
    budget.settle(first, Usage(calls=1, input_tokens=100, output_tokens=50))
    budget.reserve(brief(300, 400))
    assert budget.spent.output_tokens == 50


def test_own_prices_come_before_listed_ones() -> None:
    spent = Usage(input_tokens=1_000_000, output_tokens=100_000)
    own = load_settings(ROOT, {"price_input": 1.0, "price_output": 10.0})
    assert Prices(own, "gpt-4o", "").cost(spent) == 2.0
    listed = Prices(load_settings(ROOT, {}), "gpt-4o", "").cost(spent)
    assert listed is not None
    assert listed > 2.0
    cached = Prices(load_settings(ROOT, {}), "gpt-4o", "").cost(Usage(input_tokens=1_000_000, cached_tokens=900_000, output_tokens=100_000))
    assert cached is not None
    assert cached < listed
    assert Prices(load_settings(ROOT, {}), "gpt-4o", "http://127.0.0.1:1/v1").cost(spent) is None
