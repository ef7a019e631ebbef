"""Root mean square, by the spread."""

import math

import numpy as np
import pytest

from zoo.parity import distance


def test_it_is_a_share_of_the_spread_around_the_mean_row() -> None:
    wanted = np.array([[100.0, 7.0], [104.0, 7.0]])  # spread: 2 in the first column, 0 in the other
    found = np.array([[100.2, 7.2], [104.2, 6.8]])
    assert distance(found, wanted) == pytest.approx(0.2 / math.sqrt(2))
    assert distance(wanted, wanted) == 0


def test_rows_that_are_all_the_same_are_near_themselves_only() -> None:
    same = np.ones((3, 2))
    assert distance(same, same) == 0
    assert distance(same + 1e-9, same) == math.inf
