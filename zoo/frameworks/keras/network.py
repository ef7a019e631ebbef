"""A network of Keras as arrays by name, and what it computes."""

from typing import Any

import numpy as np

from zoo.frameworks.keras.backend import keras
from zoo.runs.checkpoint import Arrays
from zoo.runs.seeds import seed_for
from zoo.specs.catalog import ModelSpec


def seed_everything(seed: int, purpose: str, index: int = 0) -> None:
    """Keras draws weights and dropout from global random numbers: begin them by address."""
    keras.utils.set_random_seed(seed_for(seed, purpose, index) % (1 << 32))


def built(spec: ModelSpec, image_shape: tuple[int, int, int], classes: int, seed: int) -> Any:
    """A network as a training begins with it."""
    seed_everything(seed, "weights")
    return spec.build(image_shape, classes)


def weights_of(model: Any) -> Arrays:
    """By the place of a layer and what Keras calls them there: its own names count on and on."""
    return {name: numbers(variable) for name, variable in _weights(model).items()}


def fill(model: Any, weights: Arrays) -> None:
    """Put weights in; a `ValueError` where they are not of this network."""
    variables = _weights(model)
    if set(weights) != set(variables):
        raise ValueError(f"other weights: {', '.join(sorted(set(weights) ^ set(variables)))}")
    for name, variable in variables.items():
        assign(variable, weights[name])


def assign(variable: Any, array: Any) -> None:
    """Give a variable a value of just its shape and type."""
    if tuple(variable.shape) != array.shape or variable.dtype != array.dtype.name:
        raise ValueError(f"{variable.path} does not fit")
    variable.assign(array)


def numbers(variable: Any) -> Any:
    """What a variable holds, in an array of its own."""
    return np.array(keras.ops.convert_to_numpy(variable))


def parameters(model: Any) -> int:
    """Trainable numbers."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def multiply_adds(model: Any) -> int:
    """Of one image, forward: those of convolutions and dense layers."""
    return sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def _weights(model: Any) -> dict[str, Any]:
    return {
        f"{place}.{variable.name}": variable
        for place, layer in enumerate(model.layers)
        for variable in layer.weights
    }
