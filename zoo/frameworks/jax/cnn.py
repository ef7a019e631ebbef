"""`cnn-jax`: the network of `zoo/models/cnn.py`, with Flax's layers.

Two convolutions with pooling, then three linear layers, with batch normalisation between.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from zoo.frameworks.jax.backend import nnx
from zoo.frameworks.jax.network import flattened, halved
from zoo.specs.recipe import Recipe

CHANNELS = (64, 128)
KERNEL = (5, 5)
HIDDEN = (256, 192)

RECIPE = Recipe(
    epochs=10,
    quick_epochs=3,
    batch=128,
    lr=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    label_smoothing=0.1,
    shift=2,
)


def build(image_shape: tuple[int, int, int], classes: int) -> Callable[[Any], Any]:
    """A function that makes the network from a source of random numbers."""
    return partial(network, image_shape, classes)


def network(image_shape: tuple[int, int, int], classes: int, rngs: Any) -> Any:
    """From normalised pixels [N, H, W, C] to logits [N, classes]."""
    height, width, inputs = image_shape
    layers: list[Any] = []
    for outputs in CHANNELS:
        layers += [
            nnx.Conv(inputs, outputs, KERNEL, rngs=rngs),
            nnx.relu,
            halved,
            nnx.BatchNorm(outputs, momentum=0.9, rngs=rngs),
        ]
        inputs = outputs
    layers.append(flattened)
    inputs *= (height // 4) * (width // 4)
    for outputs in HIDDEN:
        layers += [
            nnx.Linear(inputs, outputs, use_bias=False, rngs=rngs),
            nnx.BatchNorm(outputs, momentum=0.9, rngs=rngs),
            nnx.relu,
        ]
        inputs = outputs
    return nnx.Sequential(*layers, nnx.Linear(inputs, classes, rngs=rngs))
