"""The cost of a graph as plain values, without importing onnx; `zoo.graphs.cost` counts it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeCost:
    """The parameters and computations of one node."""

    parameters: int
    bytes: int  # bytes of its parameters, as stored in the file
    macs: int | None  # for one image; None if a shape is unknown or the operator is


@dataclass(frozen=True)
class GraphCost:
    """The parameters and computations of a file."""

    opset: int  # of the default domain
    parameters: int
    macs: int | None  # for one image; None if a shape is unknown or an operator is
    # Formats of convolutions and matrix products, most multiply-adds first: `int8`, `fp32`
    precisions: tuple[str, ...]

    @property
    def precision(self) -> str:
        """The number formats in a word, `int8+fp32`; empty if there is no product."""
        return "+".join(self.precisions)
