"""The predicted classes beside a results file."""

from pathlib import Path

import numpy as np

from bench.results.predictions import read_predictions, write_predictions


def test_they_come_back_by_arm(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    kept = {
        "some/other.onnx|file|onnxruntime|cpu": np.array([1, 2, 0]),
        "labels|digits": np.array([1, 2, 1]),
    }
    write_predictions(path, kept)
    found = read_predictions(path)
    assert set(found) == set(kept)
    assert all(np.array_equal(found[name], kept[name]) for name in kept)


def test_none_were_kept(tmp_path: Path) -> None:
    assert read_predictions(tmp_path / "results.csv") == {}
