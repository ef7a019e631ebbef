"""Backbones: networks that were trained before, with their last layer removed.

A description says everything that the same features need again: which network, at which size, after
which normalisation, with which weights. torchvision's classifiers and this zoo's own serve alike.
"""

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from zoo.errors import UsageError, unknown_name
from zoo.models.calibrated import Calibrated
from zoo.specs.catalog import MODELS, find_model
from zoo.specs.design import LAYERS, MAPS, POOLED, Backbone
from zoo.transfer.cutting import Grid, check_latents, cut_behind

SHOWN = 3
# torchvision's weights for these turn the usual normalisation into (x - 0.5) / 0.5 in their first
# step (transform_input). Normalising so from the start is the same, without that step.
_HALVES = ("inception_v3", "googlenet")
_SIDE_BRANCHES = ("AuxLogits.", "aux1.", "aux2.")  # taught in training, never part of an answer


class Trunk(nn.Module):
    """A backbone from normalised pixels float [N, C, H, W] to latents [N, width].

    last: the name of the network's last layer, which its weights may still hold. unused: names of
    tensors that it may hold, too, since they belong to layers that were cut off.
    """

    def __init__(self, network: nn.Module, layer: str = POOLED, grid: int = 0) -> None:
        super().__init__()
        self.last = _last_layer(network)
        names = network.state_dict().keys()
        self.calibrate = network.calibrate if isinstance(network, Calibrated) else None
        if layer in LAYERS:
            _replace(network, self.last, nn.Identity())
            if layer == MAPS:
                _replace(network, _last_pooling(network), Grid(grid) if grid else nn.Identity())
            self.network = network
        else:
            self.network = cut_behind(network, layer, grid)
        self.unused = names - self.network.state_dict().keys()
        self.width = 0  # latents of an image

    def forward(self, x: Tensor) -> Tensor:
        latents: Tensor = self.network(x)
        return latents.flatten(1)


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    path, _, last = name.rpartition(".")
    setattr(network.get_submodule(path), last, module)


def _last_pooling(network: nn.Module) -> str:
    """Where an image's maps become one number each; its name tells it, as types differ."""
    found: list[str] = [
        name for name, module in network.named_modules() if "Pool" in type(module).__name__
    ]
    if not found:
        raise UsageError(
            "this backbone does not end in a pooling module, so it has no feature maps before one. "
            f"Leave out --backbone-layer, or name {POOLED}."
        )
    return found[-1]


def _last_layer(network: nn.Module) -> str:
    """The classifier: the last layer with weights, whatever it is called."""
    layers: list[str] = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    if not layers:
        raise UsageError("this backbone has no layer that could serve as its last.")
    return layers[-1]


def torchvision_names() -> list[str]:
    """The classifiers that torchvision has."""
    import torchvision  # takes a second, which only transfer needs

    return list(torchvision.models.list_models(module=torchvision.models))


def describe(name: str, side: int | None = None, layer: str = POOLED, grid: int = 0) -> Backbone:
    """A backbone of torchvision as its ImageNet weights want it, or shown at another size."""
    if name not in torchvision_names():
        raise unknown_name("backbone", name, {*torchvision_names(), *MODELS})
    import torchvision

    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    side = preset.crop_size[0] if side is None else side
    halves = name in _HALVES
    return Backbone(
        name=name,
        library="torchvision",
        model=name,
        size=(side, side),
        channels=3,
        classes=1000,
        mean=(0.5,) * 3 if halves else tuple(preset.mean),
        std=(0.5,) * 3 if halves else tuple(preset.std),
        interpolation=preset.interpolation.value,
        layer=layer,
        grid=grid,
    )


def build_trunk(backbone: Backbone, init: bool = False) -> Trunk:
    """The network before its weights are loaded; init: with random ones that could be trained."""
    import torchvision

    if backbone.library == "zoo":
        shape = (*backbone.size, backbone.channels)
        network = find_model(backbone.model).build(shape, backbone.classes)
    else:
        # The two that have side branches are also slow to initialise, so they want to be asked.
        more = {"init_weights": init, "aux_logits": False} if backbone.model in _HALVES else {}
        network = torchvision.models.get_model(backbone.model, weights=None, **more)
    trunk = Trunk(network, backbone.layer, backbone.grid)
    trunk.eval().requires_grad_(False)
    trunk.width = _width(backbone, trunk)
    return trunk


@torch.no_grad()
def _width(backbone: Backbone, trunk: Trunk) -> int:
    """How many latents an image has, seen by showing it one of a size that may not fit."""
    height, width = backbone.size
    try:
        latents = _computed(backbone, trunk, height, width)
    except (RuntimeError, AssertionError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise UsageError(
            f"{backbone.name} does not take images of {height}x{width}: they are too small, or "
            f"of a size that it was not built for ({why}). Name another --backbone-size."
        ) from error
    found = check_latents(backbone.name, backbone.layer, latents)
    if backbone.grid:
        _check_channels(backbone, trunk, found.shape[1])
    return found.flatten(1).shape[1]


def _computed(backbone: Backbone, trunk: Trunk, height: int, width: int) -> Tensor:
    """For one black image. Called as a module, a network that was cut prints its own errors."""
    found: Tensor = trunk.network.forward(torch.zeros(1, backbone.channels, height, width))
    return found


def _check_channels(backbone: Backbone, trunk: Trunk, channels: int) -> None:
    """Refuse maps [N, H, W, C], as swin has them: with the size, what is taken for C grows."""
    height, width = backbone.size
    try:
        larger = _computed(backbone, trunk, 2 * height, 2 * width)
    except (RuntimeError, AssertionError, ValueError):  # a network of one size, such as maxvit's
        return
    if larger.shape[1] != channels:
        raise UsageError(
            f"--backbone-layer {backbone.layer} of {backbone.name} computes maps [N, H, W, C], and "
            "latents are maps [N, C, H, W] or values [N, C]. Name another layer."
        )


@torch.no_grad()
def load_weights(backbone: Backbone, trunk: Trunk, tensors: Mapping[str, Tensor], of: str) -> None:
    """Fill the trunk; `of` names where the tensors are from. Those of its last layer are dropped.

    Whatever is missing, too much, of another shape or no number is refused by name.
    """
    wanted: dict[str, Tensor] = trunk.network.state_dict()
    dropped = (f"{trunk.last}.", *_SIDE_BRANCHES)
    given = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(dropped) and name not in trunk.unused
    }
    missing = [name for name in wanted if name not in given and not _counter(name)]
    extra = [name for name in given if name not in wanted and not _counter(name)]
    shared = wanted.keys() & given.keys()
    misshapen = [
        f"{name} {list(given[name].shape)} instead of {list(wanted[name].shape)}"
        for name in wanted
        if name in shared and given[name].shape != wanted[name].shape
    ]
    broken = [n for n in given if n in shared and not torch.isfinite(given[n].float()).all()]
    problems = [
        f"{what} {_some(names)}"
        for what, names in (
            ("missing tensors:", missing),
            ("unknown tensors:", extra),
            ("wrong shapes:", misshapen),
            ("not all numbers are finite in", broken),
        )
        if names
    ]
    if problems:
        raise UsageError(
            f"{of} does not hold weights of {backbone.name}: {'; '.join(problems)}. "
            "Name the backbone that the file belongs to, or another file."
        )
    for name in shared:
        wanted[name].copy_(given[name])


def _counter(name: str) -> bool:
    """Of batches in training, which no answer depends on and some files leave out."""
    return name.endswith("num_batches_tracked")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


@torch.no_grad()
def calibrate_norms(trunk: Trunk, batches: Iterable[Tensor]) -> None:
    """Set the statistics of batch normalisations to those of these pixels, float [N, C, H, W].

    A random network shows what its architecture is worth only after this.
    """
    norms = [m for m in trunk.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    for batch in batches:
        trunk(batch)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    trunk.eval()


def fingerprint(trunk: Trunk) -> str:
    """sha256 of the weights that latents depend on, whatever file they came in."""
    digest = hashlib.sha256()
    for name, tensor in sorted(trunk.network.state_dict().items()):
        if not _counter(name):
            digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
