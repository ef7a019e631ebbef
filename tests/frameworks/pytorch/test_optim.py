from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from tests.frameworks.pytorch.conftest import CountOps
from zoo.errors import UsageError
from zoo.frameworks.pytorch.optim import (
    NEWTON_SCHULZ,
    Average,
    Muon,
    make_optimizer,
    orthogonal,
    orthogonal_filters,
)
from zoo.specs.recipe import Recipe


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


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_an_orthogonal_step_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    # Three steps leave the smallest singular values of a square matrix behind.
    assert float(values.max()) < 1.3
    assert float(values.median()) > 0.6
    if shape[0] != shape[1]:
        assert float(values.min()) > 0.6


SHAPES = ((8, 3, 3, 3), (6, 8, 3, 3), (8, 3, 3, 3), (40, 4, 3, 3), (6, 8, 3, 3), (8, 3, 3, 3))


def _filters() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(7)
    return [
        torch.randn(shape, generator=draw).to(memory_format=torch.channels_last) for shape in SHAPES
    ]


def test_filters_made_orthogonal_together_are_what_they_are_one_by_one() -> None:
    filters = _filters()
    together, alone = (orthogonal_filters(filters, together=way) for way in (True, False))
    for made, expected, each in zip(together, alone, filters, strict=True):
        torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-4)
        # The layout of the weights: else a foreach update would go one by one.
        assert made.stride() == each.stride()


def test_filters_of_one_shape_share_their_products(count_ops: CountOps) -> None:
    filters = _filters()
    with count_ops() as together:
        orthogonal_filters(filters, together=True)
    with count_ops() as alone:
        orthogonal_filters(filters, together=False)
    shapes = len(set(SHAPES))
    assert together["bmm"] + together["baddbmm"] == 9 * shapes
    assert alone["mm"] == 9 * len(SHAPES)
    assert together.total() < 0.4 * alone.total()


def test_muon_on_a_cpu_steps_as_it_does_one_weight_at_a_time() -> None:
    """To the last bit: a run that was begun before goes on as it would have."""
    weights = [nn.Parameter(each) for each in _filters()]
    biases = [nn.Parameter(torch.ones(5)), nn.Parameter(torch.zeros(3, 4))]
    unused = nn.Parameter(torch.ones(2))
    filters = {"params": weights, "orthogonal": True, "momentum": 0.6, "weight_decay": 0.0}
    rest = {"params": [*biases, unused], "orthogonal": False, "momentum": 0.8, "weight_decay": 0.1}
    optimizer = Muon([filters, rest], lr=0.1)
    expected = [weight.detach().clone() for weight in (*weights, *biases)]
    momenta = [torch.zeros_like(weight) for weight in expected]
    draw = torch.Generator().manual_seed(8)
    for _ in range(3):
        for place, weight in enumerate((*weights, *biases)):
            gradient = torch.randn(weight.shape, generator=draw)
            weight.grad = torch.empty_like(weight).copy_(gradient)
            group = filters if place < len(weights) else rest
            _step_alone(expected[place], weight.grad, momenta[place], group)
        optimizer.step()
    for weight, known in zip((*weights, *biases), expected, strict=True):
        assert torch.equal(weight, known)
    assert torch.equal(unused, torch.ones(2))
    assert unused not in optimizer.state


def _step_alone(
    weight: torch.Tensor, gradient: torch.Tensor, momentum: torch.Tensor, group: dict[str, Any]
) -> None:
    """Muon as it is written down, for one weight."""
    if group["weight_decay"]:
        gradient = gradient.add(weight, alpha=group["weight_decay"])
    momentum.mul_(group["momentum"]).add_(gradient)
    step = gradient.add(momentum, alpha=group["momentum"])
    if group["orthogonal"]:
        weight.mul_(len(weight) ** 0.5 / weight.norm())
        a, b, c = NEWTON_SCHULZ
        x = step.reshape(len(step), -1)
        x = x / (x.norm() + 1e-7)
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        for _ in range(3):
            square = x @ x.T
            x = a * x + (b * square + c * square @ square) @ x
        step = (x.T if tall else x).view_as(step)
    weight.add_(step, alpha=-0.1)


def test_muon_turns_filters_at_a_fixed_norm_and_decays_the_rest(small_recipe: Recipe) -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(6, 2))
    recipe = replace(
        small_recipe, optimizer="muon", lr=0.1, bias_lr=0.2, head_lr=0.5, weight_decay=0.01
    )
    optimizer = make_optimizer(network, recipe)
    for group in optimizer.param_groups:
        group["lr"] = recipe.lr * group["lr_factor"]
    conv, bias = network[0].weight, network[0].bias
    with torch.no_grad():
        conv.mul_(50)
        bias.fill_(1.0)
    network(torch.zeros(2, 3, 3, 3)).sum().backward()
    conv.grad = torch.randn(conv.shape, generator=torch.Generator().manual_seed(1))
    bias.grad = torch.zeros_like(bias)
    before = conv.detach().clone()
    optimizer.step()
    # From a fixed norm, whatever it was before, by the rate along the orthogonal direction.
    turned = (before * (6**0.5 / before.norm()) - conv) / 0.1
    expected = orthogonal((1 + recipe.momentum) * conv.grad.reshape(6, -1)).view_as(conv)
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=1e-4)
    # Nesterov: the first step counts the gradient 1 + momentum times.
    torch.testing.assert_close(bias, torch.full_like(bias, 1 - 0.01 * 1.85))


def test_muon_without_rates_for_the_rest_is_refused(small_recipe: Recipe) -> None:
    with pytest.raises(UsageError, match="head_lr and a bias_lr"):
        make_optimizer(nn.Linear(2, 2), replace(small_recipe, optimizer="muon"))
