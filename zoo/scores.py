"""Scores besides accuracy: by class, top-5, calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised. None if there is nothing to divide by."""

    images: int  # of the class
    predictions: int  # images predicted as the class
    correct: int
    recall: float | None  # share of its images that were recognised: the accuracy of the class
    precision: float | None  # share of its predictions that were right
    f1: float | None  # harmonic mean of both


def class_scores(confusion: Sequence[Sequence[int]]) -> list[ClassScore]:
    """One score per class, from counts [true][predicted]."""
    predictions = [sum(column) for column in zip(*confusion, strict=True)]
    return [
        _score(sum(row), predictions[at], row[at], sum(row) + predictions[at])
        for at, row in enumerate(confusion)
    ]


def _score(images: int, predictions: int, correct: int, both: int) -> ClassScore:
    return ClassScore(
        images=images,
        predictions=predictions,
        correct=correct,
        recall=correct / images if images else None,
        precision=correct / predictions if predictions else None,
        f1=2 * correct / both if both else None,
    )


def among_top(
    logits: "NDArray[np.float32]", labels: "NDArray[np.int64]", count: int
) -> "NDArray[np.bool_]":
    """Whether the true class is among the likeliest ones; on ties the first class wins."""
    true = logits[range(len(labels)), labels][:, None]
    before = range(logits.shape[1]) < labels[:, None]
    ranks = ((logits > true) | ((logits == true) & before)).sum(axis=1)
    found: NDArray[np.bool_] = ranks < count
    return found


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence."""

    images: int
    confidence: float  # their mean
    accuracy: float  # the share of them that was right


@dataclass(frozen=True)
class Calibration:
    """Whether a confidence of 80% means being right in 80% of cases."""

    error: float  # expected calibration error: mean |accuracy - confidence|, weighted by images
    bins: tuple[Bin, ...]  # bins of equal width, in rising order; empty ones are left out

    @classmethod
    def of(
        cls, confidences: "NDArray[np.float32]", right: "NDArray[np.bool_]", bins: int = BINS
    ) -> "Calibration":
        """From the confidence of each prediction (0 to 1) and whether it was right."""
        places = (confidences * bins).astype(int).clip(0, bins - 1)
        found = []
        for place in range(bins):
            inside = places == place
            if images := int(inside.sum()):
                confidence = float(confidences[inside].mean(dtype=float))
                found.append(Bin(images, confidence, float(right[inside].mean())))
        gaps = sum(one.images * abs(one.accuracy - one.confidence) for one in found)
        return cls(gaps / max(len(right), 1), tuple(found))
