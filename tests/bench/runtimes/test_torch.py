"""torch as an arm: the network that an artifact was exported from, eager and compiled."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

import zoo
from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes.torch import Torch, TorchCompile, _computed_in, _searched
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.errors import UnavailableError

CORES = tuple(sorted(os.sched_getaffinity(0)))


@pytest.fixture(scope="module")
def mlp(mlp_exports: Path) -> Artifact:
    return find_artifact("mlp", mlp_exports)


@pytest.fixture(scope="module")
def transfer(transfer_exports: Path) -> Artifact:
    return find_artifact("transfer", transfer_exports)


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """More than 8 batch sizes' worth."""
    return np.array(zoo.load_data("digits").test.images[:60])


@pytest.fixture(autouse=True)
def _settings_of_torch() -> Iterator[None]:
    """An adapter otherwise has a separate process, and changes it as it likes."""
    before = (
        torch.get_num_threads(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.benchmark_limit,
    )
    yield
    torch.set_num_threads(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]
    torch.backends.cuda.matmul.allow_tf32 = before[2]
    torch.backends.cudnn.benchmark, torch.backends.cudnn.benchmark_limit = before[3:]


def loaded(path: Path, adapter: Torch | None = None, **parts: Any) -> Torch:
    adapter = adapter or Torch()
    adapter.load(Order(str(path), "torch", **parts))
    return adapter


def answered(adapter: Torch, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return adapter.fetch(adapter.run(adapter.place(images)))


def check(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    assert (found.dtype, found.shape) == (np.float32, wanted.shape)
    assert np.abs(found - wanted).max() <= 1e-4 * (1 + np.abs(wanted).max())


@pytest.mark.parametrize("boundary", ["host", "device"])
def test_logits_are_those_of_the_exported_file(
    mlp: Artifact, images: NDArray[np.uint8], boundary: str
) -> None:
    adapter = loaded(mlp.file("fp32"), boundary=boundary)
    for count in (1, 2, 7, 60):
        check(answered(adapter, images[:count]), mlp.predict(images[:count]))
    adapter.close()


@pytest.mark.parametrize("adapter", [Torch, TorchCompile])
def test_a_transfer_is_built_by_the_design_that_its_file_tells_of(
    transfer: Artifact,
    images: NDArray[np.uint8],
    adapter: type[Torch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its images are resized by matrices that are no weights; zero biases are not in the file."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    torch._dynamo.reset()
    arm = loaded(transfer.file("fp32"), adapter())
    for count in (1, 7, 60):
        check(answered(arm, images[:count]), transfer.predict(images[:count]))
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("design", "words"),
    [
        (None, "the design is not an object"),
        ({"head": "linear"}, "the design has no backbone"),
        ("resnet19", "Unknown model resnet19"),
    ],
    ids=str,
)
def test_a_transfer_whose_design_cannot_be_built_is_refused(
    transfer: Artifact, tmp_path: Path, design: object, words: str
) -> None:
    model = onnx.load(transfer.file("fp32"))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    if isinstance(design, str):
        told = json.loads(facts["design"])
        design = told | {"backbone": told["backbone"] | {"model": design}}
    onnx.helper.set_model_props(model, facts | {"design": json.dumps(design)})
    path = tmp_path / "damaged.onnx"
    onnx.save(model, path)
    with pytest.raises(UnsupportedError, match=f"cannot build the transfer.*{words}"):
        loaded(path)


def test_what_it_tells(mlp: Artifact) -> None:
    adapter = loaded(mlp.file("fp32"))
    assert adapter.image_shape() == (32, 32, 3)
    assert adapter.fixed_batch() is None
    told = adapter.what_ran()
    assert told["runtime_version"] == f"torch {torch.__version__}"
    assert (told["tf32"], told["elsewhere"], told["nodes"]) == (None, [], {})


def test_what_it_computes_in_is_read_back(mlp: Artifact) -> None:
    assert loaded(mlp.file("fp32")).what_ran()["computed_in"] == "fp32"


@pytest.mark.parametrize(
    ("convolutions", "products", "told"),
    [("none", "ieee", "fp32"), ("none", "bf16", "fp32, bf16"), ("bf16", "bf16", "bf16")],
)
def test_what_a_cpu_computes_in(convolutions: str, products: str, told: str) -> None:
    mkldnn = SimpleNamespace(
        conv=SimpleNamespace(fp32_precision=convolutions),
        matmul=SimpleNamespace(fp32_precision=products),
    )
    assert _computed_in(SimpleNamespace(mkldnn=mkldnn), on_cuda=False) == told


@pytest.mark.parametrize(
    ("convolutions", "products", "told"),
    [(True, True, "tf32"), (False, False, "fp32"), (True, False, "tf32, fp32")],
)
def test_what_a_gpu_computes_in(convolutions: bool, products: bool, told: str) -> None:
    backends = SimpleNamespace(
        cudnn=SimpleNamespace(allow_tf32=convolutions),
        cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=products)),
    )
    assert _computed_in(backends, on_cuda=True) == told


def test_all_kernels_of_cudnn_are_tried_as_onnxruntime_does(mlp: Artifact) -> None:
    cudnn = torch.backends.cudnn
    cudnn.benchmark = False
    assert _searched(cudnn) == "HEURISTIC"
    loaded(mlp.file("fp32"))
    assert (cudnn.benchmark, _searched(cudnn)) == (True, "EXHAUSTIVE")


def test_it_computes_nothing_but_logits(mlp: Artifact, images: NDArray[np.uint8]) -> None:
    adapter = loaded(mlp.file("fp32"), boundary="device")
    answer = adapter.run(adapter.place(images[:3]))
    assert answer.is_inference()
    assert not adapter.network.training


def test_threads_are_those_ordered(mlp: Artifact) -> None:
    loaded(mlp.file("fp32"), threads=1)
    assert torch.get_num_threads() == 1


def test_other_files_are_not_for_torch(mlp: Artifact, tiny_onnx: Callable[..., Path]) -> None:
    for path, told in (
        (mlp.file("int8"), "not int8"),
        (tiny_onnx(metadata={}), "the networks of this zoo"),
        (tiny_onnx(kind="float32-nchw"), "the networks of this zoo"),
    ):
        with pytest.raises(UnsupportedError, match=told):
            loaded(path)


def test_a_file_without_the_weights_of_the_run_is_refused(mlp: Artifact, tmp_path: Path) -> None:
    model = onnx.load(mlp.file("fp32"))
    for tensor in model.graph.initializer:
        tensor.name = f"renamed.{tensor.name}"
    path = tmp_path / "renamed.onnx"
    onnx.save(model, path)
    with pytest.raises(UnsupportedError, match="the file lacks the weights "):
        loaded(path)


def test_a_provider_that_torch_has_not_is_refused(mlp: Artifact) -> None:
    with pytest.raises(UnsupportedError, match="not on openvino"):
        loaded(mlp.file("fp32"), provider="openvino")


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here, so it is not refused")
def test_without_a_gpu_cuda_is_refused(mlp: Artifact) -> None:
    with pytest.raises(UnavailableError, match=r"torch cannot run on cuda here: .+") as caught:
        loaded(mlp.file("fp32"), provider="cuda")
    assert type(caught.value) is UnavailableError


def test_pinned_threads_have_their_environment_and_others_none() -> None:
    assert Torch.process_environment(Order("m", "torch", threads=2)) == {}
    for adapter in (Torch, TorchCompile):
        assert adapter.process_environment(Order("m", "torch", threads=2, cores=(3, 5))) == {
            "OMP_PROC_BIND": "true",
            "OMP_PLACES": "{3},{5}",
            "GOMP_SPINCOUNT": "10000",
        }


@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
def test_threads_keep_to_their_cores(
    mlp: Artifact, images: NDArray[np.uint8], adapters: None, tmp_path: Path
) -> None:
    order = Order(str(mlp.file("fp32")), "recording:TorchThreads", threads=2, cores=CORES[:2])
    out, file = tmp_path / "logits.npy", tmp_path / "images.npy"
    images = images[:8]
    np.save(file, images)
    with ArmProcess(order) as arm:
        told = arm.facts["what_ran"]
        arm.ask("predict", images=str(file), size=3, logits=str(out))
    assert (told["count"], told["spins"]) == (2, "10000")
    # The two that compute; others that torch starts only wait.
    assert told["threads"][0] == [CORES[0]]
    assert [CORES[1]] in told["threads"]
    check(np.load(out), mlp.predict(images))


def test_each_batch_size_is_compiled_by_itself_and_none_falls_back_to_eager(
    mlp: Artifact, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a compiler that only counts; more sizes than torch by itself compiles."""
    shapes: list[tuple[int, ...]] = []

    def counting(module: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        shapes.append(next(tuple(one.shape) for one in inputs if one.dtype == torch.uint8))
        return module.forward

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counting))
    torch._dynamo.reset()
    adapter = loaded(mlp.file("fp32"), TorchCompile())
    sizes = [*range(1, 11), 3]
    for size in sizes:
        check(answered(adapter, images[:size]), mlp.predict(images[:size]))
    assert [shape[0] for shape in shapes] == sizes[:-1]
    torch._dynamo.reset()


@pytest.mark.cuda
@pytest.mark.parametrize("boundary", ["host", "device"])
def test_cuda_gives_the_logits_of_the_cpu(
    mlp: Artifact, images: NDArray[np.uint8], boundary: str
) -> None:
    adapter = loaded(mlp.file("fp32"), provider="cuda", boundary=boundary)
    check(answered(adapter, images), mlp.predict(images))
    assert adapter.what_ran()["tf32"] is False
    assert adapter.what_ran()["conv_search"] == "EXHAUSTIVE"
