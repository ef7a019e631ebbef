"""Models whose difference is known: valid, of any depth, and different in nothing else."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from bench.pair.planted import main, planted
from zoo.ort.session import open_session
from zoo.ort.signature import Signature, logits


@pytest.mark.parametrize("layers", [1, 4])
def test_it_is_a_classifier_of_pixels_like_those_of_this_zoo(layers: int) -> None:
    model = planted(layers)
    onnx.checker.check_model(model, full_check=True)
    signature = Signature.of(open_session(model.SerializeToString(), threads=1))
    assert signature.image_shape == (32, 32, 3)
    assert (signature.dtype, signature.layout, signature.mean) == ("uint8", "nhwc", None)
    assert (signature.batch, signature.classes) == (None, 10)


def test_more_layers_are_more_of_the_same_work() -> None:
    counts, sizes = [], []
    for layers in (40, 42):
        model = planted(layers)
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        counts.append(len(convolutions))
        sizes.append({tuple(tensor.dims) for tensor in model.graph.initializer})
    assert counts == [41, 43]  # and the first one, of three channels
    assert sizes[0] == sizes[1] == {(16, 3, 3, 3), (16, 16, 3, 3), (16, 10)}


def test_it_is_the_same_every_time() -> None:
    assert planted(3).SerializeToString() == planted(3).SerializeToString()


@pytest.mark.parametrize("layers", [1, 60])
def test_values_stay_in_range_and_depend_on_the_image(layers: int) -> None:
    session = open_session(planted(layers).SerializeToString(), threads=1)
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    found = logits(session, Signature.of(session), images)
    assert np.isfinite(found).all()
    assert 1e-3 < np.abs(found).max() < 1e3
    assert len(np.unique(found, axis=0)) == 6


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "slower.onnx"
    done = CliRunner().invoke(main, [str(out), "--layers", "2"])
    assert (done.exit_code, done.output) == (0, "")
    assert onnx.load(out) == planted(2)
    assert list(tmp_path.iterdir()) == [out]
    assert CliRunner().invoke(main, [str(out), "--layers", "0"]).exit_code == 2
    again = CliRunner().invoke(main, [str(out), "--layers", "3"])
    assert again.exit_code == 2
    assert "exists" in again.output
    assert onnx.load(out) == planted(2)
