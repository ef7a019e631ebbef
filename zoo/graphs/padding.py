"""Pad layers of int8 files to widths that every CPU sums correctly: see `zoo.graphs.products`.

The padding has zero weights, so no sum changes. The next layer ignores it, with zero weights of its
own; if something else follows, the padding is cut off again.
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
    """A copy in which no integer layer has a width that some kernel sums incorrectly."""
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
    """Uneven layers whose padding costs more than the layer itself, or is impossible.

    A first layer has few input channels, so it is cheap, and the next layer, which would get more
    channels, is expensive. With several groups, the zeros would be between a layer's channels.
    """
    return tuple(
        node.name
        for node in prepared.graph.node
        if node.op_type in LAYERS
        and is_uneven(_width(prepared, node))
        and (_groups(node) > 1 or _surplus(prepared, node) > _work(prepared, node))
    )


def _work(model: ModelProto, layer: NodeProto) -> int:
    """Multiply-adds for one image."""
    values = (*model.graph.value_info, *model.graph.output)
    sides = next(v.type.tensor_type.shape.dim for v in values if v.name == layer.output[0])
    pixels = math.prod(int(side.dim_value) for side in sides[2:])
    return pixels * math.prod(map(int, _tensor(model, layer.input[1]).dims))


def _surplus(model: ModelProto, layer: NodeProto) -> float:
    """The multiply-adds that padding adds, including those of the next layer."""
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
    """How far channels stay separate: the last such tensor, and the only node that reads it.

    None if several nodes read it, if it is not their first input, or if it is an output.
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
    """Whether a node can be given zero weights for more channels."""
    return reader.op_type in LAYERS and _groups(reader) == 1


def _cut(model: ModelProto, value: str, width: int) -> None:
    """Cut a tensor to its first channels."""
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
    """Add zeros to an input of a layer: how many on each of its first axes.

    The layer gets a copy, because another layer may share the original.
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
    """The outputs of a layer, or of each of its groups. A Gemm has transB here."""
    return int(_tensor(model, layer.input[1]).dims[0]) // _groups(layer)


def _groups(layer: NodeProto) -> int:
    return next((int(one.i) for one in layer.attribute if one.name == "group"), 1)
