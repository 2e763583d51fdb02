"""Without a model, in any language, stack and layout: what has a plain shape is found, nothing is made up, and where there is no backend, it says so."""

from __future__ import annotations

import pytest

from bench.offline import KINDS, Count, count, folders, totals


@pytest.fixture(scope="module")
def counts() -> list[Count]:
    return [count(folder) for folder in folders()]


def test_a_plan_is_made_where_there_is_a_backend(counts: list[Count]) -> None:
    assert len(counts) == 16
    # A foreign server's operations look like one's own: which they are, only words say.
    assert [c.name for c in counts if c.exit != c.right] == ["es-mobile-only"]


@pytest.mark.parametrize("kind", KINDS)
def test_nine_of_ten_plain_shapes_are_found_and_hardly_anything_is_made_up(counts: list[Count], kind: str) -> None:
    found, missed, invented = totals(counts, kind)
    # Names of settings in another language than code has (`WIADRO`) are told by words alone.
    assert found >= (0.85 if kind == "settings" else 0.9) * (found + missed)
    assert invented <= 0.1 * (found + invented)
