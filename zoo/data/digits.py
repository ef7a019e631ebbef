"""The embedded dataset: 1,797 real handwritten digits that ship with scikit-learn."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from zoo.data.dataset import Images
from zoo.data.known import DIGIT_NAMES
from zoo.data.sources import ArraySource, Origin
from zoo.data.split import stratified_counts
from zoo.errors import ZooError

TEST_SHARE = 0.2
FACTOR = 4


def digits_origin() -> Origin:
    """The digits, keyed by scikit-learn's version, so that nothing heavy is loaded to find them."""
    try:
        release = version("scikit-learn")
    except PackageNotFoundError as error:
        raise ZooError(
            "the digits ship inside scikit-learn, which is not installed: pip install scikit-learn."
        ) from error

    @contextmanager
    def opened() -> Iterator[ArraySource]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        yield _source(bunch.images.astype(np.int64), bunch.target.astype(np.int64))

    return Origin(f"digits-{release}", None, (), opened)


def _source(small: np.ndarray, labels: np.ndarray) -> ArraySource:
    """small: int64 [N, 8, 8], values 0 to 16; labels: int64 [N]."""
    images = enlarged(small)
    in_test = _test_members(small, labels)
    return ArraySource(
        DIGIT_NAMES,
        {"train": images[~in_test], "test": images[in_test]},
        {"train": labels[~in_test], "test": labels[in_test]},
    )


def enlarged(small: np.ndarray) -> Images:
    """int64 [N, 8, 8] of 0..16 to uint8 [N, 32, 32, 3] of 0..255, bilinear.

    Computed in integers, so that the pixels (and the fingerprint) do not depend on a library's
    rounding.
    """
    side = small.shape[1]
    # The centre of fine pixel i lies at (i + 0.5) / FACTOR - 0.5 coarse pixels; weights in 1/8.
    place = np.clip(2 * np.arange(FACTOR * side) + 1 - FACTOR, 0, 2 * FACTOR * (side - 1))
    left, weight = np.divmod(place, 2 * FACTOR)
    matrix = np.zeros((FACTOR * side, side), dtype=np.int64)
    rows = np.arange(FACTOR * side)
    matrix[rows, left] = 2 * FACTOR - weight
    matrix[rows, np.minimum(left + 1, side - 1)] += weight
    scaled = matrix @ small @ matrix.T
    full = 16 * (2 * FACTOR) ** 2
    grey = ((scaled * 255 + full // 2) // full).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3)


def _test_members(small: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """bool [N]: a stratified fifth, chosen by content hash, which no library's version changes."""
    keys = [hashlib.sha256(digit.astype(np.uint8).tobytes()).digest() for digit in small]
    sizes = np.bincount(labels)
    shares = stratified_counts(sizes, round(TEST_SHARE * len(labels)))
    chosen = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        members = sorted(np.flatnonzero(labels == label), key=lambda index: keys[index])
        chosen[members[:share]] = True
    return chosen
