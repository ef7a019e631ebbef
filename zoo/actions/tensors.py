"""Compare the tensors between the layers of two models, over many images, in bounded memory."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.actions.layers import Tensor
from zoo.data.dataset import Images
from zoo.drawing.differences import LayerDifference, LoneLayer
from zoo.graphs.anatomy import Anatomy, Layer
from zoo.graphs.matching import Alone, Matching, Pair, Place, match
from zoo.ort.session import Opened
from zoo.ort.signature import Signature

_MEMORY = 64 << 20  # bytes of tensors that are held at a time
_MOST = 64  # images per call
_FEW = 2  # images that show the shapes: more than one, to tell which axis is that of images


@dataclass(frozen=True)
class Tapped:
    """A model that gives its layers."""

    session: Opened
    anatomy: Anatomy
    signature: Signature

    def run(self, images: Images) -> dict[str, Tensor]:
        """By layer: [N, ...] for N images."""
        size = self.signature.batch or len(images)
        calls = [self._call(images[at : at + size], size) for at in range(0, len(images), size)]
        return {
            layer.name: np.concatenate([call[layer.name] for call in calls])
            for layer in self.anatomy.layers
        }

    def _call(self, images: Images, size: int) -> dict[str, Tensor]:
        """Run a call filled up to a batch size, and drop the surplus."""
        filled = np.resize(images, (size, *images.shape[1:]))
        names = [output.name for output in self.session.outputs]
        given = dict(zip(names, self.session.run(self.signature.prepare(filled)), strict=True))
        return {
            layer.name: _by_image(given[layer.tensor], size)[: len(images)]
            for layer in self.anatomy.layers
        }


def _by_image(value: Tensor, size: int) -> Tensor:
    """Move the image axis first: a batch may hold several views of all images, in turn."""
    if value.ndim and len(value) == size:
        return value
    if value.ndim and len(value) and len(value) % size == 0:
        return np.moveaxis(value.reshape(-1, size, *value.shape[1:]), 1, 0)
    return np.broadcast_to(value, (size, *value.shape))


@dataclass
class _Sums:
    """Running sums over all images for a pair of layers."""

    count: int = 0
    at: float = 0.0  # near the mean, so that squares keep their digits
    values: float = 0.0
    squares: float = 0.0
    highest: float = 0.0
    errors: float = 0.0  # squared
    largest: float = 0.0
    broken: bool = False  # whether only one holds values that are not numbers

    def add(self, a: NDArray[Any], b: NDArray[Any]) -> None:
        wide, other = a.astype(np.float64), b.astype(np.float64)
        finite = np.isfinite(wide)
        same = (wide == other) | (np.isnan(wide) & np.isnan(other))
        both = finite & np.isfinite(other)
        self.broken |= bool((~same & ~both).any())
        apart = np.abs(np.subtract(other, wide, out=np.zeros_like(wide), where=both & ~same))
        kept = wide[finite]
        if not self.count and kept.size:
            self.at = float(kept.mean())
        self.count += wide.size
        self.values += float((kept - self.at).sum())
        self.squares += float(np.square(kept - self.at).sum())
        self.highest = max(self.highest, float(np.abs(kept).max(initial=0)))
        self.errors += float(np.square(apart).sum())
        self.largest = max(self.largest, float(apart.max(initial=0)))

    @property
    def spread(self) -> float:
        """The standard deviation; for a constant tensor its absolute value, or 1."""
        mean = self.values / self.count
        varies = math.sqrt(max(0.0, self.squares / self.count - mean**2))
        return varies or self.highest or 1.0

    @property
    def error(self) -> float:
        return math.inf if self.broken else math.sqrt(self.errors / self.count) / self.spread


@dataclass(frozen=True)
class Found:
    """The comparison of the layers of both models."""

    layers: tuple[LayerDifference, ...]
    alone: tuple[LoneLayer, ...]
    types: frozenset[str] = field(default_factory=frozenset)  # the numpy types of their tensors


def measure(
    a: Tapped,
    b: Tapped,
    count: int,
    take: Callable[[range], Images],
    advance: Callable[[int], object],
) -> Found:
    """Compare the layers of two models over images 0 to count. take: returns a range of them."""
    few = take(range(min(_FEW, count)))
    sides = [(tapped, tapped.run(few)) for tapped in (a, b)]
    places_a, places_b = (_places(tapped.anatomy, values) for tapped, values in sides)
    matching = match(list(places_a.values()), list(places_b.values()))
    held = sum(value.nbytes for _, values in sides for value in values.values()) // len(few)
    size = max(1, min(_MOST, _MEMORY // max(1, held)))
    sums = {pair.a: _Sums() for pair in matching.pairs}
    for start in range(0, count if sums else 0, size):
        some = range(start, min(start + size, count))
        images = take(some)
        given_a, given_b = a.run(images), b.run(images)
        for pair in matching.pairs:
            one, other = given_a[pair.a], given_b[pair.b]
            sums[pair.a].add(*_cut(one, other, places_a[pair.a], places_b[pair.b]))
        advance(len(some))
    return Found(
        _differences(matching, places_a, sums),
        (*_lone("A", matching.only_a, places_a), *_lone("B", matching.only_b, places_b)),
        frozenset(value.dtype.name for _, values in sides for value in values.values()),
    )


def _places(anatomy: Anatomy, values: dict[str, Tensor]) -> dict[str, Place]:
    return {
        layer.name: Place(
            layer, values[layer.name].shape[1:], values[layer.name].dtype.kind in "iu"
        )
        for layer in anatomy.layers
    }


def _cut(a: Tensor, b: Tensor, of_a: Place, of_b: Place) -> tuple[Tensor, Tensor]:
    """Bring both to one shape: padding is at the end, and is left out."""
    a, b = a.reshape(len(a), *of_a.sides), b.reshape(len(b), *of_b.sides)
    if of_a.sides == of_b.sides:
        return a, b
    width = min(of_a.sides[0], of_b.sides[0])
    return a[:, :width], b[:, :width]


def _differences(
    matching: Matching, places: dict[str, Place], sums: dict[str, _Sums]
) -> tuple[LayerDifference, ...]:
    errors = {name: found.error for name, found in sums.items()}
    return tuple(
        _difference(pair, places[pair.a], sums[pair.a], _before(pair, places, errors))
        for pair in matching.pairs
    )


def _difference(pair: Pair, place: Place, found: _Sums, before: float) -> LayerDifference:
    broken = math.inf if found.broken else found.largest / found.spread
    added = 0.0 if found.error == before else found.error - before
    return LayerDifference(
        name=pair.a,
        other=pair.b,
        kind=place.layer.kind,
        operator=place.layer.operator,
        shape=place.shape,
        matched=pair.how,
        note=pair.note,
        error=found.error,
        added=added,
        largest=broken,
        spread=found.spread,
    )


def _before(pair: Pair, places: dict[str, Place], errors: dict[str, float]) -> float:
    """The largest error among the nearest layers before it that were compared."""
    largest, seen, waiting = 0.0, set[str](), list(places[pair.a].layer.takes)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in errors:
            largest = max(largest, errors[name])
        else:
            waiting += places[name].layer.takes
    return largest


def _lone(model: Any, alone: Iterable[Alone], places: dict[str, Place]) -> Sequence[LoneLayer]:
    layers: dict[str, Layer] = {name: place.layer for name, place in places.items()}
    return [
        LoneLayer(model, one.name, layers[one.name].kind, places[one.name].shape, one.reason)
        for one in alone
    ]
