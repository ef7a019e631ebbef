"""What a graph holds and computes, as `zoo.graphs.cost` counts it: known without onnx."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeCost:
    """What one node holds and computes."""

    parameters: int
    bytes: int  # of its parameters, as the file stores them
    macs: int | None  # of one image; None where a shape or the operator does not tell


@dataclass(frozen=True)
class GraphCost:
    """What a file holds and computes."""

    opset: int  # of the default domain
    parameters: int
    macs: int | None  # of one image; None where a shape or an operator does not tell
    # What convolutions and matrix products compute in, most multiply-adds first: `int8`, `fp32`
    precisions: tuple[str, ...]

    @property
    def precision(self) -> str:
        """The same in a word, `int8+fp32`; empty where there is no product that tells."""
        return "+".join(self.precisions)
