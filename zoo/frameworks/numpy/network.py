"""A multilayer perceptron from scratch, steps 1 to 4 of five: the fifth is `train` in training.py.

A batch of images goes through at once, one row per image: X below is [images, inputs]. The formulas
are derived in docs/tutorial/mlp-from-scratch.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Numbers = NDArray[Any]  # float32; float64 where gradients are checked
Labels = NDArray[np.int64]


# 1. Defining the network: layers of weights and biases.


@dataclass(frozen=True)
class Layer:
    """Units that each look at all inputs. Gradients and velocities have the same shape."""

    weight: Numbers  # [units, inputs]: a row for each unit
    bias: Numbers  # [units]


Network = list[Layer]


def initialize_network(
    sizes: Sequence[int], draw: np.random.Generator, dtype: DTypeLike = np.float32
) -> Network:
    """Layers between neighbouring sizes, such as 784, 500, 50, 10: random weights, zero biases.

    The spread is Glorot's: sums have about the spread of the inputs, forwards and backwards, so
    that no sigmoid starts where it is flat.
    """
    network = []
    for inputs, units in pairwise(sizes):
        spread = float(np.sqrt(2 / (inputs + units)))
        weight = (spread * draw.standard_normal((units, inputs))).astype(dtype)
        network.append(Layer(weight, np.zeros(units, dtype)))
    return network


# 2. Forward propagation: from the inputs to the logits, layer by layer.


def pre_activation(layer: Layer, inputs: Numbers) -> Numbers:
    """Z = X W' + b: the sum of each unit for each image, before its activation."""
    sums: Numbers = inputs @ layer.weight.T
    sums += layer.bias
    return sums


def sigmoid_activation(sums: Numbers) -> Numbers:
    """1 / (1 + exp(-z)), computed in place of z."""
    with np.errstate(over="ignore"):  # exp(100) is infinite in float32, and 1 / (1 + inf) is 0
        np.exp(np.negative(sums, out=sums), out=sums)
    sums += 1
    np.reciprocal(sums, out=sums)
    return sums


def forward_propagation(network: Network, inputs: Numbers) -> list[Numbers]:
    """The input of each layer, and finally the logits."""
    flow = [inputs]
    for layer in network[:-1]:
        flow.append(sigmoid_activation(pre_activation(layer, flow[-1])))
    flow.append(pre_activation(network[-1], flow[-1]))
    return flow


# 3. Backpropagation: whose fault is the loss, from the logits back to the first layer.


def backward_propagate_error(network: Network, flow: list[Numbers], labels: Labels) -> Network:
    """The gradients of the mean loss, for what `forward_propagation` gave, as layers.

    `error` is the gradient at the sums of a layer, from the last to the first.
    """
    error = softmax(flow[-1])
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    gradients = []
    for place in reversed(range(len(network))):
        given = flow[place]
        gradients.append(Layer(error.T @ given, error.sum(axis=0)))
        if place:  # the gradient of the pixels is not needed
            error = error @ network[place].weight
            error *= given
            error *= 1 - given  # derivative of the sigmoid: s'(z) = s(z) (1 - s(z))
    return gradients[::-1]


# 4. Loss and update: how wrong the answers are, and a step that makes them less so.


def softmax(logits: Numbers) -> Numbers:
    """The probability of each class: exp(z) as a share of its row's sum."""
    shares: Numbers = logits - logits.max(axis=1, keepdims=True)  # the same shares, and no overflow
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def cross_entropy(logits: Numbers, labels: Labels) -> float:
    """The mean over the images of -log(probability of the right class)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - right))


def update_weights(
    network: Network,
    gradients: Network,
    velocities: Network,
    rate: float,
    momentum: float = 0.0,
    decay: float = 0.0,
) -> None:
    """A step of stochastic gradient descent with momentum, in place; gradients are overwritten.

    decay: of the weights, not of the biases, as a share that each step takes off at a rate of 1.
    """
    for layer, gradient, velocity in zip(network, gradients, velocities, strict=True):
        layer.weight[...] *= 1 - rate * decay
        for name in ("weight", "bias"):
            values, slope, speed = (getattr(part, name) for part in (layer, gradient, velocity))
            speed *= momentum
            speed += slope
            values -= np.multiply(speed, rate, out=slope)


# How a network is stored: its arrays by name.


def arrays_of(network: Network) -> dict[str, Numbers]:
    """The weights by name: `0.weight`, `0.bias`, `1.weight`, ..."""
    return {
        f"{place}.{name}": array
        for place, layer in enumerate(network)
        for name, array in (("weight", layer.weight), ("bias", layer.bias))
    }


def network_of(arrays: Mapping[str, Numbers]) -> Network:
    """A network from such arrays; a `ValueError` if they are not layers."""
    places = range(len(arrays) // 2)
    try:
        return [Layer(arrays[f"{place}.weight"], arrays[f"{place}.bias"]) for place in places]
    except KeyError as error:
        raise ValueError(f"it has no {error.args[0]}") from error
