"""The frozen backbone of a transfer: find it by name, load its weights, check it."""

from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch

from zoo.artifacts.artifact import Artifact, known_artifact
from zoo.data import Dataset
from zoo.errors import UsageError
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.models.filling import stored_in
from zoo.models.resize import INTERPOLATIONS
from zoo.progress import Progress
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.naming import known_run
from zoo.runs.options import LATENTS_RUNTIMES, TrainOptions
from zoo.runs.run import Run
from zoo.runs.seeds import seed_for
from zoo.specs.catalog import MODELS
from zoo.specs.design import DEFAULT, HEADS, LAYERS, MAPS, POOLED, Backbone, is_head
from zoo.transfer import weights
from zoo.transfer.backbones import (
    Trunk,
    build_trunk,
    calibrate_norms,
    describe,
    fingerprint,
    load_weights,
    torchvision_names,
)
from zoo.transfer.network import RECIPE, Transfer, normalisation

RANDOM = "random"
CALIBRATED_ON = 256  # images, for the batch statistics of random weights
_BATCH = 64


@dataclass(frozen=True)
class FrozenBackbone:
    """A backbone with its weights, in evaluation mode."""

    backbone: Backbone
    trunk: Trunk

    def under(self, image_shape: tuple[int, int, int], head: torch.nn.Module) -> Transfer:
        """The whole network with that head."""
        return Transfer(self.backbone, self.trunk, image_shape, head)


def check_options(options: TrainOptions) -> None:
    """Refuse invalid combinations of options, before anything is loaded."""
    if options.head is not None and not is_head(options.head):
        raise UsageError(
            f"--head {options.head}: choose from {', '.join(HEADS)}, or a number of hidden units."
        )
    if options.backbone_grid is not None and options.backbone_grid < 1:
        raise UsageError(f"--backbone-grid {options.backbone_grid} is not a number of values.")
    if options.backbone_grid is not None and options.backbone_layer in (None, POOLED):
        raise UsageError(
            "--backbone-grid averages maps, and pooled latents have none. "
            f"Add --backbone-layer {MAPS}, or name a layer."
        )
    if options.backbone_resize not in (None, *INTERPOLATIONS):
        raise UsageError(
            f"--backbone-resize {options.backbone_resize}: choose from "
            f"{' and '.join(INTERPOLATIONS)}."
        )
    if options.backbone_init not in (None, RANDOM):
        raise UsageError(f"--backbone-init {options.backbone_init}: the only choice is {RANDOM}.")
    if options.backbone_init and options.weights:
        raise UsageError("--weights and --backbone-init contradict each other; name one of them.")
    if options.backbone_size is not None and options.backbone_size < 1:
        raise UsageError(f"--backbone-size {options.backbone_size} is not a number of pixels.")
    if options.precision == "fp16":
        raise UsageError("transfer computes latents in fp32 or bf16, not in fp16.")
    if options.latents_runtime not in (None, *LATENTS_RUNTIMES):
        raise UsageError(
            f"--latents-runtime {options.latents_runtime}: choose from "
            f"{' and '.join(LATENTS_RUNTIMES)}."
        )
    if options.latents_runtime == "onnxruntime" and options.precision == "bf16":
        raise UsageError(
            "onnxruntime computes latents in fp32. Use --precision fp32 or --latents-runtime torch."
        )


def resolved(options: TrainOptions, exports: Path | None) -> TrainOptions:
    """The options with the backbone's full name, which the run's id is made of."""
    name = options.backbone or DEFAULT
    if name in torchvision_names():
        return replace(options, backbone=name)
    found = _of_zoo(name, exports)
    if found is None:
        if any(name == model or name.startswith(f"{model}-") for model in MODELS):
            raise UsageError(
                f"there is no run and no artifact of {name} to take as a backbone. Train it first, "
                "or name one of torchvision's, such as --backbone resnet18."
            )
        describe(name)  # says which names there are
        raise AssertionError("a name that torchvision lists and does not list")
    return replace(options, backbone=found.folder.name)


def open_backbone(
    options: TrainOptions, data: Dataset, exports: Path | None, progress: Progress
) -> FrozenBackbone:
    """The backbone that the options name, with the weights that they name."""
    name = options.backbone or DEFAULT
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(options.seed or 0, "backbone"))
        if name in torchvision_names():
            frozen = _from_torchvision(name, options)
        else:
            frozen = _from_zoo(name, options, exports)
    _check_data(frozen.backbone, data)
    if options.backbone_init == RANDOM:
        progress.say(f"{name}: random weights, as asked for")
        _calibrate(frozen, data)
    return FrozenBackbone(replace(frozen.backbone, weights=fingerprint(frozen.trunk)), frozen.trunk)


def _from_torchvision(name: str, options: TrainOptions) -> FrozenBackbone:
    backbone = describe(name, options.backbone_size, *_taken(options))
    if options.backbone_resize:
        backbone = replace(backbone, interpolation=options.backbone_resize)
    random = options.backbone_init == RANDOM
    trunk = build_trunk(backbone, init=random)
    if random:
        return FrozenBackbone(replace(backbone, origin=RANDOM), trunk)
    if options.weights:
        path = Path(options.weights)
        load_weights(backbone, trunk, weights.from_file(path), f"--weights {path}")
        return FrozenBackbone(replace(backbone, origin=path.name), trunk)
    load_weights(backbone, trunk, weights.downloaded(name), "torchvision's download")
    return FrozenBackbone(replace(backbone, origin="torchvision"), trunk)


def _from_zoo(name: str, options: TrainOptions, exports: Path | None) -> FrozenBackbone:
    found = _of_zoo(name, exports)
    if found is None:
        raise UsageError(f"there is no run and no artifact of {name} any more.")
    card = found.finished_card() if isinstance(found, Run) else found.card
    height, width, channels = card.image_shape
    if card.model not in MODELS or MODELS[card.model].way:
        raise UsageError(f"{name} is itself a transfer. Name the backbone that it uses.")
    if MODELS[card.model].framework != "pytorch":
        raise UsageError(f"{name} is not a PyTorch network, as a backbone must be.")
    if options.weights:
        raise UsageError(f"--weights is for torchvision's backbones; {name} has its own.")
    if options.backbone_size not in (None, height) or height != width:
        raise UsageError(f"{name} takes images of {height}x{width}; leave out --backbone-size.")
    layer, grid = _taken(options)
    backbone = Backbone(
        name=name,
        library="zoo",
        model=card.model,
        size=(height, width),
        channels=channels,
        classes=len(card.class_names),
        mean=card.mean,
        std=card.std,
        layer=layer,
        grid=grid,
        interpolation=options.backbone_resize or "bicubic",  # as this zoo's data is resized
        origin=options.backbone_init or name,
    )
    trunk = build_trunk(backbone)
    if not options.backbone_init:
        if isinstance(found, Run):
            arrays, _ = load_checkpoint(found.weights)
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            found.check_weights(card.weights)
        else:
            tensors = stored_in(onnx.load_from_string(found.content("fp32.onnx")), trunk.network)
        load_weights(backbone, trunk, tensors, name)
    return FrozenBackbone(backbone, trunk)


def _taken(options: TrainOptions) -> tuple[str, int]:
    """The layer that latents are taken from, and the grid that its maps are averaged to.

    The maps of a layer in the middle are large: they are averaged unless a grid is named.
    """
    layer = options.backbone_layer or POOLED
    return layer, options.backbone_grid or (0 if layer in LAYERS else 1)


def _of_zoo(name: str, exports: Path | None) -> Run | Artifact | None:
    """The run of that name, else the artifact."""
    told = "--backbone {}"
    return known_run(name, told=told) or known_artifact(name, exports, told)


def _check_data(backbone: Backbone, data: Dataset) -> None:
    if len(data.class_names) < 2:
        raise UsageError(f"transfer needs at least 2 classes, {data.name} has one.")
    if data.image_shape[2] > backbone.channels:
        raise UsageError(f"{backbone.name} takes grey images: show it the data with --grey.")


def _calibrate(frozen: FrozenBackbone, data: Dataset) -> None:
    """Give a random network what it needs to show what it is worth: the statistics of pixels."""
    shape = data.image_shape
    mean, std = normalisation(frozen.backbone, shape[2])
    images = torch.from_numpy(data.train.images[:CALIBRATED_ON])
    network = frozen.under(shape, torch.nn.Identity())
    maker = BatchMaker(images, mean, std, RECIPE, torch.device("cpu"))
    seen = [network.resize(network.tint(maker.plain(some))) for some in torch.split(images, _BATCH)]
    if frozen.trunk.calibrate:
        frozen.trunk.calibrate(torch.cat(seen))
    calibrate_norms(frozen.trunk, seen)
