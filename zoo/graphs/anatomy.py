"""The layers of a graph as plain values; `zoo.graphs.layers` finds them."""

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
    takes: tuple[str, ...] = ()  # the layers whose tensors it computes on, by name
    macs: int | None = 0  # multiply-adds for one image; None where its shapes do not tell
    bytes: int = 0  # bytes of its parameters, as stored in the file
    folds_into: str = ""  # for a normalisation: the layer before it that can absorb it


@dataclass(frozen=True)
class LayerTime:
    """The time that ONNX Runtime took for one layer."""

    layer: str  # its name
    us: float  # 0 where it is computed in one step with another
    # That other layer, whose time is of both; itself where it has steps of its own; "" where the
    # runtime has no step for it.
    step_of: str


@dataclass(frozen=True)
class LayerTimes:
    """Where the time of one call goes, in microseconds."""

    layers: tuple[LayerTime, ...]  # in order of flow
    between: float  # moving, casting and rounding, which is of no layer
    unknown: float  # steps of the runtime that do not tell what they came from
    calls: int  # that these are the medians of
    threads: int

    @property
    def total(self) -> float:
        """The time of all steps."""
        return sum(one.us for one in self.layers) + self.between + self.unknown

    def share(self, us: float) -> float:
        """A part of the total, 0..1."""
        return us / self.total if self.total else 0.0


@dataclass(frozen=True)
class Filters:
    """The weights of the first layer that looks at the image: one filter for each of its units."""

    layer: str
    tensor: str  # that holds them
    kind: str  # CONVOLUTION or LINEAR
    units_last: bool  # whether a column is a unit, and not a row


@dataclass(frozen=True)
class Anatomy:
    """What can be looked at inside a graph."""

    layers: tuple[Layer, ...]
    filters: Filters | None  # None where no layer has such weights
