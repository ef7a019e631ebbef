"""The real CIFAR-10, where a local copy lies: only what a few images can show."""

import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(os.environ.get("ZOO_DATA", ""))
pytestmark = pytest.mark.skipif(
    not (FOLDER / "cifar10.zip").is_file(), reason="ZOO_DATA names no folder with cifar10.zip"
)


def test_its_shape_statistics_and_counts() -> None:
    from zoo.data import load

    data = load("cifar10", data_dir=FOLDER)
    assert data.image_shape == (32, 32, 3)
    assert data.class_names[:3] == ("airplane", "automobile", "bird")
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.mean == pytest.approx((0.49139968, 0.48215841, 0.44653091), abs=5e-8)
    assert data.std == pytest.approx((0.24703223, 0.24348513, 0.26158784), abs=5e-8)
    assert data.fingerprint == "2d7590bc817bad5be0b1c21700af184639708474e343b2123692cba5c21da2b1"
