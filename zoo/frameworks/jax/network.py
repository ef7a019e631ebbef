"""A network of Flax in parts that `jax.jit` takes, and as arrays by name."""

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
    """A network that never changes: a step makes a new one."""

    learning: Any  # its structure, with batch normalisation by the batch
    finished: Any  # likewise, by the running averages
    weights: Any  # what gradients are taken of
    averages: Any  # of batch normalisation
    image_shape: tuple[int, int, int]

    @classmethod
    def begun(
        cls, spec: ModelSpec, image_shape: tuple[int, int, int], classes: int, seed: int
    ) -> "Network":
        """As a training begins with it."""
        draw = nnx.Rngs(seed_for(seed, "weights") % (1 << 32))
        return cls._of(spec.build(image_shape, classes)(draw), image_shape)

    @classmethod
    def empty(cls, spec: ModelSpec, image_shape: tuple[int, int, int], classes: int) -> "Network":
        """Shapes alone, to be filled."""
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
        """Rows of normalised numbers, one an image, as the network takes them."""
        return rows.reshape(len(rows), *self.image_shape)

    def logits(self, rows: Pixels) -> Pixels:
        """What the finished network says of some images, [N, classes]."""
        pixels = self.pixels(rows)
        return np.asarray(predict(self.finished, self.weights, self.averages, pixels))

    def multiply_adds(self) -> int:
        """Of one image, forward: those of convolutions and linear layers."""
        return sum(
            layer.kernel.size * math.prod(after[:-1])
            for layer, _, after in self.flow()
            if hasattr(layer, "kernel")
        )

    def flow(self) -> list[tuple[Any, Shape, Shape]]:
        """Each layer, with the shape of an image's numbers before and after it."""
        found = []

        def look(weights: Any, averages: Any, numbers: Any) -> None:
            for layer in nnx.merge(self.finished, weights, averages).layers:
                before, numbers = numbers, layer(numbers)
                found.append((layer, before.shape[1:], numbers.shape[1:]))

        one = jax.ShapeDtypeStruct((1, *self.image_shape), np.float32)
        jax.eval_shape(look, self.weights, self.averages, one)
        return found

    def filled(self, arrays: Arrays) -> "Network":
        """The same network with other numbers; a `ValueError` where they are not of it."""
        state = filled(nnx.merge_state(self.weights, self.averages), arrays)
        weights, averages = nnx.split_state(state, nnx.Param, nnx.BatchStat)
        return replace(self, weights=weights, averages=averages)

    def arrays(self) -> Arrays:
        """By the place of a layer and what Flax calls them there, such as `0.kernel`."""
        return arrays_of(nnx.merge_state(self.weights, self.averages))


def arrays_of(tree: Any) -> Arrays:
    """The arrays of a tree of JAX by their places in it."""
    return {name: np.asarray(leaf) for name, leaf in _leaves(tree).items()}


def filled(tree: Any, arrays: Arrays) -> Any:
    """The same tree with other arrays; a `ValueError` where they are not of one like it."""
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
    """In their order. What Flax writes around a layer's place and name is left out."""
    return {
        ".".join(word for word in _words(path) if word not in ("layers", "value")): leaf
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _words(path: Any) -> list[str]:
    return [jax.tree_util.keystr((key,), simple=True) for key in path]


def halved(maps: Any) -> Any:
    """The largest of each 2x2 square of maps [N, H, W, C].

    As `nnx.max_pool(maps, (2, 2), (2, 2))`, whose gradient XLA computes slowly on a CPU.
    """
    count, height, width, channels = maps.shape
    height, width = height // 2, width // 2
    squares = maps[:, : 2 * height, : 2 * width].reshape(count, height, 2, width, 2, channels)
    return squares.max(axis=(2, 4))


def flattened(maps: Any) -> Any:
    """Each image's numbers in a row."""
    return maps.reshape(len(maps), -1)


@partial(jax.jit, static_argnums=0)
def predict(finished: Any, weights: Any, averages: Any, pixels: Any) -> Any:
    """Logits [N, classes]; compiled once for each number of images."""
    return nnx.merge(finished, weights, averages)(pixels)


def from_pixels(network: Network, mean: tuple[float, ...], std: tuple[float, ...]) -> Any:
    """A compiled function from raw pixels uint8 [N, H, W, C] to logits, with the weights in it.

    mean, std: per channel on the 0..1 scale.
    """
    scale = (1 / (255 * np.array(std))).astype(np.float32)
    offset = (-np.array(mean) / np.array(std)).astype(np.float32)
    model = nnx.merge(network.finished, network.weights, network.averages)
    return jax.jit(lambda images: model(images.astype(np.float32) * scale + offset))
