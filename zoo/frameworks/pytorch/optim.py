"""The optimiser and averaged weights of a recipe."""

import copy

import torch
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.frameworks.pytorch.fused import AdamW, Group, Optimizer, Sgd
from zoo.specs.recipe import Recipe

PLAIN_MOMENTUM = 0.85
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of x, x cubed and x to the fifth
NEWTON_SCHULZ_STEPS = 3

Tensors = tuple[Tensor, ...] | list[Tensor]


def make_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimiser. Each group's rate is `lr_factor` times the schedule's."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if recipe.optimizer == "muon":
        return Muon(_muon_groups(trained, recipe), recipe.lr)
    decay = recipe.weight_decay
    same = {"momentum": recipe.momentum, "lr_factor": 1.0}
    groups: list[Group] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay, **same},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0, **same},
    ]
    return (AdamW if recipe.optimizer == "adamw" else Sgd)(groups, recipe.lr)


def _muon_groups(trained: list[nn.Parameter], recipe: Recipe) -> list[Group]:
    """Filters take orthogonal steps; all other weights take plain steps at their own rates."""
    groups: list[Group] = [
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


class Muon(Optimizer):
    """Nesterov momentum; in groups marked `orthogonal`, steps are made orthogonal.

    These filters keep a fixed norm, so that a step of a given rate turns them by a given angle.
    """

    def _update(self, weights: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        steps = self._with_momentum(weights, gradients, group)
        if group["orthogonal"]:
            factors = torch._foreach_norm(weights)
            torch._foreach_reciprocal_(factors)
            torch._foreach_mul_(factors, [len(weight) ** 0.5 for weight in weights])
            torch._foreach_mul_(weights, factors)
            steps = orthogonal_filters(steps, together=weights[0].is_cuda)
        rate = group["lr"]
        if isinstance(rate, Tensor):
            torch._foreach_addcmul_(weights, steps, [rate] * len(weights), value=-1)
        else:
            torch._foreach_add_(weights, steps, alpha=-rate)

    def _with_momentum(self, weights: list[Tensor], gradients: Tensors, group: Group) -> Tensors:
        if group["weight_decay"]:
            gradients = torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
        momenta = self._remembered(weights, "momentum")
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, gradients)
        return torch._foreach_add(gradients, momenta, alpha=group["momentum"])


def orthogonal_filters(filters: Tensors, together: bool) -> list[Tensor]:
    """Each of the filters [O, I, H, W] as an orthogonal matrix of O rows, in its old shape.

    together: process filters of one shape together, which saves most kernel launches on a GPU. On a
    CPU it saves nothing, and one by one the result stays the same to the last bit.
    """
    if not together:
        return [orthogonal(each.reshape(len(each), -1)).view_as(each) for each in filters]
    found = list(filters)
    for shape in dict.fromkeys(each.shape for each in filters):
        places = [place for place, each in enumerate(filters) if each.shape == shape]
        # Channels last, as filters lie in memory: the order of columns makes no difference.
        stack = torch.stack([filters[place].permute(0, 2, 3, 1) for place in places])
        made = orthogonal_stack(stack.flatten(2)).view_as(stack).permute(0, 1, 4, 2, 3)
        for place, each in zip(places, made.unbind(), strict=True):
            found[place] = each
    return found


def orthogonal(matrix: Tensor) -> Tensor:
    """Near the closest matrix with all singular values 1, by three Newton-Schulz steps.

    The polynomial pushes singular values into about 0.7 to 1.2 instead of converging to 1: that
    is enough here, and much faster.
    """
    a, b, c = NEWTON_SCHULZ
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def orthogonal_stack(matrices: Tensor) -> Tensor:
    """`orthogonal` of each of [N, rows, columns], in three batched products per step."""
    a, b, c = NEWTON_SCHULZ
    x: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.mT
        factor = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, factor, x, beta=a)
    return x.mT.contiguous() if tall else x


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
        """Include the weights after `step` (from 0)."""
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(self._averaged, self._live, 1 - decay)


def _floats(network: nn.Module) -> list[Tensor]:
    state: dict[str, Tensor] = network.state_dict()
    return [tensor for tensor in state.values() if tensor.is_floating_point()]
