"""Taps: a copy of a graph with tensors between its layers as additional outputs.

The type and shape of a tapped tensor are not declared. ONNX Runtime infers both, in every opset and
IR version. The copy is only for ONNX Runtime, because `onnx.checker` requires types; and nodes that
are fused in the original may run one by one in the copy.
"""

from collections.abc import Iterable

from onnx import ModelProto, ValueInfoProto

from zoo.errors import ZooError


def with_taps(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy that appends these tensors to its outputs, in order and each once."""
    given = [output.name for output in model.graph.output]
    copy = _copy(model)
    copy.graph.output.extend(_taps(model, [name for name in names if name not in given]))
    return copy


def only_taps(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy that outputs only these tensors, in order and each once."""
    copy = _copy(model)
    del copy.graph.output[:]
    copy.graph.output.extend(_taps(model, names))
    return copy


def tensors(model: ModelProto) -> list[str]:
    """Every tensor that can be tapped: inputs, weights and node outputs, in that order.

    Tensors of inner graphs (of If, Loop or Scan) do not count: they exist only while their node
    runs.
    """
    graph = model.graph
    stored = (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer))
    given = [value.name for value in (*graph.input, *stored)]
    given += [name for node in graph.node for name in node.output if name]
    return list(dict.fromkeys(given))


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _taps(model: ModelProto, names: Iterable[str]) -> list[ValueInfoProto]:
    known = set(tensors(model))
    taps = []
    for name in dict.fromkeys(names):
        if name not in known:
            raise ZooError(f"the graph has no tensor {name!r} that can be looked at.")
        taps.append(ValueInfoProto(name=name))
    return taps
