"""How far apart answers are, and may be."""

import math

import numpy as np
import pytest

from zoo.parity import GATE, distance, largest, tolerance


def test_it_is_a_share_of_the_spread_around_the_mean_row() -> None:
    wanted = np.array([[100.0, 7.0], [104.0, 7.0]])  # spread: 2 in the first column, 0 in the other
    found = np.array([[100.2, 7.2], [104.2, 6.8]])
    assert distance(found, wanted) == pytest.approx(0.2 / math.sqrt(2))
    assert distance(wanted, wanted) == 0


def test_rows_that_are_all_the_same_are_near_themselves_only() -> None:
    same = np.ones((3, 2))
    assert distance(same, same) == 0
    assert distance(same + 1e-9, same) == math.inf


def test_a_tolerance_grows_with_the_largest_logit_from_the_share_on() -> None:
    assert tolerance(0.01, 0) == 0.01
    assert tolerance(0.01, 19) == pytest.approx(0.2)


def test_the_largest_value_is_by_size_and_tells_of_what_is_not_a_number() -> None:
    assert largest(np.array([[1.0, -3.0], [2.0, 0.5]])) == 3
    assert largest(np.zeros((0, 5))) == 0
    assert math.isnan(largest(np.array([1.0, np.nan])))


def test_the_gate_allows_what_the_readme_says() -> None:
    """fp32 within 1e-4 and 99.99% of one class, fp16 within 0.1 points, int8 within 0.5."""
    assert GATE.logits == 1e-4
    assert {name: lost / 10_000 for name, lost in GATE.lost.items()} == {
        "fp32": 0.0001,
        "fp16": 0.001,
        "int8": 0.005,
    }
