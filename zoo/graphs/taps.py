"""Taps: a copy of a graph that also gives tensors from between its layers.

Neither type nor shape of a tapped tensor is stated. ONNX Runtime infers both, in every opset and IR
version, whether or not the file states them. The copy is for ONNX Runtime alone, as `onnx.checker`
wants types; and nodes that are fused in the original may run one by one in the copy.
"""

from collections.abc import Iterable

from onnx import ModelProto, ValueInfoProto

from zoo.errors import ZooError


def with_taps(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy that gives these tensors behind its own outputs, in order and each once."""
    given = [output.name for output in model.graph.output]
    copy = _copy(model)
    copy.graph.output.extend(_taps(model, [name for name in names if name not in given]))
    return copy


def only_taps(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy that gives these tensors alone, in order and each once."""
    copy = _copy(model)
    del copy.graph.output[:]
    copy.graph.output.extend(_taps(model, names))
    return copy


def tensors(model: ModelProto) -> list[str]:
    """Every tensor that can be tapped: inputs, weights, and what the nodes give, in that order.

    Those of inner graphs (of If, Loop or Scan) are none: they exist only while their node runs.
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
