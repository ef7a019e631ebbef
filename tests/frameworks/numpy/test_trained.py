"""A finished MLP: the same logits from numpy, and from the graph that is made of its arrays."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import zoo
from zoo.actions.trained import load_trained
from zoo.data import Dataset, load
from zoo.frameworks.numpy.trained import TrainedMlp
from zoo.ort.compatibility import IR_VERSIONS, OPSET
from zoo.ort.session import open_session
from zoo.ort.signature import BARE, FORMS, PIXELS
from zoo.runs.run import Run


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("digits", size=(16, 16), grey=True)


@pytest.fixture(scope="module")
def trained(run: Run) -> TrainedMlp:
    found = load_trained(run, run.card())
    assert isinstance(found, TrainedMlp)
    return found


def test_it_is_tested_as_any_run(run: Run) -> None:
    assert zoo.test("mlp-numpy", run=run.folder).accuracy.share > 0.2


def test_logits_are_computed_in_parts_and_told(trained: TrainedMlp, data: Dataset) -> None:
    images = np.concatenate([data.test.images] * 2)  # more than are looked at at once
    whole = trained.logits(images)
    assert (whole.shape, whole.dtype) == ((len(images), 10), np.float32)
    np.testing.assert_allclose(whole[:5], trained.logits(images[:5]), atol=1e-5)


@pytest.mark.parametrize("opset", sorted(IR_VERSIONS))
@pytest.mark.parametrize("form", FORMS)
def test_the_graph_gives_the_same_logits_at_any_batch(
    trained: TrainedMlp, data: Dataset, form: str, opset: int
) -> None:
    model = trained.to_onnx(form, opset)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSIONS[opset], opset)
    session = open_session(model.SerializeToString())
    for batch in (1, 2, 7, 64):
        images = data.test.images[:batch]
        fed = images if form == PIXELS else standardised(images, trained)
        (found,) = session.run({"image": fed})
        np.testing.assert_allclose(found, trained.logits(images), atol=1e-5)


def standardised(images: np.ndarray, trained: TrainedMlp) -> np.ndarray:
    floats = (images / 255 - trained.card.mean) / trained.card.std
    return floats.transpose(0, 3, 1, 2).astype(np.float32)


def test_it_is_one_node_for_each_step_and_the_weights_have_their_names(
    trained: TrainedMlp,
) -> None:
    model = trained.to_onnx(PIXELS, OPSET)
    layers = ["Gemm", "Sigmoid", "Gemm", "Sigmoid", "Gemm"]
    start = ["Cast", "Mul", "Add", "Flatten"]
    assert [node.op_type for node in model.graph.node] == [*start, *layers]
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    np.testing.assert_array_equal(stored["1.weight"], trained.network[1].weight)
    bare = [node.op_type for node in trained.to_onnx(BARE, OPSET).graph.node]
    assert bare == ["Transpose", "Flatten", *layers]


@pytest.mark.parametrize("form", FORMS)
def test_it_passes_the_gate_in_every_precision(run: Run, tmp_path: Path, form: str) -> None:
    made = zoo.export("mlp-numpy", run=run.folder, exports=tmp_path / "exports", form=form)
    assert made.precisions == ("fp32", "fp16", "int8")
    assert (made.card.framework, made.card.family) == ("numpy", "mlp")
    assert made.card.versions.keys() == {"numpy", "onnx", "onnxruntime"}
    assert (made.card.parameters, made.card.macs) == (run.card().parameters, run.card().macs)
    checks = zoo.verify(exports=made.root)
    assert [check for check in checks if check.status == "failed"] == []
