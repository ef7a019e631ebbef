"""What is tried of a file's batches, and why not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import classifiers
from zoo.inspection.batches import try_batches
from zoo.inspection.steadiness import Steadiness
from zoo.ort.session import open_session

Tiny = Callable[..., Path]


@pytest.mark.parametrize("batch", ["batch", 1, 2, 8])
def test_a_fixed_batch_is_tried_as_it_is(tmp_path: Path, batch: int | str) -> None:
    path = classifiers.write(tmp_path / "mean.onnx", "batch mean", batch=batch)
    found = try_batches(open_session(path, threads=1), seconds=20)
    assert isinstance(found, Steadiness)
    assert bool(found.by_batch()) == (batch != 1)
    assert found.by_chance() == ""


def test_a_slow_file_is_not_tried(tiny_onnx: Tiny) -> None:
    found = try_batches(open_session(tiny_onnx(), threads=1), seconds=0)
    assert found == "it is too slow to try more than one batch of images"


@pytest.mark.parametrize("kind", ["uint8-nhwc", "float32-nchw", "float16-nchw"])
def test_normalisation_need_not_be_known(tiny_onnx: Tiny, kind: str) -> None:
    found = try_batches(open_session(tiny_onnx(kind=kind, metadata={}), threads=1), seconds=20)
    assert isinstance(found, Steadiness)
    assert found.doubt() == ""
    assert found.largest > 0
