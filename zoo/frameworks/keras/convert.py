"""Convert a Keras network to torch with the same weights, and from there to an ONNX graph.

Keras's own layers could be traced directly. But they store channels last, so that every convolution
would sit between two transpositions, and batch normalisation would become three operators that int8
cannot merge. Here both become single ONNX operators. The gate checks that the answers are those of
Keras.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from zoo.frameworks.keras.network import assign, numbers
from zoo.runs.run import RunCard


def to_onnx(model: Any, card: RunCard, form: str, opset: int) -> onnx.ModelProto:
    """The network after the pixel normalisation that it was trained with."""
    # These take long to import, and only an export needs them.
    import onnx_ir as ir

    from zoo.frameworks.pytorch.convert import convert

    network = as_torch(model)
    return ir.to_proto(convert(network, card.image_shape, card.mean, card.std, form, opset))


def as_torch(model: Any) -> nn.Module:
    """From normalised pixels float [N, C, H, W] to logits, layer by layer."""
    return nn.Sequential(*(made for layer, maps in _walk(model) for made in _torch_of(layer, maps)))


def fill_from_torch(model: Any, tensors: Mapping[str, torch.Tensor]) -> None:
    """Fill a network from what `as_torch` made of the same layers, by torch's names."""
    place = 0
    for layer, maps in _walk(model):
        back = _BACK.get(type(layer).__name__)
        if back is not None:
            mark = f"{place}."
            own = {n.removeprefix(mark): t for n, t in tensors.items() if n.startswith(mark)}
            back(layer, maps, {name: tensor.numpy() for name, tensor in own.items()})
        place += len(_torch_of(layer, maps))


def _walk(model: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The layers, each with the shape that its input had before it was flattened."""
    maps: tuple[int, ...] = model.input_shape[1:]
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Flatten":
            maps = layer.input.shape[1:]
        yield layer, maps
        if kind == "Dense":
            maps = layer.output.shape[1:]


def _torch_of(layer: Any, maps: tuple[int, ...]) -> list[nn.Module]:
    made = _LAYERS[type(layer).__name__](layer, maps)
    if getattr(layer, "activation", None) is not None:
        made += _ACTIVATIONS[layer.activation.__name__]()
    return made


def _convolution(layer: Any, maps: tuple[int, ...]) -> list[nn.Module]:
    kernel = numbers(layer.kernel)  # [height, width, inputs, outputs]
    height, width, inputs, outputs = kernel.shape
    made = nn.Conv2d(inputs, outputs, (height, width), padding=(height // 2, width // 2))
    return [_filled(made, weight=kernel.transpose(3, 2, 0, 1), bias=numbers(layer.bias))]


def _dense(layer: Any, maps: tuple[int, ...]) -> list[nn.Module]:
    """A dense layer with its inputs in torch's order, which flattens maps channel by channel."""
    kernel = numbers(layer.kernel)  # [inputs, outputs]
    inputs, outputs = kernel.shape
    ordered = np.moveaxis(kernel.reshape(*maps, outputs), len(maps) - 1, 0)
    weight = ordered.reshape(inputs, outputs).T
    return [_filled(nn.Linear(inputs, outputs), weight=weight, bias=numbers(layer.bias))]


def _normalisation(layer: Any, maps: tuple[int, ...]) -> list[nn.Module]:
    made = nn.BatchNorm2d(len(numbers(layer.gamma)), eps=layer.epsilon)
    return [
        _filled(
            made,
            weight=numbers(layer.gamma),
            bias=numbers(layer.beta),
            running_mean=numbers(layer.moving_mean),
            running_var=numbers(layer.moving_variance),
        )
    ]


def _convolution_back(layer: Any, maps: tuple[int, ...], own: dict[str, Any]) -> None:
    assign(layer.kernel, own["weight"].transpose(2, 3, 1, 0))
    assign(layer.bias, own["bias"])


def _dense_back(layer: Any, maps: tuple[int, ...], own: dict[str, Any]) -> None:
    outputs, inputs = own["weight"].shape
    ordered = own["weight"].T.reshape(maps[-1], *maps[:-1], outputs)
    assign(layer.kernel, np.moveaxis(ordered, 0, len(maps) - 1).reshape(inputs, outputs))
    assign(layer.bias, own["bias"])


def _normalisation_back(layer: Any, maps: tuple[int, ...], own: dict[str, Any]) -> None:
    assign(layer.gamma, own["weight"])
    assign(layer.beta, own["bias"])
    assign(layer.moving_mean, own["running_mean"])
    assign(layer.moving_variance, own["running_var"])


def _filled(module: nn.Module, **arrays: Any) -> nn.Module:
    own = module.state_dict()
    module.load_state_dict(
        own | {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    )
    return module


_LAYERS: dict[str, Callable[[Any, tuple[int, ...]], list[nn.Module]]] = {
    "Conv2D": _convolution,
    "Dense": _dense,
    "BatchNormalization": _normalisation,
    "MaxPooling2D": lambda layer, maps: [nn.MaxPool2d(layer.pool_size, layer.strides)],
    "Flatten": lambda layer, maps: [nn.Flatten()],
    "Dropout": lambda layer, maps: [],
}
_BACK: dict[str, Callable[[Any, tuple[int, ...], dict[str, Any]], None]] = {
    "Conv2D": _convolution_back,
    "Dense": _dense_back,
    "BatchNormalization": _normalisation_back,
}
_ACTIVATIONS: dict[str, Callable[[], list[nn.Module]]] = {
    "linear": lambda: [],
    "relu": lambda: [nn.ReLU()],
}
