"""A map of latents in two dimensions: where a backbone places each image."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.tables import read_table, table_text

PROJECTION = "latents.csv"  # in an artifact
_DIGITS = 4
_FARTHEST = 1e30  # largest coordinate that a file may hold
_BLOCK = 4096  # values of each image at a time


@dataclass(frozen=True)
class Projection:
    """Images as points in a plane."""

    points: NDArray[np.float64]  # [N, 2], along the two axes
    labels: NDArray[np.int64]  # [N], into `classes`
    classes: tuple[str, ...]
    axes: tuple[str, str]  # their titles

    def to_csv(self) -> str:
        """One row per image, its class and its two coordinates, under the titles of the axes."""
        places = zip(self.labels.tolist(), self.points.tolist(), strict=True)
        lines = ((self.classes[label], f"{x:g}", f"{y:g}") for label, (x, y) in places)
        return table_text(["class", *self.axes], lines)

    @classmethod
    def from_csv(cls, content: bytes, classes: Sequence[str]) -> "Projection":
        """Read what `to_csv` wrote; `ValueError` if a row is malformed or a class is unknown."""
        headings, lines = read_table(io.StringIO(content.decode("utf-8"), newline=""))
        body = list(lines)
        if len(headings) != 3 or not body:
            raise ValueError("each row must hold a class and two numbers")
        _, first, second = headings
        number = {name: label for label, name in enumerate(classes)}
        if unknown := {name for name, _, _ in body} - number.keys():
            raise ValueError(f"there is no class {min(unknown)}")
        points = np.array([(float(x), float(y)) for _, x, y in body])
        if not (abs(points) < _FARTHEST).all():
            raise ValueError("a point is not a number or is too far away")
        labels = np.array([number[name] for name, _, _ in body])
        return cls(points, labels, tuple(classes), (first, second))


def project(
    latents: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> Projection:
    """The first two principal components of these latents, float [N, width].

    The sign of an axis is arbitrary, so the furthest image is put on its positive side.
    """
    products = _products(latents)
    values, vectors = np.linalg.eigh(products)
    points, shares = np.zeros((len(latents), 2)), [0.0, 0.0]
    for axis, value in enumerate(values[::-1][:2].clip(min=0)):
        points[:, axis] = vectors[:, -1 - axis] * math.sqrt(value)
        shares[axis] = value / (products.trace() or 1.0)
    furthest = points[abs(points).argmax(axis=0), [0, 1]]
    points *= np.where(furthest < 0, -1, 1)
    extent = abs(points).max(initial=0.0)
    places = _DIGITS - 1 - math.floor(math.log10(extent)) if extent else 0
    first, second = (f"({share:.1%} of the variance)" for share in shares)
    axes = (f"component 1 {first}", f"component 2 {second}")
    # Adding zero leaves no -0 behind.
    return Projection(points.round(places) + 0.0, labels, tuple(classes), axes)


def _products(latents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inner products of the centred latents of all pairs of images, float [N, N]."""
    products = np.zeros((len(latents), len(latents)))
    for at in range(0, latents.shape[1], _BLOCK):
        block = latents[:, at : at + _BLOCK].astype(np.float64)
        block -= block.mean(axis=0)
        products += block @ block.T
    return products
