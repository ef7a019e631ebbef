"""A finished estimator: the same logits from scikit-learn, and from the graph of its arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import zoo
from tests.frameworks.sklearn.conftest import LOGREG, MLP, NAMES
from zoo.actions.trained import load_trained
from zoo.data import Dataset, load
from zoo.frameworks.batches import Batches
from zoo.frameworks.numpy.network import softmax
from zoo.frameworks.sklearn.estimators import Estimator
from zoo.frameworks.sklearn.trained import TrainedEstimator
from zoo.ort.compatibility import IR_VERSIONS, OPSET
from zoo.ort.session import open_session
from zoo.ort.signature import BARE, FORMS, PIXELS
from zoo.runs.run import Run

Runs = Callable[[str], Run]
LAYERS = {MLP: ["Gemm", "Relu", "Gemm", "Relu", "Gemm"], LOGREG: ["Gemm"]}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("digits", size=(16, 16), grey=True)


def trained_of(run: Run) -> TrainedEstimator:
    found = load_trained(run, run.card())
    assert isinstance(found, TrainedEstimator)
    return found


def given(images: np.ndarray, trained: TrainedEstimator, form: str) -> np.ndarray:
    if form == PIXELS:
        return images
    floats = (images / 255 - trained.card.mean) / trained.card.std
    return floats.transpose(0, 3, 1, 2).astype(np.float32)


@pytest.mark.parametrize(("name", "floor"), [(MLP, 0.8), (LOGREG, 0.9)])
def test_it_is_tested_as_any_run(run_of: Runs, name: str, floor: float) -> None:
    assert zoo.test(name, run=run_of(name).folder).accuracy.share > floor


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_computed_in_parts(run_of: Runs, data: Dataset, name: str) -> None:
    trained = trained_of(run_of(name))
    images = np.concatenate([data.test.images] * 2)  # more than are looked at at once
    whole = trained.logits(images)
    assert (whole.shape, whole.dtype) == ((len(images), 10), np.float32)
    np.testing.assert_allclose(whole[:5], trained.logits(images[:5]), atol=1e-5)


@pytest.mark.parametrize("opset", sorted(IR_VERSIONS))
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_the_graph_gives_the_same_logits_at_any_batch(
    run_of: Runs, data: Dataset, name: str, form: str, opset: int
) -> None:
    trained = trained_of(run_of(name))
    model = trained.to_onnx(form, opset)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSIONS[opset], opset)
    session = open_session(model.SerializeToString())
    for batch in (1, 2, 7, 64):
        images = data.test.images[:batch]
        (found,) = session.run({"image": given(images, trained, form)})
        np.testing.assert_allclose(found, trained.logits(images), atol=1e-5)


def probabilities(trained: TrainedEstimator, rows: np.ndarray) -> np.ndarray:
    """By scikit-learn's own `predict_proba`, its softmax put back."""
    estimator: Estimator = trained.estimator
    if hasattr(estimator, "out_activation_"):
        estimator.out_activation_ = "softmax"
    try:
        return estimator.predict_proba(rows)
    finally:
        if hasattr(estimator, "out_activation_"):
            estimator.out_activation_ = "identity"


@pytest.mark.parametrize("name", NAMES)
def test_the_softmax_of_the_files_logits_is_what_predict_proba_says(
    run_of: Runs, data: Dataset, name: str
) -> None:
    trained, images = trained_of(run_of(name)), data.test.images
    rows = Batches(images, trained.card.mean, trained.card.std).plain(slice(None))
    session = open_session(trained.to_onnx(PIXELS, OPSET).SerializeToString())
    (found,) = session.run({"image": images})
    np.testing.assert_allclose(softmax(found), probabilities(trained, rows), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_skl2onnx_writes_a_graph_of_the_same_answers(
    run_of: Runs, data: Dataset, name: str
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed here")
    trained, images = trained_of(run_of(name)), data.test.images[:64]
    estimator = trained.estimator
    if name == MLP:
        estimator.out_activation_ = "softmax"
    rows = Batches(images, trained.card.mean, trained.card.std).plain(slice(None))
    theirs = skl2onnx.to_onnx(
        estimator, rows, target_opset={"": 20, "ai.onnx.ml": 3}, options={"zipmap": False}
    )
    session = open_session(theirs.SerializeToString())
    wanted = session.run({session.inputs[0].name: rows})[-1]
    ours = open_session(trained.to_onnx(PIXELS, OPSET).SerializeToString())
    (found,) = ours.run({"image": images})
    np.testing.assert_allclose(softmax(found), wanted, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_plain_layers_alone(run_of: Runs, name: str) -> None:
    trained = trained_of(run_of(name))
    model = trained.to_onnx(PIXELS, OPSET)
    start = ["Cast", "Mul", "Add", "Flatten"]
    assert [node.op_type for node in model.graph.node] == [*start, *LAYERS[name]]
    assert {node.domain for node in model.graph.node} == {""}
    assert [value.name for value in model.graph.output] == ["logits"]
    bare = [node.op_type for node in trained.to_onnx(BARE, OPSET).graph.node]
    assert bare == ["Transpose", "Flatten", *LAYERS[name]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_it_passes_the_gate_in_every_precision(
    run_of: Runs, tmp_path: Path, name: str, form: str
) -> None:
    run = run_of(name)
    made = zoo.export(name, run=run.folder, exports=tmp_path / "exports", form=form)
    assert made.precisions == ("fp32", "fp16", "int8")
    assert (made.card.framework, made.card.family) == (
        "sklearn",
        {MLP: "mlp", LOGREG: "linear"}[name],
    )
    assert made.card.versions.keys() == {"scikit-learn", "numpy", "onnx", "onnxruntime"}
    assert (made.card.parameters, made.card.macs) == (run.card().parameters, run.card().macs)
    checks = zoo.verify(exports=made.root)
    assert [check for check in checks if check.status == "failed"] == []
