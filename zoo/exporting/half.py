"""Convert a graph to fp16 weights and activations; pixels and logits keep their types."""

import warnings
from collections.abc import Sequence

import onnx

from zoo.graphs.padding import LAYERS
from zoo.ort.providers import load_onnxruntime

_HALF = ".half"


def to_half(model: onnx.ModelProto, in_float: Sequence[str] = ()) -> onnx.ModelProto:
    """A copy of an fp32 model that computes in fp16; input and output keep their types.

    in_float: nodes that stay in fp32, the first of the graph's layers. Everything else before the
    next layer stays in fp32, too, so that values are rounded to fp16 only once.
    """
    if not in_float:
        return _halved(model)
    inferred = onnx.shape_inference.infer_shapes(model)
    nodes = list(inferred.graph.node)
    cut = _behind(nodes, in_float)
    made = {name for node in nodes[:cut] for name in node.output}
    crossing = dict.fromkeys(name for node in nodes[cut:] for name in node.input if name in made)
    rest = onnx.utils.Extractor(inferred).extract_model(
        list(crossing), [output.name for output in model.graph.output]
    )
    return _joined(inferred, nodes[:cut], _halved(rest))


def _behind(nodes: Sequence[onnx.NodeProto], layers: Sequence[str]) -> int:
    """The index of the layer that follows these."""
    places = [place for place, node in enumerate(nodes) if node.op_type in LAYERS]
    if [nodes[place].name for place in places[: len(layers)]] != list(layers):
        raise AssertionError(f"{', '.join(layers)}: not the first layers of the graph, in order")
    return places[len(layers)]


def _joined(
    model: onnx.ModelProto, first: list[onnx.NodeProto], half: onnx.ModelProto
) -> onnx.ModelProto:
    """The model: these nodes in fp32, followed by the rest in fp16."""
    needed = {name for node in first for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    shared = {tensor.name for tensor in kept}
    for tensor in half.graph.initializer:
        if tensor.name in shared:  # such as the limits of a ReLU6
            tensor.name += _HALF
    for node in half.graph.node:
        node.input[:] = [name + _HALF if name in shared else name for name in node.input]
    # The converter puts the casts of what goes over behind all the rest.
    given = {name for node in first for name in node.output}
    casts = [node for node in half.graph.node if given.intersection(node.input)]
    rest = [node for node in half.graph.node if node not in casts]
    joined = onnx.ModelProto()
    joined.CopyFrom(model)
    for field in ("node", "initializer", "value_info"):
        joined.graph.ClearField(field)
    joined.graph.node.extend([*first, *casts, *rest])
    joined.graph.initializer.extend([*kept, *half.graph.initializer])
    return joined


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    load_onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with warnings.catch_warnings():
        # Weights too small for fp16: the gate measures what is lost.
        warnings.simplefilter("ignore")
        half: onnx.ModelProto = convert_float_to_float16(copy, keep_io_types=True)
    # It puts the cast of a float input behind all the rest.
    given = {value.name for value in half.graph.input}
    nodes = sorted(half.graph.node, key=lambda node: not given.issuperset(node.input))
    half.graph.ClearField("node")
    half.graph.node.extend(nodes)
    return half
