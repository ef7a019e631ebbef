from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.errors import UsageError
from zoo.frameworks.pytorch.optim import Average, make_optimizer, orthogonal
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
