"""What a run may spend and has spent: calls, tokens, money. A call that could break a ceiling is not sent."""

from __future__ import annotations

from functools import lru_cache

from planagent import tokens
from planagent.briefs.brief import Brief
from planagent.errors import CeilingError, UsageError
from planagent.models.protocol import Usage
from planagent.settings import Settings

PER = 1_000_000
"""Prices are in US dollars for so many tokens."""
BATCH_PRICE = 0.5
"""What calls of a batch cost, of what they cost one by one."""


class Prices:
    """The price of tokens of one model: from the settings, else from the kept list of the `genai-prices` library."""

    def __init__(self, settings: Settings, model: str, base_url: str) -> None:
        self._own = (float(settings.price_input), float(settings.price_output))
        self._model = model
        self._base_url = base_url

    def cost(self, usage: Usage) -> float | None:
        """US dollars for what was used; None where no price is known."""
        if any(self._own):
            # A cached token costs no more than a fresh one; how much less is the provider's business.
            return (usage.input_tokens * self._own[0] + usage.output_tokens * self._own[1]) / PER
        return _listed(self._model, self._base_url, usage.input_tokens, usage.cached_tokens, usage.output_tokens)


@lru_cache(maxsize=512)
def _listed(model: str, base_url: str, read: int, cached: int, written: int) -> float | None:
    import genai_prices

    spent = genai_prices.Usage(input_tokens=read, cache_read_tokens=cached, output_tokens=written)
    try:
        if base_url:  # a model's name says nothing about the price that another provider asks
            found = genai_prices.calc_price(spent, model, provider_api_url=base_url)
        else:
            found = genai_prices.calc_price(spent, model, provider_id="openai")
    except (LookupError, ValueError):
        return None
    return float(found.total_price)


def expected(brief: Brief) -> Usage:
    """The most that a call for a brief will read and write."""
    read = sum(tokens.bound(text) for text in (brief.system, brief.common, brief.request))
    return Usage(calls=1, input_tokens=read, output_tokens=brief.max_tokens)


class Budget:
    """The ceilings of one run. Calls under way count with the most that they may use."""

    def __init__(self, settings: Settings, prices: Prices) -> None:
        self._calls = int(settings.max_calls)
        self._tokens = int(settings.max_tokens)
        self._cost = float(settings.max_cost)
        self._prices = prices
        self.spent = Usage()
        self._under_way = Usage()
        if self._cost and prices.cost(Usage(input_tokens=1)) is None:
            raise UsageError(
                "A ceiling on the cost is set, and no price is known for this model.",
                "Set price_input and price_output (US dollars for a million tokens), or drop --max-cost.",
            )

    def reserve(self, brief: Brief) -> Usage:
        """Takes what a call may use out of what is left; give it back with `settle`.

        Raises:
            CeilingError: the call could break a ceiling.
        """
        ahead = expected(brief)
        total = Usage()
        for part in (self.spent, self._under_way, ahead):
            total.add(part)
        if total.calls > self._calls:
            raise _met(f"{self._calls} calls", "max_calls")
        if total.input_tokens + total.output_tokens > self._tokens:
            raise _met(f"{self._tokens:,} tokens", "max_tokens")
        if self._cost and (self._prices.cost(total) or 0.0) > self._cost:
            raise _met(f"{self._cost:g} US dollars", "max_cost (--max-cost)")
        self._under_way.add(ahead)
        return ahead

    def settle(self, ahead: Usage, used: Usage) -> None:
        """What a call really used, in the place of what it might have."""
        self._under_way.take(ahead)
        self.spent.add(used)


def _met(ceiling: str, setting: str) -> CeilingError:
    return CeilingError(
        f"The ceiling of {ceiling} is met: the next call could go beyond it.",
        f"Accepted answers are kept: run again to go on from here, or raise `{setting}`.",
    )
