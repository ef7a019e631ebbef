"""A Keras network as arrays by name, and what it computes."""

from typing import Any

import numpy as np

from zoo.frameworks.keras.backend import keras
from zoo.runs.checkpoint import Arrays
from zoo.runs.seeds import seed_for
from zoo.specs.catalog import ModelSpec


def seed_everything(seed: int, purpose: str, index: int = 0) -> None:
    """Seed the global random numbers from which Keras draws weights and dropout."""
    keras.utils.set_random_seed(seed_for(seed, purpose, index) % (1 << 32))


def built(spec: ModelSpec, image_shape: tuple[int, int, int], classes: int, seed: int) -> Any:
    """The initial network of a training run."""
    seed_everything(seed, "weights")
    return spec.build(image_shape, classes)


def weights_of(model: Any) -> Arrays:
    """The weights by layer index and Keras's name for them; its own layer names keep counting."""
    return {name: numbers(variable) for name, variable in _weights(model).items()}


def fill(model: Any, weights: Arrays) -> None:
    """Fill the weights; a `ValueError` if they do not fit this network."""
    variables = _weights(model)
    if set(weights) != set(variables):
        raise ValueError(f"other weights: {', '.join(sorted(set(weights) ^ set(variables)))}")
    for name, variable in variables.items():
        assign(variable, weights[name])


def assign(variable: Any, array: Any) -> None:
    """Assign a value of exactly the variable's shape and type."""
    if tuple(variable.shape) != array.shape or variable.dtype != array.dtype.name:
        raise ValueError(f"{variable.path} does not fit")
    variable.assign(array)


def numbers(variable: Any) -> Any:
    """A copy of a variable's value."""
    return np.array(keras.ops.convert_to_numpy(variable))


def parameters(model: Any) -> int:
    """The number of trainable parameters."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def multiply_adds(model: Any) -> int:
    """The multiply-adds of one image, forward, in convolutions and dense layers."""
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
