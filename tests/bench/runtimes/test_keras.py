"""Keras as an arm: the model itself, with the weights that its file holds."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

import bench
import zoo
from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes.adapter import Demands
from bench.runtimes.registry import unsupported
from bench.sweep.matrix import Preset, Settings
from zoo.artifacts.artifact import find_artifact
from zoo.runs.options import TrainOptions

os.environ["KERAS_BACKEND"] = "torch"  # before `importorskip` imports it
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ("cnn-keras", "mlp-keras")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models of small digits as fp32."""
    folder = tmp_path_factory.mktemp("keras")
    for name in NAMES:
        options = TrainOptions(data="digits", size=(16, 16), epochs=0.5)
        run = zoo.train(name, options, run=folder / name)
        zoo.export(name, run=run.folder, precisions=["fp32"], exports=folder / "exports")
    return folder / "exports"


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.array(zoo.load_data("digits", size=(16, 16)).test.images[:60])


def loaded(path: Path, **parts: Any) -> Any:
    from bench.runtimes.keras import Keras

    adapter = Keras()
    adapter.load(Order(str(path), "keras", **parts))
    return adapter


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("boundary", ["host", "device"])
def test_logits_are_those_of_the_exported_file(
    root: Path, name: str, boundary: str, images: NDArray[np.uint8]
) -> None:
    artifact = find_artifact(f"{name}-digits-16x16", root)
    adapter = loaded(artifact.file("fp32"), boundary=boundary)
    assert adapter.image_shape() == images.shape[1:]
    assert adapter.fixed_batch() is None
    for count in (1, 2, 7, 60):
        found = adapter.fetch(adapter.run(adapter.place(images[:count])))
        wanted = artifact.predict(images[:count])
        assert (found.dtype, found.shape) == (np.float32, wanted.shape)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    adapter.close()


def test_it_says_what_computed(root: Path) -> None:
    told = loaded(find_artifact("mlp-keras", root).file("fp32")).what_ran()
    assert told["runtime_version"] == f"keras {keras.__version__}"
    assert told["settings"] == f"backend=torch {torch.__version__} threads=1"
    assert told["computed_in"] == "fp32"


def test_the_threads_are_those_ordered(root: Path) -> None:
    cores = tuple(sorted(os.sched_getaffinity(0)))[:2]
    order = Order(
        str(find_artifact("cnn-keras", root).file("fp32")),
        "keras",
        threads=len(cores),
        cores=cores,
    )
    with ArmProcess(order) as arm:
        assert arm.facts["what_ran"]["settings"].endswith(f"threads={len(cores)}")


def test_other_models_and_files_are_refused_with_the_reason(
    root: Path, mlp_exports: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match="written in keras"):
        loaded(find_artifact("mlp", mlp_exports).file("fp32"))
    model = onnx.load(find_artifact("cnn-keras", root).file("fp32"))
    told = {entry.key: entry.value for entry in model.metadata_props}
    for key, value, words in (
        ("precision", "int8", "fp32 weights, not int8"),
        ("model", "transfer-keras", "does not run transfer-keras: its file holds no weights"),
    ):
        onnx.helper.set_model_props(model, told | {key: value})
        onnx.save(model, tmp_path / "other.onnx")
        with pytest.raises(UnsupportedError, match=words):
            loaded(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("name", "told"),
    [("renamed", r"lacks the weights 1\.bias"), ("1.bias", "do not fit mlp-keras")],
)
def test_a_file_of_other_weights_is_refused(
    root: Path, tmp_path: Path, name: str, told: str
) -> None:
    model = onnx.load(find_artifact("mlp-keras", root).file("fp32"))
    (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == "1.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(7, np.float32), name))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(UnsupportedError, match=told):
        loaded(tmp_path / "other.onnx")


def test_what_it_cannot_is_known_before_it_is_started() -> None:
    assert unsupported("keras", Demands("fp32", third_party=False)) is None
    assert "not int8" in (unsupported("keras", Demands("int8", third_party=False)) or "")
    assert "third-party" in (unsupported("keras", Demands("fp32", third_party=True)) or "")
    assert "computes on cpu" in (
        unsupported("keras", Demands("fp32", third_party=False, provider="cuda")) or ""
    )


def test_it_is_measured_beside_onnxruntime(root: Path, tmp_path: Path, tiny_preset: Preset) -> None:
    settings = Settings(
        preset=tiny_preset, runtimes=("onnxruntime", "keras"), batches=(1,), threads=(1,)
    )
    rows = bench.run(["mlp-keras"], settings, exports=root, out=tmp_path / "results.csv")
    found = {row.runtime: row for row in rows}
    assert {row.status for row in rows} == {"ok"}
    assert found["keras"].correct == found["onnxruntime"].correct
