"""Errors of layers are those of numpy over all images at once, in whichever pieces they come."""

import math

import numpy as np
import pytest

from zoo.actions.tensors import _by_image, _Sums


def summed(a: np.ndarray, b: np.ndarray, pieces: int) -> _Sums:
    found = _Sums()
    for one, other in zip(np.array_split(a, pieces), np.array_split(b, pieces), strict=True):
        found.add(one, other)
    return found


@pytest.mark.parametrize("pieces", [1, 3, 7])
@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_error_and_spread(pieces: int, mean: float) -> None:
    random = np.random.default_rng(0)
    a = random.normal(mean, 2, (21, 5, 3)).astype(np.float32)
    b = a + random.normal(0, 0.1, a.shape).astype(np.float32)
    found = summed(a, b, pieces)
    apart = b.astype(np.float64) - a
    spread = a.astype(np.float64).std()
    assert found.spread == pytest.approx(spread)
    assert found.error == pytest.approx(np.sqrt(np.square(apart).mean()) / spread)
    assert found.largest == pytest.approx(np.abs(apart).max())


def test_a_tensor_of_one_value_is_measured_by_its_size() -> None:
    a = np.full((4, 3), 5.0)
    assert summed(a, a, 2).error == 0
    assert summed(a, a + 1, 2).error == pytest.approx(1 / 5)
    assert summed(a * 0, a * 0 + 2, 1).error == 2


def test_what_is_not_a_number_in_only_one_is_beyond_every_bound() -> None:
    a = np.array([[1.0, np.nan, np.inf, 2.0]])
    assert summed(a, a, 1).error == 0
    b = a.copy()
    b[0, 0] = np.inf
    assert summed(a, b, 1).error == summed(b, a, 1).error == math.inf


def test_several_views_of_all_images_are_views_of_each() -> None:
    values = np.arange(6).reshape(6, 1)  # two views of three images, one after the other
    np.testing.assert_array_equal(_by_image(values, 3)[..., 0], [[0, 3], [1, 4], [2, 5]])
    assert _by_image(np.zeros((5, 2)), 3).shape == (3, 5, 2)
    assert _by_image(np.float32(1), 3).shape == (3,)
