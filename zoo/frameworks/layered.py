"""Write the ONNX graph of a stack of linear layers from their arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.outputs import LOGITS
from zoo.ort.signature import IMAGE, PIXELS

Numbers = NDArray[Any]


def layered(
    layers: Sequence[tuple[Numbers, Numbers]],
    activation: str,
    image_shape: tuple[int, int, int],
    scale: tuple[tuple[float, ...], tuple[float, ...]],
    *,
    form: str,
    opset: int,
) -> onnx.ModelProto:
    """The graph from `image` to `logits` in the given form, for any batch; weights: `0.weight`, ...

    layers: weights [units, inputs] and biases, float32, of images flattened as [height, width,
    channels]; activation: the operator between two of them; scale: mean and std, per channel on the
    0..1 scale.
    """
    height, width, channels = image_shape
    pixels = form == PIXELS
    nodes, tensors = _standardised(image_shape, *scale) if pixels else _channels_last()
    nodes.append(helper.make_node("Flatten", ["pixels"], ["flow"]))
    flow = "flow"
    for place, (weight, bias) in enumerate(layers):
        last = place == len(layers) - 1
        names, sums = (f"{place}.weight", f"{place}.bias"), f"sums.{place}"
        tensors |= dict(zip(names, (weight, bias), strict=True))
        made = LOGITS if last else sums
        nodes.append(helper.make_node("Gemm", [flow, *names], [made], transB=1))
        if not last:
            flow = f"flow.{place}"
            nodes.append(helper.make_node(activation, [sums], [flow]))
    shape = image_shape if pixels else (channels, height, width)
    kind = TensorProto.UINT8 if pixels else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(IMAGE, kind, ("batch", *shape))],
        [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ("batch", len(layers[-1][1])))],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSIONS[opset])


def _standardised(
    image_shape: tuple[int, int, int], mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[list[onnx.NodeProto], dict[str, Numbers]]:
    """From raw pixels uint8 [batch, height, width, channels].

    The factors of a channel are repeated for each pixel. onnxruntime repeats three values along the
    last axis so slowly that it took 40% of a call of 64 images.
    """
    per_channel = {
        "pixel_scale": 1 / (255 * np.array(std)),
        "pixel_offset": -np.array(mean) / np.array(std),
    }
    tensors = {
        name: np.broadcast_to(values, image_shape).astype(np.float32)
        for name, values in per_channel.items()
    }
    nodes = [
        helper.make_node("Cast", [IMAGE], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "pixel_scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "pixel_offset"], ["pixels"]),
    ]
    return nodes, tensors


def _channels_last() -> tuple[list[onnx.NodeProto], dict[str, Numbers]]:
    """From standardised floats [batch, channels, height, width], as the layers know pixels."""
    return [helper.make_node("Transpose", [IMAGE], ["pixels"], perm=[0, 2, 3, 1])], {}
