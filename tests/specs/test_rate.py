"""The schedule of a recipe's learning rate."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.specs.recipe import Recipe


@given(steps=st.integers(2, 500), warmup=st.floats(0.01, 0.9))
@example(steps=115, warmup=0.4)
def test_the_rate_rises_to_the_peak_and_falls_to_the_end(steps: int, warmup: float) -> None:
    recipe = Recipe(epochs=1, quick_epochs=1, batch=2, lr=3.0, warmup=warmup)
    rates = [recipe.rate_at(step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) <= 3.0
    assert min(rates) >= 0
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert recipe.rate_at(steps + 5, steps) == rates[-1]


def test_without_warm_up_the_rate_starts_near_the_peak() -> None:
    recipe = Recipe(epochs=1, quick_epochs=1, batch=2, lr=1.0, warmup=0.0)
    assert recipe.rate_at(0, 100) == pytest.approx(0.99)
