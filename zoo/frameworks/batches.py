"""From stored pixels to batches of the rows that a network takes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.data.dataset import Images
from zoo.runs.seeds import seed_for
from zoo.specs.recipe import Recipe

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """The random choices of one epoch; row i is the i-th image shown."""

    order: Indices  # [N], of the stored images
    flip: NDArray[np.bool_]  # [N], which are shown as their mirror image
    shift: Indices  # [N, 2], pixels down and right


def plan_epoch(indices: Indices, recipe: Recipe, seed: int, epoch: int) -> Plan:
    """Draw the choices of `epoch`; a resumed run draws the same ones."""
    draw = np.random.default_rng(seed_for(seed, "epoch", epoch))
    order = draw.permutation(indices)
    flip = draw.random(len(order)) < (0.5 if recipe.flip == "random" else 0)
    return Plan(order, flip, draw.integers(-recipe.shift, recipe.shift + 1, (len(order), 2)))


class Standard:
    """Standardised pixels: minus their channel's mean, divided by its standard deviation.

    mean, std: per channel on the 0..1 scale; pixels: of an image.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], pixels: int) -> None:
        self.scale = np.tile(1 / (255 * np.array(std)), pixels).astype(np.float32)
        self.offset = np.tile(-np.array(mean) / np.array(std), pixels).astype(np.float32)

    def rows(self, images: Images) -> NDArray[np.float32]:
        """From uint8 [B, H, W, C] to float32 [B, H * W * C]."""
        rows = images.reshape(len(images), -1).astype(np.float32)
        rows *= self.scale
        rows += self.offset
        return rows


class Source(Protocol):
    """Provides the rows of a training run, a batch at a time."""

    def plain(self, chosen: slice | Indices) -> NDArray[np.float32]:
        """These as they are."""

    def augmented(self, plan: Plan, some: slice) -> NDArray[np.float32]:
        """Those of the plan."""


class Batches:
    """Makes the network's rows from images uint8 [N, H, W, C], a batch at a time."""

    def __init__(self, images: Images, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.images = images
        self.standard = Standard(mean, std, images.shape[1] * images.shape[2])

    def plain(self, chosen: slice | Indices) -> NDArray[np.float32]:
        """These images as they are."""
        return self.standard.rows(self.images[chosen])

    def augmented(self, plan: Plan, some: slice) -> NDArray[np.float32]:
        """Those of the plan, flipped and shifted: one gather takes each pixel from its place."""
        if not plan.flip.any() and not plan.shift.any():
            return self.plain(plan.order[some])
        height, width = self.images.shape[1:3]
        down, right = plan.shift[some, :1], plan.shift[some, 1:]
        rows, columns = np.arange(height) + down, np.arange(width) + right
        columns = np.where(plan.flip[some, None], columns[:, ::-1], columns)
        rows, columns = mirrored(rows, height), mirrored(columns, width)
        images = plan.order[some, None, None]
        return self.standard.rows(self.images[images, rows[:, :, None], columns[:, None]])


def mirrored(places: Indices, size: int) -> Indices:
    """Positions along a side, mirrored beyond a border without repeating the border itself."""
    places = np.abs(places)
    return np.where(places >= size, 2 * (size - 1) - places, places)
