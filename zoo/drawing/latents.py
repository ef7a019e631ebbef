"""A map of latents: which classes have a look of their own, and in which order images are drawn."""

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
    """The mark of an image: a filled circle, or an open square."""

    slot: int | None  # of its colour; None for the small grey one of classes without a look
    filled: bool = True


OTHERS = Look(None)


def looks(projection: Projection) -> dict[int, Look]:
    """The look of each class that has its own: of many classes, those that lie furthest out."""
    there = np.unique(projection.labels).tolist()
    middles = {label: projection.points[projection.labels == label].mean(axis=0) for label in there}
    outmost = sorted(there, key=lambda label: -math.hypot(*middles[label]))
    chosen = sorted(outmost[:MOST_COLOURED])
    return {label: Look(at % COLOURS, at < COLOURS) for at, label in enumerate(chosen)}


def layers(projection: Projection) -> Iterator[tuple[Look, NDArray[np.int64]]]:
    """Indices of images with their look, in the order to draw them.

    In layers, so that no class hides what lies under it; others first, for they matter least.
    """
    of_class = looks(projection)
    for layer in np.array_split(np.arange(len(projection.labels)), _LAYERS):
        labels = projection.labels[layer]
        yield OTHERS, layer[~np.isin(labels, list(of_class))]
        for label, look in of_class.items():
            yield look, layer[labels == label]


def legend(projection: Projection) -> list[tuple[Look, str]]:
    """Each look, and the class that has it."""
    of_class = looks(projection)
    said = [(look, projection.classes[label]) for label, look in of_class.items()]
    others = len(np.unique(projection.labels)) - len(of_class)
    return [*said, (OTHERS, f"{others} other classes")] if others else said
