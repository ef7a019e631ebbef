"""SGD and AdamW by torch's fused kernels, and what all optimisers here have in common.

Those of torch.optim do the same, but their first call imports torch's compiler, 1.5 s for nothing.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

Group = dict[str, Any]  # `params`, their `lr`, its `lr_factor`, and settings


class Optimizer(ABC):
    """Weights in groups, each with its settings, and what is remembered of each weight.

    The attributes have the names that torch.amp.GradScaler knows.
    """

    _step_supports_amp_scaling = False

    def __init__(self, groups: list[Group], lr: float) -> None:
        self.param_groups: list[Group] = [{"lr": lr} | group for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @property
    def weights(self) -> list[Tensor]:
        """All of them, in the order in which a checkpoint counts them."""
        return [weight for group in self.param_groups for weight in group["params"]]

    @torch.no_grad()
    def step(self) -> None:
        """Update every weight that has a gradient, all of a group at once."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._update(weights, [weight.grad for weight in weights], group)

    @abstractmethod
    def _update(self, weights: list[Tensor], gradients: list[Tensor], group: Group) -> None: ...

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.grad = None

    def set_rate(self, rate: float) -> None:
        """Set the schedule's rate for the next step, in a tensor where that holds it."""
        for group in self.param_groups:
            wanted = rate * group["lr_factor"]
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(wanted)
            else:
                group["lr"] = wanted

    def hold_rates(self) -> None:
        """Keep each rate in a tensor beside its weights, where a recorded step reads it."""
        for group in self.param_groups:
            devices = [weight.device for weight in group["params"][:1]]
            if devices and not isinstance(group["lr"], Tensor):
                group["lr"] = torch.tensor(group["lr"], dtype=torch.float32, device=devices[0])

    def release_rates(self) -> None:
        """Keep each rate as a number again."""
        for group in self.param_groups:
            group["lr"] = float(group["lr"])

    def _remembered(self, weights: list[Tensor], name: str) -> list[Tensor]:
        """A buffer of each weight, zeros at first."""
        held = [self.state.setdefault(weight, {}) for weight in weights]
        for weight, values in zip(weights, held, strict=True):
            if name not in values:
                values[name] = torch.zeros_like(weight)
        return [values[name] for values in held]


class _Fused(Optimizer):
    """Takes what torch.amp.GradScaler found, so that fp16 waits for no answer of the GPU."""

    _step_supports_amp_scaling = True

    @property
    def _scaling(self) -> dict[str, Tensor | None]:
        """What the scaler sets for a step only: it multiplies `grad_scale` where it finds one."""
        return {name: getattr(self, name, None) for name in ("grad_scale", "found_inf")}


class Sgd(_Fused):
    """Nesterov momentum; groups have `momentum` and `weight_decay`."""

    def _update(self, weights: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        torch._fused_sgd_(
            weights,
            gradients,
            self._remembered(weights, "momentum_buffer"),
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0.0,
            nesterov=True,
            maximize=False,
            is_first_step=False,  # on a buffer of zeros the same
            **self._scaling,
        )


class AdamW(_Fused):
    """Groups have `momentum`, which is the first beta, and `weight_decay`."""

    SECOND_BETA = 0.999
    EPSILON = 1e-8

    def _update(self, weights: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        steps, scaling = self._steps(weights), self._scaling
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            weights,
            gradients,
            self._remembered(weights, "exp_avg"),
            self._remembered(weights, "exp_avg_sq"),
            [],
            steps,
            lr=group["lr"],
            beta1=group["momentum"],
            beta2=self.SECOND_BETA,
            weight_decay=group["weight_decay"],
            eps=self.EPSILON,
            amsgrad=False,
            maximize=False,
            **scaling,
        )
        overflown = scaling["found_inf"]
        if overflown is not None:  # where it is 1, nothing was updated
            torch._foreach_sub_(steps, [overflown] * len(steps))

    def _steps(self, weights: list[Tensor]) -> list[Tensor]:
        for weight in weights:
            held = self.state.setdefault(weight, {})
            if "step" not in held:
                held["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
        return [self.state[weight]["step"] for weight in weights]
