"""Dead units: channels, or values of a vector, that are 0 for every image."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.actions.layers import Inside, Tensor, open_inside
from zoo.actions.opening import OpenedSource, Source
from zoo.actions.shown_image import test_images
from zoo.data.dataset import Dataset
from zoo.inspection.inspector import Inspector
from zoo.progress import Progress

_BYTES = 4 << 30  # bytes of tensors to search; a third-party file's go through files
_CALL_BYTES = 64 << 20
_MOST = 32  # images per call


@dataclass(frozen=True)
class Units:
    """The share of each layer's units that are 0 in every image."""

    dead: dict[str, float]  # by the layer's name
    images: int


def dead_in_one(inside: Inside, image_shape: tuple[int, ...]) -> Units:
    """Dead units for the one image that was shown."""
    dead = {name: _share(_alive(value[None], image_shape)) for name, value in inside.values.items()}
    return Units(dead, 1)


def dead_in_data(
    source: Source,
    opened: OpenedSource,
    inspector: Inspector,
    inside: Inside,
    data: Dataset,
    sample: int,
    progress: Progress,
) -> Units:
    """Dead units over the first test images; fewer than requested if the layers are very large."""
    each = max(1, sum(value.nbytes for value in inside.values.values()))
    images = min(sample, len(data.test), max(1, _BYTES // each))
    signature = opened.signature
    batch = signature.batch or min(_MOST, max(1, _CALL_BYTES // each))
    alive: dict[str, NDArray[np.bool_]] = {}
    with ExitStack() as stack:
        session, anatomy = open_inside(stack, source, inspector)
        names = [output.name for output in session.outputs]
        advance = stack.enter_context(progress.task("looking for dead units", images))
        for start in range(0, images, batch):
            shows = test_images(data, signature, slice(start, min(start + batch, images)))
            count = len(shows)
            filled = np.resize(shows, (batch, *shows.shape[1:])) if signature.batch else shows
            given = dict(zip(names, session.run(signature.prepare(filled)), strict=True))
            for layer in anatomy.layers:
                values = given[layer.tensor]
                whole = values.ndim and len(values) % len(filled) == 0
                rows = values if whole else values[None]
                found = _alive(rows, signature.image_shape)
                alive[layer.name] = alive.get(layer.name, np.zeros_like(found)) | found
            advance(count)
    return Units({name: _share(found) for name, found in alive.items()}, images)


def _alive(values: Tensor, image_shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which units of [images, ...] are not 0 somewhere."""
    axis = {2: 1, 4: 1, 5: 2}.get(values.ndim, values.ndim - 1)
    if values.shape[1:] == image_shape:  # channels behind rows and columns
        axis = values.ndim - 1
    others = tuple(at for at in range(values.ndim) if at != axis)
    found: NDArray[np.bool_] = (values != 0).any(axis=others)
    return np.atleast_1d(found)


def _share(alive: NDArray[np.bool_]) -> float:
    return float((~alive).mean()) if alive.size else 0.0
