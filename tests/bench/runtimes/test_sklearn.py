"""scikit-learn as an arm: the estimator, with the weights that its file holds."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import sklearn
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import bench
import zoo
from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes.sklearn import Sklearn
from bench.sweep.matrix import Preset, Settings
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.errors import UnavailableError
from zoo.frameworks.numpy.blas import threads
from zoo.runs.options import TrainOptions

CORES = tuple(sorted(os.sched_getaffinity(0)))
EPOCHS = {"mlp-sklearn": 2, "logreg-sklearn": 20}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models of digits as fp32 and int8."""
    folder = tmp_path_factory.mktemp("sklearn")
    for name, epochs in EPOCHS.items():
        options = TrainOptions(data="digits", epochs=epochs)
        run = zoo.train(name, options, run=folder / name)
        zoo.export(name, run=run.folder, precisions=["fp32", "int8"], exports=folder / "exports")
    return folder / "exports"


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.array(zoo.load_data("digits").test.images[:60])


@pytest.fixture(autouse=True)
def _threads() -> Any:
    """An adapter otherwise has a separate process, and changes it as it likes."""
    with threadpool_limits(user_api="blas"):
        yield


def loaded(artifact: Artifact, precision: str = "fp32", **parts: Any) -> Sklearn:
    adapter = Sklearn()
    adapter.load(Order(str(artifact.file(precision)), "sklearn", **parts))
    return adapter


@pytest.mark.parametrize("name", EPOCHS)
def test_logits_are_those_of_the_exported_file(
    root: Path, name: str, images: NDArray[np.uint8]
) -> None:
    artifact = find_artifact(name, root)
    adapter = loaded(artifact)
    assert adapter.image_shape() == images.shape[1:]
    assert adapter.fixed_batch() is None
    for count in (1, 2, 7, 60):
        found = adapter.fetch(adapter.run(adapter.place(images[:count])))
        wanted = artifact.predict(images[:count])
        assert (found.dtype, found.shape) == (np.float32, wanted.shape)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    adapter.close()


def test_it_says_what_computed(root: Path) -> None:
    told = loaded(find_artifact("mlp-sklearn", root), threads=1).what_ran()
    assert told["runtime_version"] == f"scikit-learn {sklearn.__version__}"
    assert told["computed_in"] == "fp32"
    assert told["settings"].startswith(f"numpy {np.__version__}, ")
    assert told["settings"].endswith("threads=1")


def test_threads_are_as_ordered_or_it_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = find_artifact("logreg-sklearn", root)
    loaded(artifact, threads=1)
    assert threads() == 1
    monkeypatch.setattr("zoo.frameworks.numpy.blas.take_threads", lambda count: None)
    with pytest.raises(UnavailableError, match="uses 1 threads here, not 3"):
        loaded(artifact, threads=3)


@pytest.mark.parametrize("count", range(1, len(CORES) + 1))
def test_each_thread_keeps_to_its_core(root: Path, count: int) -> None:
    path = find_artifact("mlp-sklearn", root).file("fp32")
    with ArmProcess(Order(str(path), "sklearn", threads=count, cores=CORES[:count])) as arm:
        assert arm.facts["what_ran"]["settings"].endswith(f"threads={count}")
        tasks = Path(f"/proc/{arm.child.pid}/task").iterdir()
        kept = [tuple(os.sched_getaffinity(int(task.name))) for task in tasks]
    assert {(core,) for core in CORES[:count]} <= set(kept)


def test_other_models_and_files_are_refused_with_the_reason(
    root: Path, mlp_exports: Path, tmp_path: Path
) -> None:
    artifact = find_artifact("mlp-sklearn", root)
    with pytest.raises(UnsupportedError, match="written in sklearn"):
        loaded(find_artifact("mlp", mlp_exports))
    with pytest.raises(UnsupportedError, match="fp32 weights, not int8"):
        loaded(artifact, "int8")
    model = onnx.load(artifact.file("fp32"))
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "1.bias"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, tmp_path / "less.onnx")
    told = r"do not fit a network of this zoo: it has no 1\.bias"
    with pytest.raises(UnsupportedError, match=told):
        Sklearn().load(Order(str(tmp_path / "less.onnx"), "sklearn"))


def test_it_is_measured_beside_onnxruntime_and_skipped_where_it_cannot(
    root: Path, mlp_exports: Path, tmp_path: Path, tiny_preset: Preset
) -> None:
    settings = Settings(
        preset=tiny_preset, runtimes=("onnxruntime", "sklearn"), batches=(1,), threads=(1,)
    )
    rows = bench.run([*EPOCHS], settings, exports=root, out=tmp_path / "results.csv")
    found = {(row.model, row.runtime, row.precision): row for row in rows}
    for name in EPOCHS:
        assert found[name, "sklearn", "int8"].status == "skipped"
        assert "fp32 weights, not int8" in found[name, "sklearn", "int8"].reason
        one, other = found[name, "sklearn", "fp32"], found[name, "onnxruntime", "fp32"]
        assert (one.status, other.status) == ("ok", "ok")
        assert one.correct == other.correct
    rows = bench.run(
        ["mlp"], settings, precisions=["fp32"], exports=mlp_exports, out=tmp_path / "other.csv"
    )
    other = next(row for row in rows if row.runtime == "sklearn")
    assert other.status == "skipped"
    assert "written in sklearn" in other.reason
