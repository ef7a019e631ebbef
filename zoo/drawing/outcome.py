"""The content of the test page: figures, and the images for each cell."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.dataset import Images
from zoo.drawing.confusion import Cell, Confusion
from zoo.intervals import Accuracy
from zoo.runs.history import EpochRow
from zoo.scores import Calibration, ClassScore

OF_A_CELL = 20
_FEWER = (OF_A_CELL, 12, 8, 5, 3, 2, 1)  # images of a cell, if more do not fit
_BYTES = 2_200_000  # bytes of all images of cells: the page stays below 5 MB
_SIDE = 48  # pixels; larger images are made smaller
_QUALITY = 85


@dataclass(frozen=True)
class Outcome:
    """A finished test."""

    id: str
    data: str  # the name of the dataset
    classes: tuple[str, ...]
    images: Images  # of the test set
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]  # [N, classes]
    confusion: Confusion
    accuracy: Accuracy
    with_views: Accuracy | None
    top5: Accuracy | None  # None with five classes or fewer
    scores: Sequence[ClassScore]
    calibration: Calibration
    history: Sequence[EpochRow]  # of its training run; empty if none was kept

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The likeliest class of each image."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @cached_property
    def confidences(self) -> NDArray[np.float32]:
        """The probability of the likeliest class."""
        found: NDArray[np.float32] = self.probabilities.max(axis=1)
        return found

    def mistakes(self) -> NDArray[np.int64]:
        """Indices, the worst first: the least probability for the true class."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        true = self.probabilities[wrong, self.labels[wrong]]
        found: NDArray[np.int64] = wrong[np.argsort(true, kind="stable")]
        return found


@dataclass(frozen=True)
class Shot:
    """One image of the test set, as a page holds it."""

    index: int
    uri: str
    confidence: float


@dataclass(frozen=True)
class Group:
    """The images of one cell of the confusion matrix: the most confident mistakes, or, where
    the model is right, the least confident answers."""

    cell: Cell
    shots: tuple[Shot, ...]


def groups(outcome: Outcome) -> list[Group]:
    """The images of all cells that are not empty, the fullest first, as many as fit into a page."""
    by_cell: dict[tuple[int, int], list[int]] = {}
    rising = np.argsort(outcome.confidences, kind="stable")
    for index in rising.tolist():
        place = (int(outcome.labels[index]), int(outcome.predictions[index]))
        by_cell.setdefault(place, []).append(index)
    cells = sorted(outcome.confusion.cells(), key=lambda cell: -cell.count)
    chosen = []
    for cell in cells:
        if cell.count:
            found = by_cell[cell.true, cell.predicted]
            chosen.append((cell, found if cell.true == cell.predicted else found[::-1]))
    uris = {index: shot_uri(outcome.images[index]) for _, ones in chosen for index in ones[:1]}

    def size(most: int) -> int:
        total = 0
        for _, ones in chosen:
            for index in ones[:most]:
                if index not in uris:
                    uris[index] = shot_uri(outcome.images[index])
                total += len(uris[index])
        return total

    most = next((most for most in _FEWER if size(most) <= _BYTES), 1)
    left, made = _BYTES, []
    for cell, ones in chosen:
        shots = tuple(
            Shot(index, uris[index], float(outcome.confidences[index])) for index in ones[:most]
        )
        left -= sum(len(shot.uri) for shot in shots)
        if left < 0:
            break
        made.append(Group(cell, shots))
    return made


def shot_uri(pixels: NDArray[np.uint8]) -> str:
    """A data URI of a small image, from pixels [height, width, 1 or 3]."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    tiny = max(image.size) <= _SIDE // 2
    image.thumbnail((_SIDE, _SIDE))
    held = io.BytesIO()
    image.save(held, "WEBP", lossless=tiny, quality=_QUALITY, method=0)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"
