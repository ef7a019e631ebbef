"""What there is to look at inside of a graph, as plain values: `zoo.graphs.layers` finds it."""

from dataclasses import dataclass

CONVOLUTION, LINEAR = "convolution", "linear"


@dataclass(frozen=True)
class Layer:
    """One step of the flow."""

    name: str  # as the graph calls it, without clutter; no two layers share one
    tensor: str  # the one that it gives, as the graph calls it
    operator: str  # of ONNX, such as Conv
    kind: str  # in words
    parameters: int


@dataclass(frozen=True)
class Filters:
    """The weights of the first layer that looks at the image: one filter for each of its units."""

    layer: str
    tensor: str  # that holds them
    kind: str  # CONVOLUTION or LINEAR
    units_last: bool  # whether a column is a unit, and not a row


@dataclass(frozen=True)
class Anatomy:
    """What can be looked at inside of a graph."""

    layers: tuple[Layer, ...]
    filters: Filters | None  # None where no layer has such weights
