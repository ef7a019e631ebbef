"""Write a Flax network as an ONNX graph, one node per layer, and read its arrays back.

Flax stores channels last, ONNX channels first: kernels are transposed, and so are the inputs of the
first linear layer. The gate checks that the answers are those of Flax.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zoo.frameworks.jax.backend import nnx
from zoo.frameworks.jax.network import Network, Shape, flattened, halved
from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.outputs import LOGITS
from zoo.ort.signature import IMAGE, PIXELS
from zoo.runs.checkpoint import Arrays
from zoo.runs.run import RunCard


@dataclass(frozen=True)
class Node:
    """How a layer is written in ONNX."""

    operator: str
    arrays: tuple[str, ...] = ()  # the layer's arrays, in the operator's order
    attributes: Callable[[Any], dict[str, Any]] = lambda layer: {}


# By a layer's class, or by the function itself.
_NODES: dict[Any, Node] = {
    nnx.Conv: Node("Conv", ("kernel", "bias"), lambda layer: _same(layer.kernel_size)),
    nnx.Linear: Node("Gemm", ("kernel", "bias"), lambda layer: {"transB": 1}),
    nnx.BatchNorm: Node(
        "BatchNormalization",
        ("scale", "bias", "mean", "var"),
        lambda layer: {"epsilon": layer.epsilon},
    ),
    nnx.relu: Node("Relu"),
    halved: Node("MaxPool", (), lambda layer: {"kernel_shape": [2, 2], "strides": [2, 2]}),
    flattened: Node("Reshape"),
}


def to_onnx(network: Network, card: RunCard, form: str, opset: int) -> onnx.ModelProto:
    """The network after the pixel normalisation that it was trained with."""
    nodes, tensors = _normalised(card) if form == PIXELS else ([], {})
    tensors |= _turned(network.arrays(), _squares(network))
    flow = nodes[-1].output[0] if nodes else IMAGE
    for place, (layer, _, _) in enumerate(network.flow()):
        kind = _kind(layer)
        inputs = [f"{place}.{name}" for name in kind.arrays]
        if kind.operator == "Reshape":
            inputs, tensors["flat"] = ["flat"], np.array([0, -1])
        inputs = [name for name in inputs if name in tensors]  # without a bias that is none
        made = f"flow.{place}"
        attributes = kind.attributes(layer)
        nodes.append(helper.make_node(kind.operator, [flow, *inputs], [made], **attributes))
        flow = made
    nodes[-1].output[0] = LOGITS
    height, width, channels = card.image_shape
    shape = card.image_shape if form == PIXELS else (channels, height, width)
    numbers = TensorProto.UINT8 if form == PIXELS else TensorProto.FLOAT
    classes = len(card.class_names)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(IMAGE, numbers, ("batch", *shape))],
        [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ("batch", classes))],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSIONS[opset])
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def from_onnx(model: onnx.ModelProto, network: Network) -> Arrays:
    """The arrays of such a network, read from a graph."""
    squares = _squares(network)
    found = {}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name in squares:
            height, width, channels = squares[tensor.name]
            ordered = array.reshape(-1, channels, height, width).transpose(2, 3, 1, 0)
            array = ordered if array.ndim == 4 else ordered.reshape(-1, len(array))
        if tensor.name[0].isdecimal():
            found[tensor.name] = array
    return found


def _turned(arrays: Arrays, squares: dict[str, Shape]) -> Arrays:
    """Kernels in ONNX's layout: [outputs, channels, height, width], or [outputs, inputs]."""
    turned = dict(arrays)
    for name, square in squares.items():
        kernel = arrays[name]
        ordered = kernel.reshape(*square, -1).transpose(3, 2, 0, 1)
        shape = ordered.shape if kernel.ndim == 4 else (len(ordered), -1)
        turned[name] = np.ascontiguousarray(ordered.reshape(shape))
    return turned


def _squares(network: Network) -> dict[str, Shape]:
    """The input shape [height, width, channels] of a kernel, by its name."""
    squares: dict[str, Shape] = {}
    maps: Shape = ()
    for place, (layer, before, _) in enumerate(network.flow()):
        if layer is flattened:
            maps = before
        elif isinstance(layer, nnx.Conv):
            squares[f"{place}.kernel"] = (*layer.kernel_size, before[-1])
        elif isinstance(layer, nnx.Linear):
            squares[f"{place}.kernel"] = maps or (1, 1, *before)
            maps = ()
    return squares


def _kind(layer: Any) -> Node:
    kind = layer if layer in _NODES else type(layer)
    if kind not in _NODES:
        raise AssertionError(f"zoo/frameworks/jax/graph.py has no node for {layer}")
    return _NODES[kind]


def _same(sides: tuple[int, int]) -> dict[str, Any]:
    """The zero padding that keeps the size, for odd kernels."""
    around = [side // 2 for side in sides]
    return {"kernel_shape": list(sides), "pads": around * 2}


def _normalised(card: RunCard) -> tuple[list[onnx.NodeProto], dict[str, NDArray[Any]]]:
    """Normalise raw pixels uint8 [batch, height, width, channels], transposed while still bytes."""
    mean, std = np.array(card.mean), np.array(card.std)
    tensors = {
        "pixel_scale": (1 / (255 * std)).astype(np.float32).reshape(-1, 1, 1),
        "pixel_offset": (-mean / std).astype(np.float32).reshape(-1, 1, 1),
    }
    nodes = [
        helper.make_node("Transpose", [IMAGE], ["bytes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["bytes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "pixel_scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "pixel_offset"], ["pixels"]),
    ]
    return nodes, tensors
