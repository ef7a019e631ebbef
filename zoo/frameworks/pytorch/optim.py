"""Optimiser and averaged weights, from a recipe."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.specs.recipe import Recipe

PLAIN_MOMENTUM = 0.85
NEWTON_SCHULZ_STEPS = 3


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser. Each group's rate is `lr_factor` times the schedule's."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if recipe.optimizer == "muon":
        return Muon(_muon_groups(trained, recipe), recipe.lr)
    decay = recipe.weight_decay
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay, "lr_factor": 1.0},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0, "lr_factor": 1.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)
    return torch.optim.SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True, fused=True
    )


def _muon_groups(trained: list[nn.Parameter], recipe: Recipe) -> list[dict[str, Any]]:
    """Filters take orthogonal steps; matrices and all else plain ones at rates of their own."""
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p in trained if p.ndim == 4],
            "orthogonal": True,
            "momentum": recipe.momentum,
            "lr_factor": 1.0,
            "weight_decay": 0.0,
        }
    ]
    for rate, chosen in (
        (recipe.head_lr, [p for p in trained if p.ndim == 2]),
        (recipe.bias_lr, [p for p in trained if p.ndim not in (2, 4)]),
    ):
        if not rate > 0:
            raise UsageError("a recipe for muon needs a head_lr and a bias_lr above 0.")
        groups.append(
            {
                "params": chosen,
                "orthogonal": False,
                "momentum": PLAIN_MOMENTUM,
                "lr_factor": rate / recipe.lr,
                "weight_decay": recipe.weight_decay / rate,
            }
        )
    return groups


class Muon(torch.optim.Optimizer):
    """Nesterov momentum; in groups marked `orthogonal`, steps are made orthogonal.

    There the filters keep a fixed norm, so that a step of a given rate turns them by a given angle.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        if group["weight_decay"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
        step = gradient.add(momentum, alpha=group["momentum"])
        if group["orthogonal"]:
            parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
            step = orthogonal(step.reshape(len(step), -1)).view_as(step)
        parameter.add_(step, alpha=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """Near the closest matrix with all singular values 1, by three Newton-Schulz steps.

    The polynomial pushes singular values into about 0.7 to 1.2 instead of converging to 1: that
    is enough here, and much faster.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


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
