"""How much rounding a layer's weights shifts its outputs, on average.

After a ReLU, inputs are positive, so errors of weights do not cancel: a channel comes out too high
or too low on every image, the more so the fewer weights its filter has, and the next layer passes
it on. The mean error is one value per channel, which the bias can correct at no cost.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.exporting.quantize import Shifts
from zoo.graphs.padding import LAYERS
from zoo.graphs.taps import only_taps
from zoo.ort.session import open_session

_BATCH = 64
_DIGITS = 3  # digits of a stored shift: a thousandth of it is far below a step


def mean_shifts(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto, images: NDArray[Any]
) -> Shifts:
    """By layer and channel, the mean output of the float weights minus that of the rounded ones.

    The mean is over images as the model takes them; each layer's input comes from the float model.
    """
    errors = _errors(prepared, quantized)
    session = open_session(_giving(prepared, errors).SerializeToString())
    (image,) = (value.name for value in session.inputs)
    sums = [0.0] * len(errors)
    for at in range(0, len(images), _BATCH):
        some = images[at : at + _BATCH]
        # For an image and its mirror image, if the graph has both: rows are not always images.
        means = [values.mean(axis=0) for values in session.run({image: some})]
        sums = [total + mean * len(some) for total, mean in zip(sums, means, strict=True)]
    return {
        layer: tuple(float(f"{value:.{_DIGITS}g}") for value in np.ravel(total / len(images)))
        for layer, total in zip(errors, sums, strict=True)
    }


def _errors(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto
) -> dict[str, NDArray[np.float32]]:
    """By layer, its float weights minus the rounded ones; layers in float have none."""
    weights, numbers = _numbers(prepared), _numbers(quantized)
    inputs = {node.name: node.input for node in prepared.graph.node}
    makers = {node.output[0]: node for node in quantized.graph.node}
    errors = {}
    for node in quantized.graph.node:
        maker = makers.get(node.input[1]) if node.op_type in LAYERS else None
        if maker is not None:
            steps, scales = (numbers[name] for name in maker.input[:2])
            along = [1] * steps.ndim
            along[onnx.helper.get_node_attr_value(maker, "axis")] = -1
            weight = weights[inputs[node.name][1]]
            own = tuple(map(slice, weight.shape))  # without padding, which lies behind
            errors[node.name] = weight - (steps * scales.reshape(along))[own]
    return errors


def _numbers(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _giving(prepared: onnx.ModelProto, errors: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """A copy that applies these weights to each layer's input, and outputs channel means."""
    copy = onnx.ModelProto()
    copy.CopyFrom(prepared)
    nodes = {node.name: node for node in prepared.graph.node}
    given: list[str] = []
    for layer, numbers in errors.items():
        node, weight, result = nodes[layer], f"{layer}.error", f"{layer}.moved"
        copy.graph.initializer.append(onnx.numpy_helper.from_array(numbers, weight))
        twin = onnx.helper.make_node(node.op_type, [node.input[0], weight], [result])
        twin.attribute.extend(node.attribute)
        copy.graph.node.append(twin)
        if node.op_type == "Conv":
            mean = f"{layer}.mean"
            copy.graph.node.append(onnx.helper.make_node("GlobalAveragePool", [result], [mean]))
            result = mean
        given.append(result)
    return only_taps(copy, given)
