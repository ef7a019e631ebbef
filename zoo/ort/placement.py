"""Which nodes of an ONNX graph compute on the pixels, and which only on shapes and weights.

A GPU provider rightly leaves arithmetic on shapes to the CPU, and CUDA's also leaves the biases of
an int8 file there, which are int32. Any other node that runs on another provider than the requested
one is a silent fallback.
"""

from dataclasses import dataclass
from pathlib import Path

_SHAPE_OPS = ("Shape", "Size")


@dataclass(frozen=True)
class ShapeNodes:
    """The nodes that do not depend on the values of any input."""

    names: frozenset[str]  # of those that have one
    unnamed: frozenset[str]  # operators whose unnamed nodes all belong here

    def holds(self, name: str, operator: str) -> bool:
        """Whether a node that onnxruntime placed is one of them."""
        return name in self.names if name else operator in self.unnamed


def shape_nodes(model: Path | bytes) -> ShapeNodes:
    """Follow the values of the inputs through a graph; nodes not reached compute on shapes."""
    import onnx

    graph = (
        onnx.load_from_string(model)
        if isinstance(model, bytes)
        else onnx.load(model, load_external_data=False)
    ).graph
    constants = {tensor.name for tensor in graph.initializer}
    reached = {value.name for value in graph.input if value.name not in constants}
    free: set[tuple[str, str]] = set()
    computing: set[tuple[str, str]] = set()
    for node in graph.node:
        key = (node.name, "" if node.name else node.op_type)
        # A subgraph sees the outer values without naming them as its node's inputs.
        has_subgraph = any(attribute.HasField("g") for attribute in node.attribute)
        if node.op_type not in _SHAPE_OPS and (has_subgraph or reached.intersection(node.input)):
            reached.update(node.output)
            computing.add(key)
        else:
            free.add(key)
    kept = free - computing
    return ShapeNodes(
        frozenset(name for name, _ in kept if name),
        frozenset(operator for name, operator in kept if not name),
    )
