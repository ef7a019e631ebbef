"""How `transfer-keras` trains: a Keras head on the latents of a network of `keras.applications`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from zoo.data import Dataset
from zoo.data.dataset import Images
from zoo.errors import UsageError, ZooError
from zoo.frameworks.batches import Standard as Pixels
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.keras.backend import on_cpu
from zoo.frameworks.keras.convert import as_torch
from zoo.frameworks.keras.network import fill, seed_everything, weights_of
from zoo.frameworks.keras.training import train
from zoo.frameworks.keras.way import Way, completed
from zoo.frameworks.pytorch.estimate import count_macs
from zoo.progress import Progress
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec
from zoo.specs.design import DEFAULT_KERAS, Design
from zoo.transfer import keras_backbones as backbones
from zoo.transfer.frozen_backbone import CALIBRATED_ON, RANDOM, FrozenBackbone, check_options
from zoo.transfer.heads import latents_of, runtime_of
from zoo.transfer.keras_backbones import KerasTrunk
from zoo.transfer.keras_head import HEAD, lesson_on, make_head, standardised
from zoo.transfer.network import Standard, Transfer, normalisation
from zoo.transfer.runtimes import BATCH

RUNTIME = "torch fp32"  # what computes the latents: the backend of Keras
_MEAN, _STD = "latents.mean", "latents.std"


class OnKerasBackbone(Way):
    """Latents, and a head on them."""

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        check_options(options)

    def resolved(self, options: TrainOptions) -> TrainOptions:
        name = options.backbone or DEFAULT_KERAS
        backbones.describe(name)  # says which names there are
        return replace(options, backbone=name)

    def train(self, training: Training) -> Arrays:
        frozen = _opened(training.card.options, training.data, training.progress)
        trunk = _trunk(frozen)
        if training.fresh:
            training.keep(_begun(training, frozen))
        card, design = training.card, training.card.design
        if design is None or design.backbone != frozen.backbone:
            raise ZooError(
                f"{card.id} was trained on other weights of {frozen.backbone.name} than those "
                "found now. Restore those, or start again with --overwrite."
            )
        runtime = runtime_of(frozen, card, training.data, training.progress)
        latents = latents_of(frozen, card, training.data, runtime, training.progress)
        classes = len(card.class_names)

        def begun() -> Any:
            seed_everything(card.options.seed or 0, "weights")
            return make_head(design.head, trunk.width, classes)

        whole = _whole(frozen, card, begun(), latents.mean, latents.std)
        macs = count_macs(whole, card.image_shape)
        parameters = sum(int(np.prod(w.shape)) for w in (*trunk.model.weights, *begun().weights))
        training.card = replace(card, parameters=parameters, macs=macs)
        past = 2.0 * macs * len(training.data.train)
        lesson = lesson_on(card, training.data, latents)
        head = train(training, lesson, (trunk.width,), begun, past_flop=past)
        return {
            **{f"backbone.{name}": array for name, array in weights_of(trunk.model).items()},
            _MEAN: np.asarray(latents.mean, np.float32),
            _STD: np.asarray(latents.std, np.float32),
            **{f"head.{name}": array for name, array in weights_of(head).items()},
        }

    def load(self, card: RunCard, weights: Arrays) -> Trained:
        if card.design is None:
            raise ValueError("the card has no design")
        trunk = backbones.build_trunk(card.design.backbone)
        head = make_head(card.design.head, trunk.width, len(card.class_names))
        for name, model in (("backbone.", trunk.model), ("head.", head)):
            own = {n.removeprefix(name): a for n, a in weights.items() if n.startswith(name)}
            fill(model, own)
        if any(weights.get(name, np.empty(0)).shape != (trunk.width,) for name in (_MEAN, _STD)):
            raise ValueError("no statistics of its latents")
        frozen = FrozenBackbone(card.design.backbone, trunk)
        return TrainedKerasTransfer(card, frozen, head, weights[_MEAN], weights[_STD])


class TrainedKerasTransfer(Trained):
    """Keras's backbone, and Keras's head on its standardised latents."""

    def __init__(
        self, card: RunCard, frozen: FrozenBackbone, head: Any, mean: Any, std: Any
    ) -> None:
        self.card, self.keras_head, self.mean, self.std = card, head, mean, std
        self.whole = _whole(frozen, card, head, mean, std)
        height, width, _ = card.image_shape
        self.pixels = Pixels(card.mean, card.std, height * width)

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance, on_cpu():
            for start in range(0, len(images), BATCH):
                latents = self.latents(images[start : start + BATCH])
                rows = standardised(latents, self.mean, self.std)
                parts.append(self.keras_head.predict_on_batch(rows))
                advance(len(rows))
        return np.concatenate(parts)

    def latents(self, images: Images) -> Values:
        parts: list[Values] = []
        with torch.inference_mode(), on_cpu():
            for start in range(0, len(images), BATCH):
                some = images[start : start + BATCH]
                pixels = self.pixels.rows(some).reshape(some.shape).transpose(0, 3, 1, 2)
                parts.append(self.whole.latents(torch.from_numpy(pixels.copy())).numpy())
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        # Here, for it takes long to import and only an export needs it.
        import onnx_ir as ir

        from zoo.frameworks.pytorch.convert import convert

        card = self.card
        with on_cpu():
            graph = convert(self.whole, card.image_shape, card.mean, card.std, form, opset)
        return ir.to_proto(graph)

    def head(self, opset: int) -> onnx.ModelProto:
        import onnx_ir as ir

        from zoo.frameworks.pytorch.convert import convert_head

        return ir.to_proto(convert_head(self.whole.head, len(self.mean), opset))


def _whole(frozen: FrozenBackbone, card: RunCard, head: Any, mean: Any, std: Any) -> Transfer:
    """From normalised pixels on, resized inside, for the conversion to ONNX."""
    standard = Standard(torch.tensor(mean), torch.tensor(std))
    return frozen.under(card.image_shape, nn.Sequential(standard, as_torch(head))).eval()


def _begun(training: Training, frozen: FrozenBackbone) -> RunCard:
    card, channels = completed(training), training.data.image_shape[2]
    mean, std = normalisation(frozen.backbone, channels)
    design = Design(frozen.backbone, card.options.head or HEAD)
    return replace(card, mean=mean, std=std, design=design, latents_runtime=RUNTIME)


def _opened(options: TrainOptions, data: Dataset, progress: Progress) -> FrozenBackbone:
    """The backbone that the options name, with the weights that they name."""
    name = options.backbone or DEFAULT_KERAS
    if len(data.class_names) < 2:
        raise UsageError(f"transfer-keras needs at least 2 classes, {data.name} has one.")
    backbone = backbones.describe(name, options.backbone_size, options.backbone_resize)
    trunk = backbones.build_trunk(backbone, options.seed or 0)
    if options.backbone_init == RANDOM:
        progress.say(f"{name}: random weights, as asked for")
        _calibrate(FrozenBackbone(backbone, trunk), data)
        origin = RANDOM
    elif options.weights:
        path = Path(options.weights)
        backbones.load_file(backbone, trunk, path)
        origin = path.name
    else:
        backbones.load_download(backbone, trunk)
        origin = "keras.applications"
    found = replace(backbone, origin=origin, weights=backbones.fingerprint(trunk))
    return FrozenBackbone(found, trunk)


def _calibrate(frozen: FrozenBackbone, data: Dataset) -> None:
    images = data.train.images[:CALIBRATED_ON]
    height, width, channels = data.image_shape
    mean, std = normalisation(frozen.backbone, channels)
    rows = Pixels(mean, std, height * width).rows(images)
    pixels = torch.from_numpy(rows.reshape(images.shape).transpose(0, 3, 1, 2).copy())
    network = frozen.under(data.image_shape, nn.Identity())
    backbones.calibrate_norms(_trunk(frozen), network.resize(network.tint(pixels)))


def _trunk(frozen: FrozenBackbone) -> KerasTrunk:
    if not isinstance(frozen.trunk, KerasTrunk):
        raise AssertionError("not a backbone of Keras")
    return frozen.trunk
