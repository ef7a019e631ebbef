"""The cost of a graph as plain values, without importing onnx; `zoo.graphs.cost` counts it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeCost:
    """The parameters and computations of one node."""

    parameters: int
    bytes: int  # of its parameters, as the file stores them
    macs: int | None  # of one image; None where a shape or the operator does not tell


@dataclass(frozen=True)
class GraphCost:
    """The parameters and computations of a file."""

    opset: int  # of the default domain
    parameters: int
    macs: int | None  # of one image; None where a shape or an operator does not tell
    # What convolutions and matrix products compute in, most multiply-adds first: `int8`, `fp32`
    precisions: tuple[str, ...]

    @property
    def precision(self) -> str:
        """The number formats in a word, `int8+fp32`; empty if there is no product."""
        return "+".join(self.precisions)
