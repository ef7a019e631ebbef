"""A Flax network, split into parts that `jax.jit` takes, and as arrays by name."""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.frameworks.jax.backend import jax, nnx
from zoo.runs.checkpoint import Arrays
from zoo.runs.seeds import seed_for
from zoo.specs.catalog import ModelSpec

Pixels = NDArray[np.float32]  # [N, H, W, C], normalised
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """An immutable network: a step makes a new one."""

    learning: Any  # its structure, with batch normalisation by the batch
    finished: Any  # likewise, by the running averages
    weights: Any  # what gradients are taken of
    averages: Any  # of batch normalisation
    image_shape: tuple[int, int, int]

    @classmethod
    def begun(
        cls, spec: ModelSpec, image_shape: tuple[int, int, int], classes: int, seed: int
    ) -> "Network":
        """The initial network of a training run."""
        draw = nnx.Rngs(seed_for(seed, "weights") % (1 << 32))
        return cls._of(spec.build(image_shape, classes)(draw), image_shape)

    @classmethod
    def empty(cls, spec: ModelSpec, image_shape: tuple[int, int, int], classes: int) -> "Network":
        """A network of shapes only, to be filled."""
        build = spec.build(image_shape, classes)
        return cls._of(nnx.eval_shape(lambda: build(nnx.Rngs(0))), image_shape)

    @classmethod
    def _of(cls, model: Any, image_shape: tuple[int, int, int]) -> "Network":
        model.train()
        learning, *parts = nnx.split(model, nnx.Param, nnx.BatchStat)
        weights, averages = parts
        model.eval()
        return cls(learning, nnx.graphdef(model), weights, averages, image_shape)

    def pixels(self, rows: Pixels) -> Pixels:
        """Turn rows of normalised values, one per image, into what the network takes."""
        return rows.reshape(len(rows), *self.image_shape)

    def logits(self, rows: Pixels) -> Pixels:
        """The logits of the trained network for some images, [N, classes]."""
        pixels = self.pixels(rows)
        return np.asarray(predict(self.finished, self.weights, self.averages, pixels))

    def multiply_adds(self) -> int:
        """The multiply-adds of one image, forward, in convolutions and linear layers."""
        return sum(
            layer.kernel.size * math.prod(after[:-1])
            for layer, _, after in self.flow()
            if hasattr(layer, "kernel")
        )

    def flow(self) -> list[tuple[Any, Shape, Shape]]:
        """Each layer, with the shape of one image's values before and after it."""
        found = []

        def look(weights: Any, averages: Any, numbers: Any) -> None:
            for layer in nnx.merge(self.finished, weights, averages).layers:
                before, numbers = numbers, layer(numbers)
                found.append((layer, before.shape[1:], numbers.shape[1:]))

        one = jax.ShapeDtypeStruct((1, *self.image_shape), np.float32)
        jax.eval_shape(look, self.weights, self.averages, one)
        return found

    def filled(self, arrays: Arrays) -> "Network":
        """The same network with other arrays; a `ValueError` if they do not fit it."""
        state = filled(nnx.merge_state(self.weights, self.averages), arrays)
        weights, averages = nnx.split_state(state, nnx.Param, nnx.BatchStat)
        return replace(self, weights=weights, averages=averages)

    def arrays(self) -> Arrays:
        """The arrays by layer index and Flax's name for them, such as `0.kernel`."""
        return arrays_of(nnx.merge_state(self.weights, self.averages))


def arrays_of(tree: Any) -> Arrays:
    """The arrays of a JAX tree, named by their path in it."""
    return {name: np.asarray(leaf) for name, leaf in _leaves(tree).items()}


def filled(tree: Any, arrays: Arrays) -> Any:
    """The same tree with other arrays; a `ValueError` if they do not fit it."""
    leaves = _leaves(tree)
    if set(arrays) != set(leaves):
        raise ValueError(f"other arrays: {', '.join(sorted(set(arrays) ^ set(leaves)))}")
    for name, leaf in leaves.items():
        if (arrays[name].shape, arrays[name].dtype) != (leaf.shape, leaf.dtype):
            raise ValueError(f"{name} does not fit")
    return jax.tree.unflatten(
        jax.tree.structure(tree), [jax.numpy.asarray(arrays[name]) for name in leaves]
    )


def _leaves(tree: Any) -> dict[str, Any]:
    """The leaves in order, named without what Flax adds to a layer's path and name."""
    return {
        ".".join(word for word in _words(path) if word not in ("layers", "value")): leaf
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _words(path: Any) -> list[str]:
    return [jax.tree_util.keystr((key,), simple=True) for key in path]


def halved(maps: Any) -> Any:
    """The largest value of each 2x2 square of maps [N, H, W, C].

    Like `nnx.max_pool(maps, (2, 2), (2, 2))`, whose gradient is slow in XLA on a CPU.
    """
    count, height, width, channels = maps.shape
    height, width = height // 2, width // 2
    squares = maps[:, : 2 * height, : 2 * width].reshape(count, height, 2, width, 2, channels)
    return squares.max(axis=(2, 4))


def flattened(maps: Any) -> Any:
    """The values of each image as one row."""
    return maps.reshape(len(maps), -1)


@partial(jax.jit, static_argnums=0)
def predict(finished: Any, weights: Any, averages: Any, pixels: Any) -> Any:
    """Logits [N, classes]; compiled once for each number of images."""
    return nnx.merge(finished, weights, averages)(pixels)


def from_pixels(network: Network, mean: tuple[float, ...], std: tuple[float, ...]) -> Any:
    """A compiled function from raw pixels uint8 [N, H, W, C] to logits, including the weights.

    mean, std: per channel on the 0..1 scale.
    """
    scale = (1 / (255 * np.array(std))).astype(np.float32)
    offset = (-np.array(mean) / np.array(std)).astype(np.float32)
    model = nnx.merge(network.finished, network.weights, network.averages)
    return jax.jit(lambda images: model(images.astype(np.float32) * scale + offset))
