"""OpenVINO as an arm: the same logits, settings read back, and bf16 that is bf16 or refused."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order, UnsupportedError
from bench.runtimes import openvino as room
from bench.runtimes.openvino import OpenVino, OpenVinoBf16
from zoo.artifacts.artifact import find_artifact
from zoo.errors import UnavailableError, ZooError
from zoo.machine.cpu import cpu_flags
from zoo.ort.given import Given
from zoo.ort.session import open_session
from zoo.ort.signature import Signature, logits
from zoo.parity import COMPUTED_IN, SAME_SUMS, largest, tolerance

Make = Callable[..., Path]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
NOTHING = Given()
NATIVE = bool(cpu_flags() & room._BF16_FLAGS)

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)
needs_bf16 = pytest.mark.skipif(not NATIVE, reason="this CPU does not compute in bf16")


def loaded(path: Path, adapter: OpenVino | None = None, **parts: Any) -> OpenVino:
    adapter = adapter or OpenVino()
    adapter.load(Order(str(path), adapter.name, **parts))
    return adapter


def pixels(count: int, shape: tuple[int, int, int] = (4, 5, 3)) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


def answered(adapter: OpenVino, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return adapter.fetch(adapter.run(adapter.place(images)))


def expected(path: Path, images: NDArray[np.uint8], given: Given = NOTHING) -> NDArray[np.float32]:
    session = open_session(path, threads=1)
    return logits(session, Signature.of(session, given), images)


@needs_openvino
class TestAnswers:
    @pytest.mark.parametrize("batch", [1, 7])
    def test_of_a_file_of_this_zoo(self, planted_onnx: Path, batch: int) -> None:
        images = pixels(batch, (32, 32, 3))
        wanted = expected(planted_onnx, images)
        found = answered(loaded(planted_onnx), images)
        assert found.dtype == np.float32
        assert largest(found - wanted) <= tolerance(SAME_SUMS, largest(wanted))

    @pytest.mark.parametrize("kind", ["float32-nchw", "float32-nhwc", "uint8-nchw"])
    def test_of_a_third_party_file(self, tiny_onnx: Make, kind: str) -> None:
        given = Given() if kind.startswith("uint8") else Given(MEAN, STD)
        path, images = tiny_onnx(kind=kind, metadata={}), pixels(6)
        adapter = loaded(path, given=given)
        assert adapter.image_shape() == (4, 5, 3)
        wanted = expected(path, images, given)
        np.testing.assert_allclose(answered(adapter, images), wanted, rtol=1e-4, atol=1e-4)

    def test_a_fixed_batch_is_told(self, tiny_onnx: Make) -> None:
        adapter = loaded(tiny_onnx(batch=3))
        assert adapter.fixed_batch() == 3
        assert answered(adapter, pixels(3)).shape == (3, 3)

    def test_an_answer_stays_when_the_next_call_comes(self, planted_onnx: Path) -> None:
        adapter = loaded(planted_onnx)
        images = pixels(4, (32, 32, 3))
        first = adapter.run(adapter.place(images[:2]))
        kept = first.copy()
        adapter.run(adapter.place(images[2:]))
        np.testing.assert_array_equal(first, kept)

    def test_int8_runs_in_int8_and_says_so(self, mlp_exports: Path) -> None:
        path = find_artifact("mlp", mlp_exports).file("int8")
        adapter = loaded(path)
        assert adapter.what_ran()["computed_in"] == "int8"
        images = pixels(8, adapter.image_shape())
        whole = expected(find_artifact("mlp", mlp_exports).file("fp32"), images)
        assert largest(answered(adapter, images) - whole) < 0.2 * (1 + largest(whole))

    @needs_bf16
    def test_bf16_is_near_and_not_the_same(self, planted_onnx: Path) -> None:
        images = pixels(16, (32, 32, 3))
        adapter = loaded(planted_onnx, OpenVinoBf16())
        wanted = expected(planted_onnx, images)
        apart = largest(answered(adapter, images) - wanted)
        assert tolerance(SAME_SUMS, largest(wanted)) < apart
        assert apart <= tolerance(COMPUTED_IN["bf16"], largest(wanted))
        assert "bf16" in adapter.what_ran()["computed_in"]


@needs_openvino
class TestSettings:
    def test_they_are_read_back(self, planted_onnx: Path) -> None:
        told = loaded(planted_onnx, threads=1).what_ran()
        assert told["runtime_version"].startswith("openvino 20")
        assert told["computed_in"] == "fp32"
        assert told["nodes"]["cpu"] > 4
        settings = dict(part.split("=") for part in told["settings"].split())
        assert settings == {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": "1",
            "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": "False",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
        }

    def test_another_precision_than_asked_for_is_refused(self, planted_onnx: Path) -> None:
        class Says(OpenVinoBf16):
            """As a CPU where bf16 is taken as a hint and computed in fp32."""

            def _nodes(self) -> list[tuple[str, str]]:
                return [("Convolution", "f32")]

        class Widens(OpenVino):
            def _nodes(self) -> list[tuple[str, str]]:
                return [("Convolution", "bf16")]

        with pytest.raises(UnavailableError, match="computes in bf16 here, not in fp32"):
            loaded(planted_onnx, Widens())
        if NATIVE:
            with pytest.raises(UnavailableError, match="computes in fp32 here, not in bf16"):
                loaded(planted_onnx, Says())

    def test_a_setting_that_is_not_taken_is_refused(
        self, planted_onnx: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settled = OpenVino._settled
        monkeypatch.setattr(OpenVino, "_settled", lambda self: settled(self) | {"NUM_STREAMS": "2"})
        with pytest.raises(UnavailableError, match="it has NUM_STREAMS=2"):
            loaded(planted_onnx)

    def test_what_it_cannot_open_is_said_without_places_in_its_sources(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "broken.onnx"
        path.write_text("no model")
        with pytest.raises(ZooError, match=r"openvino cannot open .*broken\.onnx: ") as caught:
            loaded(path)
        assert "Exception from" not in str(caught.value)

    def test_an_operator_that_it_does_not_know_is_named(self, tiny_onnx: Make) -> None:
        path = tiny_onnx()
        model = onnx.load(path)
        model.graph.node[-1].op_type = "NobodyKnows"
        model.graph.node[-1].domain = "somewhere"
        model.opset_import.append(onnx.helper.make_opsetid("somewhere", 1))
        onnx.save(model, path)
        told = r"openvino cannot run .*: No conversion rule found for operations: .*NobodyKnows$"
        with pytest.raises(UnsupportedError, match=told):
            loaded(path)


@needs_openvino
def test_an_arm_of_it_sends_no_telemetry_and_keeps_to_its_cores(
    planted_onnx: Path, images_npy: Path, monkeypatch: pytest.MonkeyPatch, adapters: None
) -> None:
    cores = tuple(sorted(os.sched_getaffinity(0))[:2])
    order = Order(str(planted_onnx), "recording_openvino:Threads", "cpu", len(cores), cores=cores)
    with ArmProcess(order) as arm:
        arm.ask("batch", images=str(images_npy), size=4)
        told = arm.facts["what_ran"]
    assert told["telemetry"] == []
    caller, *others = told["threads"]
    assert caller == [cores[0]]
    assert all(set(allowed) <= set(cores) for allowed in others)
    if len(cores) > 1:  # whether a thread is still pinned depends on when OpenVINO last let it go
        assert [cores[0]] not in others


def test_bf16_where_the_cpu_has_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "cpu_flags", lambda: frozenset({"avx2", "avx512f"}))
    told = OpenVinoBf16.problem("cpu")
    assert told is not None
    assert "does not compute in bf16 natively" in told
    monkeypatch.setattr(room, "cpu_flags", lambda: frozenset({"avx512f", "avx512_bf16"}))
    assert OpenVinoBf16.problem("cpu") is None


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "openvino_telemetry", None)
    with pytest.raises(UnavailableError, match=r"pip install -e '\.\[openvino\]'"):
        OpenVino().load(Order("m.onnx", "openvino"))
