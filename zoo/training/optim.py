"""Optimiser, learning-rate schedule and averaged weights, from a recipe."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from zoo.recipe import Recipe


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser; biases and normalisation parameters are not decayed."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    for group in groups:
        group["lr_factor"] = 1.0
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)
    return torch.optim.SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True, fused=True
    )


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of `step` (from 0) of `steps`: up to the peak, then down, in straight lines."""
    done = (step + 1) / steps
    if done <= recipe.warmup:
        return recipe.lr * done / recipe.warmup
    falling = (done - recipe.warmup) / (1 - recipe.warmup)
    return recipe.lr * (1 + (recipe.final - 1) * falling)


class Average:
    """A twin of a network that holds its exponentially averaged weights and batch statistics.

    The decay rises from 0 in the first steps, so that the random start leaves no trace.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._live = _floats(network)
        self._averaged = _floats(self.network)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights that `step` (from 0) left behind."""
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(self._averaged, self._live, 1 - decay)


def _floats(network: nn.Module) -> list[Tensor]:
    state: dict[str, Tensor] = network.state_dict()
    return [tensor for tensor in state.values() if tensor.is_floating_point()]
