"""Layers of int8 files made as wide as every CPU's kernels add up right: see `zoo.graphs.products`.

What is added has zero weights, so no sum changes. The layer behind takes no notice of it, with zero
weights of its own; where something else is behind, the surplus is cut off again.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from zoo.graphs.products import is_uneven, padded

LAYERS = ("Conv", "Gemm")  # what has weights
WIDE = ".wide"  # a tensor with a surplus that is cut off

# Computes each channel alone, so that those added meet no other on the way to the next layer.
_CHANNEL_BY_CHANNEL = ("Relu", "Clip", "Gelu", "MaxPool", "AveragePool")


def pad(prepared: ModelProto, in_float: Sequence[str]) -> ModelProto:
    """A copy whose layers, but for those in float, have no width that some kernel adds up wrong."""
    copy = ModelProto()
    copy.CopyFrom(prepared)
    narrow = [
        node
        for node in copy.graph.node
        if node.op_type in LAYERS and node.name not in in_float and is_uneven(_width(copy, node))
    ]
    for layer in narrow:
        _widen(copy, layer)
    if narrow:
        del copy.graph.value_info[:]
        copy = onnx.shape_inference.infer_shapes(copy, strict_mode=True)
    return copy


def stay_in_float(prepared: ModelProto) -> tuple[str, ...]:
    """Uneven layers for which padding is more work than the layer itself, or not possible.

    A first layer sees few channels: it is little work, and the layer behind it, which would get
    more of them, is much. Zeros in each of several groups would lie between a layer's channels.
    """
    return tuple(
        node.name
        for node in prepared.graph.node
        if node.op_type in LAYERS
        and is_uneven(_width(prepared, node))
        and (_groups(node) > 1 or _surplus(prepared, node) > _work(prepared, node))
    )


def _work(model: ModelProto, layer: NodeProto) -> int:
    """Multiply-adds for an image."""
    values = (*model.graph.value_info, *model.graph.output)
    sides = next(v.type.tensor_type.shape.dim for v in values if v.name == layer.output[0])
    pixels = math.prod(int(side.dim_value) for side in sides[2:])
    return pixels * math.prod(map(int, _tensor(model, layer.input[1]).dims))


def _surplus(model: ModelProto, layer: NodeProto) -> float:
    """Multiply-adds that padding adds, those of the layer behind included."""
    width = _width(model, layer)
    more = padded(width) - width
    _, reader = _way(model, layer)
    behind = 0.0
    if reader is not None and _takes_more(reader):
        behind = more * _work(model, reader) / _tensor(model, reader.input[1]).dims[1]
    return more * _work(model, layer) / width + behind


def _widen(model: ModelProto, layer: NodeProto) -> None:
    width = _width(model, layer)
    more = padded(width) - width
    _grow(model, layer, 1, [(0, more)])
    if len(layer.input) > 2:
        _grow(model, layer, 2, [(0, more)])
    value, reader = _way(model, layer)
    if reader is not None and _takes_more(reader):
        _grow(model, reader, 1, [(0, 0), (0, more)])
    else:
        _cut(model, value, width)


def _way(model: ModelProto, layer: NodeProto) -> tuple[str, NodeProto | None]:
    """How far channels go one by one: the last such tensor, and the only node that reads it.

    None where several do, or where it is not the first input, or where it leaves the graph.
    """
    given = {output.name for output in model.graph.output}
    value = layer.output[0]
    while True:
        readers = [node for node in model.graph.node if value in node.input]
        if value in given or len(readers) != 1 or readers[0].input[0] != value:
            return value, None
        if readers[0].op_type not in _CHANNEL_BY_CHANNEL:
            return value, readers[0]
        value = readers[0].output[0]


def _takes_more(reader: NodeProto) -> bool:
    """Whether it can get zero weights for more channels."""
    return reader.op_type in LAYERS and _groups(reader) == 1


def _cut(model: ModelProto, value: str, width: int) -> None:
    """Leave a tensor's first channels, as they were."""
    (at,) = (at for at, node in enumerate(model.graph.node) if value in node.output)
    maker, wide = model.graph.node[at], f"{value}{WIDE}"
    maker.output[list(maker.output).index(value)] = wide
    bounds = {f"{value}.first": 0, f"{value}.behind": width, f"{value}.side": 1}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array([number], np.int64), name)
        for name, number in bounds.items()
    )
    cut = onnx.helper.make_node("Slice", [wide, *bounds], [value], f"{maker.name}.cut")
    model.graph.node.insert(at + 1, cut)


def _grow(model: ModelProto, layer: NodeProto, place: int, more: list[tuple[int, int]]) -> None:
    """Zeros around the numbers of an input of a layer: how many on each of its first sides.

    The layer gets numbers of its own, for another may share those it had.
    """
    tensor = _tensor(model, layer.input[place])
    numbers = numpy_helper.to_array(tensor)
    grown = np.pad(numbers, more + [(0, 0)] * (numbers.ndim - len(more)))
    name = f"{layer.name}.padded_{place}"
    if layer.input[place] == name:
        tensor.CopyFrom(numpy_helper.from_array(grown, name))
    else:
        model.graph.initializer.append(numpy_helper.from_array(grown, name))
        layer.input[place] = name


def _tensor(model: ModelProto, name: str) -> TensorProto:
    found: TensorProto = next(one for one in model.graph.initializer if one.name == name)
    return found


def _width(model: ModelProto, layer: NodeProto) -> int:
    """Outputs of a layer, or of each of its groups. A Gemm is written with transB here."""
    return int(_tensor(model, layer.input[1]).dims[0]) // _groups(layer)


def _groups(layer: NodeProto) -> int:
    return next((int(one.i) for one in layer.attribute if one.name == "group"), 1)
