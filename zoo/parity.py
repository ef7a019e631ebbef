"""How far apart what a network says and what a faster form of it says are."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def distance(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Of rows of numbers from those wanted: root mean square, by the spread of the latter."""
    error = float(np.sqrt(np.square(found - wanted).mean()))
    spread = float(np.sqrt(np.square(wanted - wanted.mean(axis=0)).mean()))
    return error / spread if spread else (math.inf if error else 0.0)
