"""Backbones from `keras.applications`, with their prediction layer removed.

They are built with channels first, so that the graph of the whole network has no transpositions;
the weights are the same numbers in either order.
"""

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import UsageError, ZooError, unknown_name
from zoo.frameworks.keras.backend import keras, on_cpu
from zoo.frameworks.keras.network import seed_everything, weights_of
from zoo.specs.design import Backbone
from zoo.transfer.backbones import Trunk

FILES = (".weights.h5", ".h5", ".keras")  # weight files; nothing in them is executed


class KerasTrunk(Trunk):
    """A network of Keras as the trunk of a transfer: from float [N, C, H, W] to latents."""

    def __init__(self, model: Any, bgr: bool) -> None:
        nn.Module.__init__(self)
        self.model = model
        self.network = _Called(model, bgr)
        self.width = int(np.prod(model.output_shape[1:]))
        self.last, self.unused, self.calibrate = "", set(), None


class _Called(nn.Module):
    """A call of Keras, in evaluation mode. bgr: blue comes first."""

    def __init__(self, model: Any, bgr: bool) -> None:
        super().__init__()
        self.model, self.bgr = model, bgr

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.model(x.flip(1) if self.bgr else x, training=False)
        return answer.flatten(1)


def names() -> list[str]:
    """The classifiers of `keras.applications`."""
    return [name for name in dir(keras.applications) if name[0].isupper()]


def describe(name: str, side: int | None = None, interpolation: str | None = None) -> Backbone:
    """A backbone as its ImageNet weights want it, or shown at another size."""
    if name not in names():
        raise unknown_name("backbone", name, names())
    with on_cpu():
        full = _maker(name)(weights=None)
    mean, std, _ = _normalisation(name)
    side = full.input_shape[1] if side is None else side
    return Backbone(
        name=name,
        library="keras",
        model=name,
        size=(side, side),
        channels=3,
        classes=full.output_shape[-1],
        mean=mean,
        std=std,
        interpolation=interpolation or "bilinear",
    )


def build_trunk(backbone: Backbone, seed: int = 0) -> KerasTrunk:
    """The network with random weights."""
    with on_cpu(), _channels("channels_first"):
        seed_everything(seed, "backbone")
        model = _without_predictions(_full(backbone))
    model.trainable = False
    for weight in model.weights:
        weight.value.requires_grad_(False)
    return KerasTrunk(model.eval(), _normalisation(backbone.model)[2])


def load_file(backbone: Backbone, trunk: KerasTrunk, path: Path) -> None:
    """Fill the trunk from a file that Keras wrote of the whole network, or of it without its top.

    Whatever does not fit is refused.
    """
    if not path.is_file():
        raise UsageError(f"--weights {path}: there is no such file.")
    if not path.name.endswith(FILES):
        raise UsageError(f"--weights {path}: Keras reads weights from {', '.join(FILES)}.")
    with on_cpu():
        full = _full(backbone)
        below = _without_predictions(full)
        problem = _problem(full, path) and _problem(below, path)
        if problem:
            raise UsageError(
                f"--weights {path} does not hold weights of {backbone.name}: {problem}. "
                "Name the backbone that the file belongs to, or another file."
            )
        _take_over(backbone, trunk, below, f"--weights {path}")


def load_download(backbone: Backbone, trunk: KerasTrunk) -> None:
    """The ImageNet weights that Keras downloads, from its cache or the internet."""
    name = backbone.model
    try:
        with on_cpu():
            full = _maker(name)(weights="imagenet")
    except Exception as error:  # Keras raises `Exception` itself
        raise ZooError(
            f"the ImageNet weights of {name} are unavailable here ({_line(error)}). Do one of "
            "these: name a file that holds them with --weights FILE (.weights.h5 or .keras); or "
            "train on a machine with internet, where Keras downloads them. "
            "(--backbone-init random takes random weights instead, as a baseline.)"
        ) from error
    _take_over(backbone, trunk, _without_predictions(full), "Keras's download")


def calibrate_norms(trunk: KerasTrunk, seen: Tensor) -> None:
    """Set the statistics of batch normalisations to those of these pixels, float [N, C, H, W].

    A random network shows what its architecture is worth only after this.
    """
    norms = [layer for layer in trunk.model.layers if hasattr(layer, "moving_variance")]
    before = [(norm.momentum, norm.trainable) for norm in norms]
    for norm in norms:
        norm.momentum, norm.trainable = 0.0, True
    with on_cpu(), torch.no_grad():
        trunk.model(seen.flip(1) if trunk.network.bgr else seen, training=True)
    for norm, (momentum, trainable) in zip(norms, before, strict=True):
        norm.momentum, norm.trainable = momentum, trainable


def fingerprint(trunk: KerasTrunk) -> str:
    """sha256 of the weights that latents depend on, whatever file they came in."""
    digest = hashlib.sha256()
    for name, array in weights_of(trunk.model).items():
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, np.float32).tobytes())
    return digest.hexdigest()


@contextmanager
def _channels(order: str) -> Iterator[None]:
    """Within the block, networks are built with their channels there."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(order)
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def _maker(name: str) -> Callable[..., Any]:
    make: Callable[..., Any] = getattr(keras.applications, name)
    return make


def _full(backbone: Backbone) -> Any:
    """With its prediction layer, for images of the backbone's size."""
    height, width = backbone.size
    first = keras.config.image_data_format() == "channels_first"
    shape = (3, height, width) if first else (height, width, 3)
    try:
        return _maker(backbone.model)(weights=None, input_shape=shape)
    except ValueError as error:
        raise UsageError(
            f"{backbone.name} does not take images of {height}x{width}: they are too small, or "
            f"of a size that it was not built for ({_line(error)}). Name another --backbone-size."
        ) from error


def _without_predictions(full: Any) -> Any:
    """What the last layer with weights takes is the output now."""
    last = [layer for layer in full.layers if hasattr(layer, "kernel")][-1]
    return keras.Model(full.input, last.input)


def _normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
    """Mean and std of the pixels on the 0..1 scale, red first, and whether blue comes first.

    Seen from what the network's own `preprocess_input` makes of black, white and red.
    """
    prepare = sys.modules[_maker(name).__module__].preprocess_input
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0]], np.float32)
    black, white, red = prepare(colours[None].copy(), data_format="channels_last")[0]
    bgr = bool(red[2] != black[2])
    gain = (white - black).astype(np.float64)
    mean, std = -black / gain, 1 / gain
    if bgr:
        mean, std = mean[::-1], std[::-1]
    return tuple(mean.tolist()), tuple(std.tolist()), bgr


def _problem(model: Any, path: Path) -> str:
    """Why a file does not fill a network; "" where it does.

    Of layers that the file lacks Keras may only warn.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.load_weights(path)
    except (ValueError, OSError, KeyError, RuntimeError, UserWarning) as error:
        return _line(error)
    return ""


def _take_over(backbone: Backbone, trunk: KerasTrunk, filled: Any, of: str) -> None:
    arrays = filled.get_weights()
    wanted = [tuple(weight.shape) for weight in trunk.model.weights]
    if [array.shape for array in arrays] != wanted:
        raise UsageError(
            f"{backbone.name} cannot be built with channels first, as backbones are here. "
            "Name another --backbone."
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise UsageError(f"{of}: not all numbers are finite. Name another file.")
    trunk.model.set_weights(arrays)


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
