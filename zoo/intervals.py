"""How sure a share is."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Z = 1.959963984540054  # two-sided 95%


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a share: holds near 0 and 1 and for few trials."""
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
    """Correct images of all, as a share with 95% Wilson interval of the accuracy."""

    correct: int
    images: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, right: "NDArray[np.bool_]") -> "Accuracy":
        """From one truth value an image."""
        correct, images = int(right.sum()), len(right)
        return cls(correct, images, correct / max(images, 1), *wilson(correct, images))

    def __str__(self) -> str:
        return f"{self.share:.2%} ({self.low:.2%} to {self.high:.2%}, {self.images:,} images)"
