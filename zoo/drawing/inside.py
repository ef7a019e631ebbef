"""What a page and a plot show of a model's layers, as plain values, and how it is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.dataset import Images

Tensor = NDArray[Any]
MOST_FILTERS = 64
RULE = "those with the largest mean absolute value, strongest first"


@dataclass(frozen=True)
class Statistics:
    """Statistics of all values of a tensor."""

    mean: float
    std: float
    low: float
    high: float
    zeros: float  # a share, 0..1

    @classmethod
    def of(cls, values: Tensor) -> "Statistics":
        """Those of the finite ones; of none, zeros."""
        wide = values.astype(np.float64)
        wide = wide[np.isfinite(wide)]
        if not wide.size:
            return cls(0.0, 0.0, 0.0, 0.0, 0.0)
        parts = (wide.mean(), wide.std(), wide.min(), wide.max(), (wide == 0).mean())
        return cls(*map(float, parts))


@dataclass(frozen=True)
class Step:
    """One layer and its output."""

    name: str
    kind: str
    operator: str
    parameters: int
    values: Tensor  # without the axis of the batch
    image_last: bool = False  # whether its channels stand behind its rows and columns
    macs: int | None = 0  # multiply-adds for one image; None where its shapes do not tell
    bytes: int = 0  # of its parameters
    takes: tuple[str, ...] = ()  # the layers whose tensors it computes on, by name
    share: float | None = None  # of the time; None: unknown, or in that of another layer
    step_of: str = ""  # that other layer
    dead: float | None = None  # share of its units that are always 0
    folded: tuple[str, ...] = ()  # layers of the fp32 file that are one step with it in this one

    @property
    def shape(self) -> str:
        """`64x32x32`, as the file has it."""
        return "x".join(map(str, self.values.shape)) or "one number"

    def maps(self, most: int) -> tuple[NDArray[np.float32], tuple[int, ...]] | None:
        """The strongest channels as maps [n, height, width], and their indices; None for a vector.

        If there are several views of the image, the first is shown.
        """
        values = self._channels()
        if values is None:
            return None
        strength = np.abs(values).mean(axis=(1, 2))
        chosen = np.argsort(-strength, kind="stable")[:most]
        return values[chosen], tuple(map(int, chosen))

    @property
    def channels(self) -> int:
        """How many maps there are; 0 for a vector."""
        values = self._channels()
        return 0 if values is None else len(values)

    def _channels(self) -> NDArray[np.float32] | None:
        """All maps [channels, height, width]."""
        values = np.nan_to_num(self.values.astype(np.float32))
        if self.image_last:
            values = np.moveaxis(values, -1, 0)
        if values.ndim == 4:
            values = values[0]
        if values.ndim == 2:
            values = values[None]
        if values.ndim != 3 or not values.size or values.shape[1:] == (1, 1):
            return None
        return values

    def vector(self) -> NDArray[np.float32] | None:
        """The values of a vector; None if there is more than one axis."""
        values = np.nan_to_num(self.values.astype(np.float32))
        long = [side for side in values.shape if side != 1]
        return values.reshape(-1) if len(long) <= 1 else None


@dataclass(frozen=True)
class View:
    """Everything that is shown of a model and, if there is one, its image."""

    title: str
    origin: str  # which image of what, in words; "" where none was asked for
    image: Images | None  # likewise
    truth: str  # its class, where that is known
    guesses: Sequence[tuple[str, float]]  # classes and probabilities, the likeliest first
    steps: Sequence[Step]
    left_out: int  # further layers, which are not drawn
    filters: NDArray[np.uint8] | None  # images [n, height, width, 1 or 3]
    filters_of: str  # the layer's name
    filters_count: int
    # [rows, columns]: what covering each part of the image costs the likeliest class
    saliency: NDArray[np.float32] | None
    classes: Sequence[str]  # names of the last layer's values, where they are known
    channels: int  # so many of each layer at most
    timed: str = ""  # how the layers were timed, in words
    looked: str = ""  # where dead units were looked for, in words


def filter_images(
    weights: Tensor, *, units_last: bool, before: tuple[int, ...], image_last: bool
) -> NDArray[np.uint8] | None:
    """The first filters as images, each on its own scale around grey; None if they cannot be drawn.

    before: the shape of their input, without the batch axis.
    """
    if weights.ndim == 4:  # [units, channels, height, width] of a convolution
        images = weights.transpose(0, 2, 3, 1)
    elif weights.ndim == 2 and len(before) == 3:
        rows = weights.T if units_last else weights
        if rows.shape[1] != np.prod(before):
            return None
        images = rows.reshape(-1, *before)
        images = images if image_last else images.transpose(0, 2, 3, 1)
    else:
        return None
    if images.shape[-1] not in (1, 3) or not images.size:
        return None
    images = np.nan_to_num(images[:MOST_FILTERS].astype(np.float32))
    largest = np.abs(images).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.divide(images, largest, out=np.zeros_like(images), where=largest > 0)
    found: NDArray[np.uint8] = np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
    return found
