"""The findings of `diff` as plain values, for the page and the table."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.graphs.matching import How
from zoo.intervals import Accuracy, Lost

MOST_EXAMPLES = 20


@dataclass(frozen=True)
class LayerDifference:
    """A layer that both models have, and how far B's tensor is from A's over all images."""

    name: str  # as A calls it
    other: str  # as B calls it
    kind: str  # in words
    operator: str  # of ONNX, in A
    shape: tuple[int, ...]  # in A, for one image
    matched: How  # `name`, `place`, or `folded`: B's holds the normalisation that is A's
    note: str  # what is folded or cut off before they are compared, in words
    # The root mean square of B - A as a share of the spread; infinite where either holds what is no
    # number and the other does not
    error: float
    added: float  # the error less the largest one among the layers that it takes
    largest: float  # the largest |B - A|, as a share of the spread
    spread: float  # the standard deviation of A's tensor

    @property
    def finite(self) -> bool:
        """Whether its error is a number."""
        return math.isfinite(self.error)


@dataclass(frozen=True)
class LoneLayer:
    """A layer of one model without a counterpart in the other."""

    model: Literal["A", "B"]
    name: str
    kind: str  # in words
    shape: tuple[int, ...]  # for one image
    reason: str


@dataclass(frozen=True)
class ChangedImage:
    """An image that the two models give different classes."""

    index: int  # its number in the test set, or its position among the given images
    name: str  # in words
    truth: str  # its class; "" where that is unknown
    a: str  # the class that A gives it
    b: str  # likewise of B


@dataclass(frozen=True)
class Effect:
    """How the differences change the answers of the files themselves."""

    images: int
    changed: int  # images that get another class
    examples: tuple[ChangedImage, ...]  # the first of them
    accuracy_a: Accuracy | None  # None where the classes of the images are unknown
    accuracy_b: Accuracy | None
    lost: Lost | None  # from A to B


@dataclass(frozen=True)
class Diff:
    """Where two models first differ, layer by layer, and how that changes their answers."""

    a: str  # what A is
    b: str
    origin: str  # which images
    bound: float  # on the error of each layer
    why: str  # where the bound comes from
    layers: tuple[LayerDifference, ...]  # in order of flow
    alone: tuple[LoneLayer, ...]  # layers that could not be compared
    effect: Effect
    page: Path

    @property
    def first(self) -> LayerDifference | None:
        """The first layer whose error is above the bound, or None."""
        return next((layer for layer in self.layers if not layer.error <= self.bound), None)

    @property
    def worst(self) -> LayerDifference:
        """The layer that adds most."""
        return max(self.layers, key=lambda layer: layer.added)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values; an error that is not a number is null."""
        known = {"page": str(self.page), "first": self.first.name if self.first else None}
        found: dict[str, Any] = _finite(asdict(self) | known)
        return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def percent(share: float) -> str:
    """`4.3%`, `1.2e-05%`, `1,180%`; or "not a number"."""
    if not math.isfinite(share):
        return "not a number"
    return f"{100 * share:,.0f}%" if abs(share) >= 10 else f"{100 * share:.3g}%"


def verdict(made: Diff) -> str:
    """The first layer above the bound, in words."""
    bound = f"{percent(made.bound)} ({made.why})"
    first = made.first
    if first is None:
        return f"no layer is above {bound}"
    beyond = sum(not layer.error <= made.bound for layer in made.layers)
    more = f"; {beyond} of {len(made.layers)} layers are" if beyond > 1 else ""
    return f"{first.name} is the first above {bound}: {percent(first.error)}{more}"


def answers(effect: Effect) -> list[str]:
    """How the differences change the answers, in words."""
    said = [f"{effect.changed:,} of {effect.images:,} images get another class"]
    if effect.accuracy_a is not None:
        said += [f"accuracy of A {effect.accuracy_a}", f"accuracy of B {effect.accuracy_b}"]
        said.append(f"lost from A to B {effect.lost}")
    return said
