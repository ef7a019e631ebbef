"""A finished network of Flax: the same logits from it and from the graph of its arrays."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest

import zoo
from zoo.actions.trained import load_trained
from zoo.artifacts.artifact import Artifact
from zoo.data import Dataset, load
from zoo.frameworks.framework import Trained
from zoo.ort.compatibility import IR_VERSIONS, OPSET
from zoo.ort.session import open_session
from zoo.ort.signature import BARE, FORMS, PIXELS
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.run import Run
from zoo.specs.catalog import find_model

pytest.importorskip("jax")
pytest.importorskip("flax")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("digits", size=(16, 16), grey=True)


@pytest.fixture(scope="module")
def trained(run: Run) -> Trained:
    return load_trained(run, run.card())


def test_it_is_tested_as_any_run(run: Run) -> None:
    assert zoo.test("cnn-jax", run=run.folder).accuracy.share > 0.8


def test_logits_are_computed_in_parts(trained: Trained, data: Dataset) -> None:
    images = np.concatenate([data.test.images] * 2)  # more than are looked at at once
    whole = trained.logits(images)
    assert (whole.shape, whole.dtype) == ((len(images), 10), np.float32)
    np.testing.assert_allclose(whole[:5], trained.logits(images[:5]), atol=1e-4)


@pytest.mark.parametrize(("form", "opset"), [*((form, OPSET) for form in FORMS)])
def test_the_graph_gives_the_same_logits_at_any_batch(
    run: Run, trained: Trained, data: Dataset, form: str, opset: int
) -> None:
    model = trained.to_onnx(form, opset)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSIONS[opset], opset)
    session = open_session(model.SerializeToString())
    card = run.card()
    for batch in (1, 7, 64):
        images = data.test.images[:batch]
        floats = ((images / 255 - card.mean) / card.std).astype(np.float32)
        fed = images if form == PIXELS else floats.transpose(0, 3, 1, 2)
        (found,) = session.run({"image": fed})
        np.testing.assert_allclose(found, trained.logits(images), atol=1e-4)


def test_it_is_a_node_for_each_layer_and_no_transposition_between(trained: Trained) -> None:
    block = ["Conv", "Relu", "MaxPool", "BatchNormalization"]
    dense = ["Gemm", "BatchNormalization", "Relu"]
    bare = [node.op_type for node in trained.to_onnx(BARE, OPSET).graph.node]
    assert bare == [*block * 2, "Reshape", *dense * 2, "Gemm"]


def test_the_graph_gives_the_arrays_back(run: Run, trained: Trained) -> None:
    from zoo.frameworks.jax.graph import from_onnx
    from zoo.frameworks.jax.network import Network

    card = run.card()
    empty = Network.empty(find_model("cnn-jax"), card.image_shape, len(card.class_names))
    found = from_onnx(trained.to_onnx(PIXELS, OPSET), empty)
    stored, _ = load_checkpoint(run.weights)
    assert found.keys() == stored.keys()
    for name, array in stored.items():
        np.testing.assert_array_equal(found[name], array)


def test_images_whose_sides_are_odd_are_pooled_as_onnx_pools_them() -> None:
    from zoo.frameworks.jax.backend import nnx
    from zoo.frameworks.jax.network import halved

    maps = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        halved(maps), nnx.max_pool(maps, window_shape=(2, 2), strides=(2, 2))
    )


def test_the_same_run_gives_the_same_bytes(trained: Trained) -> None:
    first, second = (trained.to_onnx(PIXELS, OPSET).SerializeToString() for _ in range(2))
    assert first == second


def test_it_passes_the_gate_in_every_precision_and_verifies(
    digits_artifact: Callable[[str], Artifact],
) -> None:
    made = digits_artifact("cnn-jax")
    assert made.precisions == ("fp32", "fp16", "int8")
    assert made.card.framework == "jax"
    assert made.card.versions.keys() == {"jax", "flax", "optax", "onnx", "onnxruntime"}
    checks = zoo.verify(exports=made.root)
    assert [check for check in checks if check.status == "failed"] == []
