"""How sure a share is."""

import math

_Z = 1.959963984540054  # two-sided 95 %


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share: holds near 0 and 1 and for few trials."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    shrink = 1 + _Z**2 / trials
    middle = (share + _Z**2 / (2 * trials)) / shrink
    half = _Z / shrink * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    # Exactly 0 and 1 at the ends, where rounding could leave the share itself outside.
    low = middle - half if successes else 0.0
    return low, middle + half if successes < trials else 1.0
