"""Intervals of a share."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Z = 1.959963984540054  # two-sided 95%


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a share, which is valid near 0 and 1 and for few trials."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    shrink = 1 + _Z**2 / trials
    middle = (share + _Z**2 / (2 * trials)) / shrink
    half = _Z / shrink * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    # Exactly 0 and 1 at the ends, where rounding could leave the share itself outside.
    low = middle - half if successes else 0.0
    return low, middle + half if successes < trials else 1.0


@dataclass(frozen=True)
class Accuracy:
    """The share of images classified correctly, with its 95% Wilson interval."""

    correct: int
    images: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, right: "NDArray[np.bool_]") -> "Accuracy":
        """From one boolean per image."""
        correct, images = int(right.sum()), len(right)
        return cls(correct, images, correct / max(images, 1), *wilson(correct, images))

    def __str__(self) -> str:
        return f"{self.share:.2%} ({self.low:.2%} to {self.high:.2%}, {self.images:,} images)"


@dataclass(frozen=True)
class Lost:
    """Accuracy lost between two classifiers of the same images, with its 95% interval."""

    only_a: int  # images that only the first gets right
    only_b: int  # images that only the second gets right
    share: float  # a share of all images; below 0 if accuracy is gained
    low: float
    high: float

    @classmethod
    def of(cls, a: "NDArray[np.bool_]", b: "NDArray[np.bool_]") -> "Lost":
        """From one boolean per image for each classifier, paired (Newcombe's method 10)."""
        only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
        both, neither = int((a & b).sum()), int((~a & ~b).sum())
        first, second = Accuracy.of(a), Accuracy.of(b)
        share = (only_a - only_b) / max(len(a), 1)
        sides = math.prod((first.correct, len(a) - first.correct))
        sides *= math.prod((second.correct, len(b) - second.correct))
        tied = (both * neither - only_a * only_b) / math.sqrt(sides) if sides else 0.0

        def reach(one: float, other: float) -> float:
            return math.sqrt(max(0.0, one**2 - 2 * tied * one * other + other**2))

        low = share - reach(first.share - first.low, second.high - second.share)
        high = share + reach(first.high - first.share, second.share - second.low)
        return cls(only_a, only_b, share, low, high)

    def __str__(self) -> str:
        return f"{100 * self.share:.2f} points ({100 * self.low:.2f} to {100 * self.high:.2f})"
