"""The optimisers over fused kernels do what torch.optim does, to the last bit."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from zoo.frameworks.pytorch.optim import make_optimizer
from zoo.specs.recipe import Recipe


def network() -> nn.Module:
    torch.manual_seed(2)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    return layers.to(memory_format=torch.channels_last)


def of_torch(of: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in of.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in of.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, 0.1, recipe.momentum, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, 0.1, betas=(recipe.momentum, 0.999), fused=True)


def gradients(of: nn.Module, step: int) -> None:
    torch.manual_seed(step)
    of(torch.randn(8, 3, 4, 4)).square().sum().backward()


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_every_step_is_that_of_torch(small_recipe: Recipe, name: str) -> None:
    recipe = replace(small_recipe, optimizer=name, weight_decay=0.01)  # type: ignore[arg-type]
    own, known = network(), network()
    optimizer, expected = make_optimizer(own, recipe), of_torch(known, recipe)
    for step in range(5):
        rate = 0.01 * (step + 1)
        optimizer.set_rate(rate)
        for group in expected.param_groups:
            group["lr"] = rate
        gradients(own, step)
        gradients(known, step)
        optimizer.step()
        expected.step()
        optimizer.zero_grad()
        expected.zero_grad()
        for weight, wanted in zip(own.parameters(), known.parameters(), strict=True):
            assert weight.grad is None
            assert torch.equal(weight, wanted)
    # Under the names that checkpoints of earlier versions have.
    for weight, wanted in zip(optimizer.weights, known_weights(expected), strict=True):
        kept: Any = expected.state[wanted]
        assert optimizer.state[weight].keys() == kept.keys()
        for buffer, value in optimizer.state[weight].items():
            assert torch.equal(value, kept[buffer]), buffer


def known_weights(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("overflown", [None, 1])
def test_a_scaler_of_gradients_gets_what_it_gets_of_torch(
    small_recipe: Recipe, name: str, overflown: int | None
) -> None:
    """In fp16: gradients are unscaled, and a step whose gradients overflowed is left out."""
    recipe = replace(small_recipe, optimizer=name)  # type: ignore[arg-type]
    own, known = network(), network()
    for of, optimizer in ((own, make_optimizer(own, recipe)), (known, of_torch(known, recipe))):
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        for group in optimizer.param_groups:
            group["lr"] = 0.01
        for step in range(3):
            gradients(of, step)
            for weight in of.parameters():
                weight.grad *= torch.inf if step == overflown else scaler.scale(torch.ones(()))
            scaler.step(optimizer)  # type: ignore[arg-type]
            scaler.update()
            optimizer.zero_grad()
    for weight, wanted in zip(own.parameters(), known.parameters(), strict=True):
        assert weight.isfinite().all()
        assert torch.equal(weight, wanted)


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_a_rate_held_in_a_tensor_is_the_same_rate(small_recipe: Recipe, name: str) -> None:
    rates = {"bias_lr": 0.02, "head_lr": 0.005}
    recipe = replace(small_recipe, optimizer=name, **rates)  # type: ignore[arg-type]
    as_number, as_tensor = network(), network()
    for of in (as_number, as_tensor):
        optimizer = make_optimizer(of, recipe)
        if of is as_tensor:
            optimizer.hold_rates()
            held = [group["lr"] for group in optimizer.param_groups]
        for step in range(3):
            optimizer.set_rate(0.01 * (step + 1))
            gradients(of, step)
            optimizer.step()
            optimizer.zero_grad()
    for group, rate in zip(optimizer.param_groups, held, strict=True):
        assert group["lr"] is rate  # a recorded step reads it there
    for weight, wanted in zip(as_tensor.parameters(), as_number.parameters(), strict=True):
        torch.testing.assert_close(weight, wanted, atol=1e-9, rtol=1e-6)
    optimizer.release_rates()
    assert {type(group["lr"]) for group in optimizer.param_groups} == {float}
