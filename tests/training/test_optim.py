from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoo.recipe import Recipe
from zoo.training.optim import Average, learning_rate, make_optimizer


@given(steps=st.integers(2, 500), warmup=st.floats(0.01, 0.9), final=st.floats(0, 0.5))
def test_the_rate_rises_to_the_peak_and_falls_to_the_end(
    steps: int, warmup: float, final: float
) -> None:
    recipe = Recipe(epochs=1, quick_epochs=1, batch=2, lr=3.0, warmup=warmup, final=final)
    rates = [learning_rate(recipe, step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) <= 3.0
    assert min(rates) >= 0
    assert rates[-1] == pytest.approx(3.0 * final, abs=1e-9)


def test_without_warm_up_the_rate_starts_near_the_peak() -> None:
    recipe = Recipe(epochs=1, quick_epochs=1, batch=2, lr=1.0, warmup=0.0)
    assert learning_rate(recipe, 0, 100) == pytest.approx(0.99)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_only_matrices_and_filters_are_decayed(small_recipe: Recipe, name: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    recipe = replace(small_recipe, optimizer=name, weight_decay=0.3)  # type: ignore[arg-type]
    decay = {
        id(weight): group["weight_decay"]
        for group in make_optimizer(network, recipe).param_groups
        for weight in group["params"]
    }
    assert len(decay) == len(list(network.parameters()))
    for weight in network.parameters():
        assert decay[id(weight)] == (0.3 if weight.ndim > 1 else 0.0)


def test_the_average_follows_the_weights_and_forgets_the_start() -> None:
    network = nn.Linear(3, 2)
    average = Average(network, decay=0.9)
    with torch.no_grad():
        network.weight.fill_(1.0)
    for step in range(200):
        average.update(step)
    torch.testing.assert_close(average.network.weight, network.weight)
    assert not average.network.weight.requires_grad


def test_the_average_is_the_weighted_mean_of_what_it_saw() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(network, decay=0.5)
    expected = network.weight.item()
    for step in range(30, 34):  # far enough in for the decay to be the asked one
        with torch.no_grad():
            network.weight.fill_(float(step))
        average.update(step)
        expected = 0.5 * expected + 0.5 * step
    assert average.network.weight.item() == pytest.approx(expected)
