"""numpy as an arm: the network from scratch, with the weights that its file holds."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import bench
import zoo
from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes.numpy import Numpy
from bench.sweep.matrix import Preset, Settings
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.errors import UnavailableError
from zoo.frameworks.numpy.blas import threads
from zoo.runs.options import TrainOptions

CORES = tuple(sorted(os.sched_getaffinity(0)))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """`mlp-numpy` of digits as fp32 and int8."""
    root = tmp_path_factory.mktemp("numpy")
    run = zoo.train("mlp-numpy", TrainOptions(data="digits", epochs=2), run=root / "run")
    return zoo.export(
        "mlp-numpy", run=run.folder, precisions=["fp32", "int8"], exports=root / "exports"
    )


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.array(zoo.load_data("digits").test.images[:60])


@pytest.fixture(autouse=True)
def _threads() -> Any:
    """An adapter otherwise has a separate process, and changes it as it likes."""
    with threadpool_limits(user_api="blas"):
        yield


def loaded(path: Path, **parts: Any) -> Numpy:
    adapter = Numpy()
    adapter.load(Order(str(path), "numpy", **parts))
    return adapter


def test_logits_are_those_of_the_exported_file(
    scratch: Artifact, images: NDArray[np.uint8]
) -> None:
    adapter = loaded(scratch.file("fp32"))
    assert adapter.image_shape() == images.shape[1:]
    assert adapter.fixed_batch() is None
    for count in (1, 2, 7, 60):
        found = adapter.fetch(adapter.run(adapter.place(images[:count])))
        wanted = scratch.predict(images[:count])
        assert (found.dtype, found.shape) == (np.float32, wanted.shape)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    adapter.close()


def test_it_says_what_computed(scratch: Artifact) -> None:
    told = loaded(scratch.file("fp32"), threads=1).what_ran()
    assert told["runtime_version"] == f"numpy {np.__version__}"
    assert told["computed_in"] == "fp32"
    assert told["settings"].endswith("threads=1")


def test_threads_are_as_ordered_or_it_is_refused(
    scratch: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(scratch.file("fp32"), threads=1)
    assert threads() == 1
    monkeypatch.setattr("zoo.frameworks.numpy.blas.take_threads", lambda count: None)
    with pytest.raises(UnavailableError, match="uses 1 threads here, not 3"):
        loaded(scratch.file("fp32"), threads=3)


@pytest.mark.parametrize("count", range(1, len(CORES) + 1))
def test_each_thread_keeps_to_its_core(scratch: Artifact, count: int) -> None:
    order = Order(str(scratch.file("fp32")), "numpy", threads=count, cores=CORES[:count])
    with ArmProcess(order) as arm:
        assert arm.facts["what_ran"]["settings"].endswith(f"threads={count}")
        tasks = Path(f"/proc/{arm.child.pid}/task").iterdir()
        kept = [tuple(os.sched_getaffinity(int(task.name))) for task in tasks]
    assert {(core,) for core in CORES[:count]} <= set(kept)


def test_waiting_threads_sleep_soon_where_cores_are_shared() -> None:
    alone = Numpy.process_environment(Order("m", "numpy", threads=2))
    assert alone == {"OPENBLAS_NUM_THREADS": "2"}
    shared = Numpy.process_environment(Order("m", "numpy", threads=2, cores=(3, 5)))
    assert shared == alone | {"OPENBLAS_THREAD_TIMEOUT": "16"}


def test_other_models_and_files_are_refused_with_the_reason(
    scratch: Artifact, mlp_exports: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match="written in numpy"):
        loaded(find_artifact("mlp", mlp_exports).file("fp32"))
    with pytest.raises(UnsupportedError, match="fp32 weights, not int8"):
        loaded(scratch.file("int8"))
    model = onnx.load(scratch.file("fp32"))
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "1.bias"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(UnsupportedError, match=r"do not fit a network.*no 1\.bias"):
        loaded(tmp_path / "less.onnx")


def test_it_is_measured_beside_onnxruntime_and_skipped_where_it_cannot(
    scratch: Artifact, tmp_path: Path, tiny_preset: Preset
) -> None:
    settings = Settings(
        preset=tiny_preset, runtimes=("onnxruntime", "numpy"), batches=(1,), threads=(1,)
    )
    rows = bench.run(["mlp-numpy"], settings, exports=scratch.root, out=tmp_path / "results.csv")
    found = {(row.runtime, row.precision): row for row in rows}
    assert {key for key, row in found.items() if row.status == "ok"} == {
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
        ("numpy", "fp32"),
    }
    assert found["numpy", "int8"].status == "skipped"
    assert "fp32 weights, not int8" in found["numpy", "int8"].reason
    assert found["numpy", "fp32"].correct == found["onnxruntime", "fp32"].correct
