"""Compare each integer step of an int8 file with float arithmetic on the same values.

Run as a whole, integer and float versions of a file drift apart: a rounding in one layer changes
others in the next. Step by step they differ by one, where a value lies between two steps, and by
more only if a kernel is wrong, for example because it saturates. A few images have millions of
values, which show such a fault in its layer; the classes of thousands of images would only hint at
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.graphs.taps import only_taps
from zoo.ort.session import open_session

IN_FLOAT = {
    "session.disable_quant_qdq": "1"
}  # computes int8 steps in float: no kernel can saturate
_AT_ONCE = 4  # images, for every number between the layers is kept
_AGAIN = ".again"


@dataclass(frozen=True)
class Widest:
    """The largest difference between a quantised value and the same value computed in float."""

    steps: int
    tensor: str  # where
    of: int  # how many numbers were compared


def widest_step(model: onnx.ModelProto, images: Mapping[str, NDArray[Any]]) -> Widest:
    """Compare every quantised tensor between the layers, over images as the file takes them."""
    if not _quantizing(model):
        return Widest(0, "", 0)
    ((image, values),) = images.items()
    integers = open_session(_showing(model).SerializeToString(), name="int8 steps")
    again = open_session(_anew(model).SerializeToString(), name="int8 steps", config=IN_FLOAT)
    outputs = [output.name for output in integers.outputs]
    widest, compared = Widest(0, "", 0), 0
    for at in range(0, len(values), _AT_ONCE):
        feeds = {image: values[at : at + _AT_ONCE]}
        found = dict(zip(outputs, integers.run(feeds), strict=True))
        for name, wanted in zip(outputs, again.run(feeds | found), strict=True):
            apart = int(np.abs(found[name].astype(np.int16) - wanted).max(initial=0))
            compared += wanted.size
            if apart > widest.steps:
                widest = Widest(apart, name, 0)
    return Widest(widest.steps, widest.tensor, compared)


def _showing(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that outputs the result of each QuantizeLinear; its kernels are those of the file."""
    return only_taps(model, [node.output[0] for node in _quantizing(model)])


def _anew(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that computes each of the same tensors in float from the given tensors before it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    nodes = _quantizing(copy)
    copy.graph.input.extend(
        onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.UINT8, None)
        for node in nodes
    )
    for node in nodes:
        node.output[0] += _AGAIN
    return only_taps(copy, [node.output[0] for node in nodes])


def _quantizing(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
