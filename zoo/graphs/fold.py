"""Fold batch normalisation into neighbouring layers, for files whose weights change anyway."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnxscript import optimizer

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """What a batch normalisation does to channel c: gain[c] * x + shift[c]."""

    gain: Numbers
    shift: Numbers


def fold_norms(model: ir.Model) -> ir.Model:
    """A copy without BatchNormalization nodes, equal except for rounding.

    One after a Conv or Gemm is folded into its weights; also with a MaxPool in between if every
    gain is positive, because the largest value stays the largest. One before a Gemm is folded into
    that. The rest (before a padded Conv, whose zeros would change) become a Mul and an Add.
    """
    model = model.clone()
    for node in [node for node in model.graph if node.op_type == "BatchNormalization"]:
        affine = _affine(node)
        source, target = _layer_before(node, affine), _gemm_after(node)
        if source is not None:
            _into_layer_before(source, affine)
            _bypass(node)
        elif target is not None:
            _into_gemm_after(target, affine)
            _bypass(node)
        else:
            _as_mul_and_add(node, affine, model.graph)
    optimizer.remove_unused_nodes(model)
    return model


def _affine(node: ir.Node) -> Affine:
    weight, bias, mean, variance = (_numbers(value) for value in node.inputs[1:5])
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    gain = weight / np.sqrt(variance + epsilon)
    return Affine(gain, bias - mean * gain)


def _layer_before(node: ir.Node, affine: Affine) -> ir.Node | None:
    """The Conv or Gemm whose result is used only by the normalisation."""
    source = _only_producer(node)
    if source is not None and source.op_type == "MaxPool" and (affine.gain > 0).all():
        source = _only_producer(source)
    return source if source is not None and source.op_type in ("Conv", "Gemm") else None


def _only_producer(node: ir.Node) -> ir.Node | None:
    """The producer of the first input, if nothing else reads it."""
    value = node.inputs[0]
    return value.producer() if value is not None and len(value.uses()) == 1 else None


def _gemm_after(node: ir.Node) -> ir.Node | None:
    """The only Gemm after it, directly or through a Reshape that flattens each image."""
    after = _only_consumer(node)
    if after is not None and after.op_type == "Reshape":
        after = _only_consumer(after)
    return after if after is not None and after.op_type == "Gemm" else None


def _only_consumer(node: ir.Node) -> ir.Node | None:
    value = node.outputs[0]
    consumers = list(value.consumers())
    return consumers[0] if len(consumers) == 1 and not value.is_graph_output() else None


def _into_layer_before(layer: ir.Node, affine: Affine) -> None:
    weight = _numbers(layer.inputs[1])  # [outputs, ...]: Gemm is written with transB
    bias = _numbers(layer.inputs[2]) if len(layer.inputs) > 2 else np.zeros(len(weight))
    gain = affine.gain.reshape(-1, *(1,) * (weight.ndim - 1))
    _set_weights(layer, weight * gain, bias * affine.gain + affine.shift)


def _into_gemm_after(gemm: ir.Node, affine: Affine) -> None:
    weight = _numbers(gemm.inputs[1])
    bias = _numbers(gemm.inputs[2]) if len(gemm.inputs) > 2 else np.zeros(len(weight))
    spread = weight.shape[1] // len(affine.gain)  # pixels a channel, where maps were flattened
    gain, shift = np.repeat(affine.gain, spread), np.repeat(affine.shift, spread)
    _set_weights(gemm, weight * gain, bias + weight @ shift)


def _set_weights(layer: ir.Node, weight: Numbers, bias: Numbers) -> None:
    graph = layer.graph
    if graph is None or layer.name is None:
        raise AssertionError("a layer outside of a graph")
    if len(layer.inputs) < 3:
        layer.resize_inputs(3)
    for position, name, numbers in ((1, "weight", weight), (2, "bias", bias)):
        layer.replace_input_with(position, _initializer(graph, f"{layer.name}.{name}", numbers))


def _as_mul_and_add(node: ir.Node, affine: Affine, graph: ir.Graph) -> None:
    rank = len(node.inputs[0].shape or ()) if node.inputs[0] is not None else 0
    shape = (-1, *(1,) * (rank - 2))
    gain = _initializer(graph, f"{node.name}.gain", affine.gain.reshape(shape))
    shift = _initializer(graph, f"{node.name}.shift", affine.shift.reshape(shape))
    scaled = ir.node("Mul", [node.inputs[0], gain], name=f"{node.name}.mul")
    moved = ir.node("Add", [scaled.outputs[0], shift], name=f"{node.name}.add")
    scaled.outputs[0].name, moved.outputs[0].name = f"{node.name}.mul", f"{node.name}.add"
    graph.insert_before(node, [scaled, moved])
    node.outputs[0].replace_all_uses_with(moved.outputs[0], replace_graph_outputs=True)


def _bypass(node: ir.Node) -> None:
    value = node.inputs[0]
    if value is None:
        raise AssertionError("a normalisation of nothing")
    node.outputs[0].replace_all_uses_with(value, replace_graph_outputs=True)


def _initializer(graph: ir.Graph, name: str, numbers: Numbers) -> ir.Value:
    tensor = ir.tensor(numbers.astype(np.float32), name=name)
    value = ir.Value(
        name=name,
        type=ir.TensorType(ir.DataType.FLOAT),
        shape=ir.Shape(numbers.shape),
        const_value=tensor,
    )
    if name in graph.initializers:  # a layer that takes in one normalisation before and one behind
        graph.initializers.pop(name)
    graph.register_initializer(value)
    return value


def _numbers(value: ir.Value | None) -> Numbers:
    if value is None or value.const_value is None:
        raise AssertionError("a parameter that is not a constant")
    return value.const_value.numpy().astype(np.float64)
