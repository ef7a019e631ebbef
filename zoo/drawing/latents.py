"""A map of latents: which classes get their own mark, and the order of drawing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.drawing.projection import Projection

# Classes that can be told apart: each colour filled, then each open.
COLOURS = 6
MOST_COLOURED = 2 * COLOURS
_LAYERS = 10


@dataclass(frozen=True)
class Look:
    """The marker of an image: a filled circle, or an open square."""

    slot: int | None  # the slot of its colour; None for the small grey marker of other classes
    filled: bool = True


OTHERS = Look(None)


def looks(projection: Projection) -> dict[int, Look]:
    """The marker of each class that has its own: with many classes, the outermost ones."""
    there = np.unique(projection.labels).tolist()
    middles = {label: projection.points[projection.labels == label].mean(axis=0) for label in there}
    outmost = sorted(there, key=lambda label: -math.hypot(*middles[label]))
    chosen = sorted(outmost[:MOST_COLOURED])
    return {label: Look(at % COLOURS, at < COLOURS) for at, label in enumerate(chosen)}


def layers(projection: Projection) -> Iterator[tuple[Look, NDArray[np.int64]]]:
    """Indices of images with their marker, in drawing order.

    They are drawn in layers, so that no class hides the others; the remaining classes come first.
    """
    of_class = looks(projection)
    for layer in np.array_split(np.arange(len(projection.labels)), _LAYERS):
        labels = projection.labels[layer]
        yield OTHERS, layer[~np.isin(labels, list(of_class))]
        for label, look in of_class.items():
            yield look, layer[labels == label]


def legend(projection: Projection) -> list[tuple[Look, str]]:
    """Each marker with its class."""
    of_class = looks(projection)
    said = [(look, projection.classes[label]) for label, look in of_class.items()]
    others = len(np.unique(projection.labels)) - len(of_class)
    return [*said, (OTHERS, f"{others} other classes")] if others else said
