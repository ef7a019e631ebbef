"""ONNX Runtime as an arm: the same logits as everywhere, at both boundaries, with its settings."""

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order
from bench.runtimes import onnxruntime as room
from bench.runtimes.onnxruntime import OnnxRuntime
from zoo.errors import UnavailableError, UsageError
from zoo.exporting.half import to_half
from zoo.ort.given import Given
from zoo.ort.session import open_session
from zoo.ort.signature import Signature, logits

Make = Callable[..., Path]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
NOTHING = Given()


@contextmanager
def loaded(path: Path, **parts: Any) -> Iterator[OnnxRuntime]:
    adapter = OnnxRuntime()
    adapter.load(Order(str(path), **parts))
    yield adapter
    adapter.close()


def pixels(count: int, shape: tuple[int, int, int] = (4, 5, 3)) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


def expected(path: Path, images: NDArray[np.uint8], given: Given = NOTHING) -> NDArray[np.float32]:
    session = open_session(path, threads=1)
    return logits(session, Signature.of(session, given), images)


def answered(adapter: OnnxRuntime, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return adapter.fetch(adapter.run(adapter.place(images)))


@pytest.mark.parametrize("boundary", ["host", "device"])
@pytest.mark.parametrize("batch", [1, 7])
def test_logits_of_a_file_of_this_zoo(planted_onnx: Path, boundary: str, batch: int) -> None:
    images = pixels(batch, (32, 32, 3))
    with loaded(planted_onnx, boundary=boundary) as adapter:
        found = answered(adapter, images)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected(planted_onnx, images))


@pytest.mark.parametrize("boundary", ["host", "device"])
@pytest.mark.parametrize("kind", ["float32-nchw", "float32-nhwc", "uint8-nchw"])
def test_logits_of_a_third_party_file(tiny_onnx: Make, kind: str, boundary: str) -> None:
    given = Given() if kind.startswith("uint8") else Given(MEAN, STD)
    path, images = tiny_onnx(kind=kind, metadata={}), pixels(6)
    with loaded(path, boundary=boundary, given=given) as adapter:
        assert adapter.image_shape() == (4, 5, 3)
        found = answered(adapter, images)
    np.testing.assert_array_equal(found, expected(path, images, given))


def test_a_third_party_file_that_says_no_normalisation_asks_for_it(tiny_onnx: Make) -> None:
    with pytest.raises(UsageError, match="--mean"):
        OnnxRuntime().load(Order(str(tiny_onnx(kind="float32-nchw", metadata={}))))


def test_a_fixed_batch_is_told_and_kept(tiny_onnx: Make) -> None:
    path, images = tiny_onnx(batch=3), pixels(3)
    with loaded(path) as adapter:
        assert adapter.fixed_batch() == 3
        np.testing.assert_array_equal(answered(adapter, images), expected(path, images))
        with pytest.raises(Exception, match="Got: 2 Expected: 3"):
            answered(adapter, images[:2])


def test_half_precision_answers_come_as_single(tiny_onnx: Make) -> None:
    path = tiny_onnx()
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.node[-1].output[0] = "wide"
    model.graph.node.append(
        onnx.helper.make_node("Cast", ["wide"], ["logits"], to=TensorProto.FLOAT16)
    )
    onnx.save(model, path)
    for boundary in ("host", "device"):
        with loaded(path, boundary=boundary) as adapter:
            assert answered(adapter, pixels(2)).dtype == np.float32


def test_pixels_stay_where_a_binding_finds_them(tiny_onnx: Make) -> None:
    path = tiny_onnx(kind="float32-nchw", metadata={})
    given = Given(MEAN, STD)
    images = pixels(32)
    with loaded(path, boundary="device", given=given) as adapter:
        bound = [adapter.place(images[at : at + 4]) for at in range(0, 32, 4)]
        gc.collect()
        overwritten = [np.full((4, 3, 4, 5), 1e9, np.float32) for _ in range(100)]
        found = np.concatenate([adapter.fetch(adapter.run(binding)) for binding in bound])
        assert len(overwritten) == 100
    np.testing.assert_array_equal(found, expected(path, images, given))


def test_one_call_after_the_other_at_the_device_boundary(planted_onnx: Path) -> None:
    images = pixels(6, (32, 32, 3))
    with loaded(planted_onnx, boundary="device") as adapter:
        one, two = adapter.place(images[:3]), adapter.place(images[3:])
        found = [adapter.fetch(adapter.run(binding)).copy() for binding in (one, two, one)]
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(
        np.concatenate(found[:2]), np.concatenate([expected(planted_onnx, images)])
    )


def test_what_ran_is_what_onnxruntime_says(planted_onnx: Path) -> None:
    import onnxruntime

    with loaded(planted_onnx) as adapter:
        told = json.loads(json.dumps(adapter.what_ran()))
    assert told["runtime_version"] == f"onnxruntime {onnxruntime.__version__}"
    assert set(told["nodes"]) == {"CPUExecutionProvider"}
    assert told["nodes"]["CPUExecutionProvider"] > 4
    assert (told["elsewhere"], told["constants_elsewhere"]) == ([], [])
    assert (told["tf32"], told["conv_search"]) == (None, None)


def test_pinned_threads_have_their_settings_and_others_none() -> None:
    assert room._pinned(()) == room._pinned((4,)) == {}
    assert room._pinned((0, 1)) == {
        "session.intra_op_thread_affinities": "2",
        "session.force_spinning_stop": "1",
    }
    assert room._pinned((3, 5, 9))["session.intra_op_thread_affinities"] == "6;10"


def test_settings_for_cuda_are_explicit() -> None:
    for provider in ("cuda", "CUDAExecutionProvider", "CUDA"):
        told = room._cuda_options(Order("m", provider=provider, tf32=True))
        assert told == {
            "use_tf32": "1",
            "cudnn_conv_algo_search": "EXHAUSTIVE",
            "enable_cuda_graph": "0",
        }
    graph = room._cuda_options(Order("m", provider="cuda", cuda_graph=True))
    assert (graph["use_tf32"], graph["enable_cuda_graph"]) == ("0", "1")
    assert room._cuda_options(Order("m")) == {}


def test_a_profile_is_there_after_closing(planted_onnx: Path, tmp_path: Path) -> None:
    with loaded(planted_onnx, profile=str(tmp_path / "profile")) as adapter:
        answered(adapter, pixels(1, (32, 32, 3)))
    (path,) = tmp_path.glob("profile*.json")
    assert any(event.get("cat") == "Node" for event in json.loads(path.read_text()))


def test_an_arm_of_it_gives_the_same_logits(
    planted_onnx: Path, images_npy: Path, tmp_path: Path
) -> None:
    """In its process, pinned; the last batch is filled up."""
    out = tmp_path / "logits.npy"
    with ArmProcess(Order(str(planted_onnx), cores=(min(os.sched_getaffinity(0)),))) as arm:
        arm.ask("predict", images=str(images_npy), size=5, logits=str(out))
    wanted = expected(planted_onnx, np.load(images_npy))
    np.testing.assert_allclose(np.load(out), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("provider", ["tensorrt", "openvino", "qnn"])
def test_a_provider_of_another_build_is_refused(planted_onnx: Path, provider: str) -> None:
    import onnxruntime

    offered = " ".join(onnxruntime.get_available_providers()).lower()
    if provider in offered:
        pytest.skip(f"this onnxruntime was built with {provider}")
    with pytest.raises(UnavailableError):
        OnnxRuntime().load(Order(str(planted_onnx), provider=provider))


@pytest.mark.cuda
@pytest.mark.parametrize("boundary", ["host", "device"])
@pytest.mark.parametrize("tf32", [False, True])
def test_cuda_gives_the_logits_of_the_cpu(planted_onnx: Path, boundary: str, tf32: bool) -> None:
    images = pixels(7, (32, 32, 3))
    with loaded(planted_onnx, provider="cuda", boundary=boundary, tf32=tf32) as adapter:
        found = answered(adapter, images)
        told = adapter.what_ran()
    wanted = expected(planted_onnx, images)
    bound = (3e-2 if tf32 else 1e-4) * (1 + np.abs(wanted).max())
    assert np.abs(found - wanted).max() <= bound
    assert told["tf32"] is tf32
    assert told["conv_search"] == "EXHAUSTIVE"
    assert told["elsewhere"] == []


@pytest.mark.cuda
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_all_that_computes_on_the_image_of_an_artifact_is_on_cuda(
    mlp_exports: Path, precision: str
) -> None:
    (path,) = mlp_exports.glob(f"*/{precision}.onnx")
    with loaded(path, provider="cuda") as adapter:
        told = adapter.what_ran()
    assert told["elsewhere"] == []
    biases = [line.split()[1] for line in told["constants_elsewhere"]]
    assert biases == (["DequantizeLinear"] if precision == "int8" else [])


@pytest.mark.cuda
@pytest.mark.parametrize("boundary", ["host", "device"])
def test_fp16_computes_on_cuda_and_near_fp32(
    planted_onnx: Path, tmp_path: Path, boundary: str
) -> None:
    half = tmp_path / "fp16.onnx"
    onnx.save(to_half(onnx.load(planted_onnx), ()), half)
    images = pixels(7, (32, 32, 3))
    with loaded(half, provider="cuda", boundary=boundary) as adapter:
        found, told = answered(adapter, images), adapter.what_ran()
    wanted = expected(planted_onnx, images)
    assert np.abs(found - wanted).max() <= 3e-2 * (1 + np.abs(wanted).max())
    assert (told["elsewhere"], told["constants_elsewhere"]) == ([], [])


@pytest.mark.cuda
def test_a_cuda_graph_answers_each_batch_with_its_own_logits(planted_onnx: Path) -> None:
    """A graph is replayed where it was recorded: each batch has its own memory."""
    images = pixels(8, (32, 32, 3))
    with loaded(planted_onnx, provider="cuda", boundary="device", cuda_graph=True) as adapter:
        bound = [adapter.place(images[at : at + 2]) for at in range(0, 8, 2)]
        for _ in range(2):
            found = np.concatenate([adapter.fetch(adapter.run(one)).copy() for one in bound])
    wanted = expected(planted_onnx, images)
    assert np.abs(found - wanted).max() <= 1e-4 * (1 + np.abs(wanted).max())
