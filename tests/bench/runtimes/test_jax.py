"""JAX as an arm: the compiled network, with the weights that its file holds."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bench
import zoo
from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes.jax import Jax
from bench.sweep.matrix import Preset, Settings
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.errors import UnavailableError

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

CORES = tuple(sorted(os.sched_getaffinity(0)))


@pytest.fixture(scope="module")
def made(digits_artifact: Callable[[str], Artifact]) -> Artifact:
    """`cnn-jax` of digits in every precision; not to be changed."""
    return digits_artifact("cnn-jax")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """An adapter otherwise has a separate process, and changes it as it likes."""
    yield
    os.sched_setaffinity(0, CORES)
    jax.config.update("jax_cpu_enable_async_dispatch", True)


@pytest.fixture(scope="module")
def images(made: Artifact) -> NDArray[np.uint8]:
    height, width, channels = made.card.image_shape
    data = zoo.load_data("digits", size=(height, width), grey=channels == 1)
    return np.array(data.test.images[:60])


def loaded(path: Path, **parts: Any) -> Jax:
    """In this process, where XLA has its threads already."""
    from zoo.frameworks.jax.backend import threads

    adapter = Jax()
    adapter.load(Order(str(path), "jax", **({"threads": threads()} | parts)))
    return adapter


def test_logits_are_those_of_the_exported_file(made: Artifact, images: NDArray[np.uint8]) -> None:
    adapter = loaded(made.file("fp32"))
    assert adapter.image_shape() == images.shape[1:]
    assert adapter.fixed_batch() is None
    for count in (1, 7, 60):
        found = adapter.fetch(adapter.run(adapter.place(images[:count])))
        wanted = made.predict(images[:count])
        assert (found.dtype, found.shape) == (np.float32, wanted.shape)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    adapter.close()


def test_a_batch_size_is_compiled_once(made: Artifact, images: NDArray[np.uint8]) -> None:
    adapter = loaded(made.file("fp32"))
    for count in (3, 5, 3, 5, 3):
        adapter.run(images[:count])
    assert adapter.function._cache_size() == 2


def test_it_says_what_computed(made: Artifact) -> None:
    adapter = loaded(made.file("fp32"))
    told = adapter.what_ran()
    assert told["runtime_version"] == f"jax {jax.__version__}"
    assert told["computed_in"] == "fp32"
    assert told["settings"] == f"jaxlib {jax.lib.__version__} threads={adapter.threads}"


def test_threads_are_as_ordered_or_it_is_refused(made: Artifact) -> None:
    with pytest.raises(UnavailableError, match=r"jax uses [0-9]+ threads here, not 99"):
        loaded(made.file("fp32"), threads=99)


@pytest.mark.parametrize("count", range(1, len(CORES) + 1))
@pytest.mark.parametrize("shared", [True, False])
def test_it_keeps_to_as_many_cores_as_threads(made: Artifact, count: int, shared: bool) -> None:
    cores = CORES[-count:] if shared else ()
    order = Order(str(made.file("fp32")), "jax", threads=count, cores=cores)
    with ArmProcess(order) as arm:
        assert arm.facts["what_ran"]["settings"].endswith(f"threads={count}")
        tasks = Path(f"/proc/{arm.child.pid}/task").iterdir()
        kept = {tuple(sorted(os.sched_getaffinity(int(task.name)))) for task in tasks}
    assert kept == {cores or CORES[:count]}


def test_other_models_and_files_are_refused_with_the_reason(
    made: Artifact, mlp_exports: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match="written in jax"):
        loaded(find_artifact("mlp", mlp_exports).file("fp32"))
    with pytest.raises(UnsupportedError, match="fp32 weights, not int8"):
        loaded(made.file("int8"))
    model = onnx.load(made.file("fp32"))
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "3.scale"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(UnsupportedError, match=r"do not fit a network.*3\.scale"):
        loaded(tmp_path / "less.onnx")


def test_it_is_measured_beside_onnxruntime_and_skipped_where_it_cannot(
    made: Artifact, tmp_path: Path, tiny_preset: Preset
) -> None:
    settings = Settings(
        preset=tiny_preset, runtimes=("onnxruntime", "jax"), batches=(1,), threads=(1,)
    )
    rows = bench.run(
        ["cnn-jax"],
        settings,
        precisions=["fp32", "int8"],
        exports=made.root,
        out=tmp_path / "results.csv",
    )
    found = {(row.runtime, row.precision): row for row in rows}
    assert {key for key, row in found.items() if row.status == "ok"} == {
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
        ("jax", "fp32"),
    }
    assert "fp32 weights, not int8" in found["jax", "int8"].reason
    assert found["jax", "fp32"].correct == found["onnxruntime", "fp32"].correct
