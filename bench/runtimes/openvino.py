"""OpenVINO on its CPU device, in fp32 or, as a separate arm, in bf16.

By default it computes in bf16 wherever the processor can: its precision is always set here, and
what the layers really compute in is read back from the compiled graph.
"""

import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.runtimes.adapter import Logits, Order, Placed, UnsupportedError
from bench.runtimes.pinning import pin
from zoo.data.dataset import Images
from zoo.errors import UnavailableError, ZooError
from zoo.machine.cpu import cpu_flags
from zoo.ort.outputs import as_rows
from zoo.ort.session import TensorInfo
from zoo.ort.signature import Signature

_DEVICE = "CPU"
_HINTS = {"fp32": "f32", "bf16": "bf16"}  # OpenVINO's names of what it may compute in
_ZOO_NAMES = {"f32": "fp32", "f16": "fp16", "u8": "int8", "i8": "int8"}
_WORK = {"Convolution", "Deconvolution", "FullyConnected", "MatMul", "GroupConvolution"}
_NO_NODES = {"Const", "Input", "Output"}
# Native bf16: of x86 with AVX-512 or AMX, of x86 with AVX2 alone, of Arm. OpenVINO offers bf16 on
# any AVX-512, where it emulates it, and is no faster for it.
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}
# These phrases in its errors mean that an operator is unsupported, or not in this form.
_UNSUPPORTED = ("OpConversionFailure", "Unsupported operation of type")


class OpenVino:
    """A compiled model with one request: one call at a time, in one stream."""

    name = "openvino"
    about = "any file, on the CPU, computed in fp32"
    packages = ("openvino",)
    extra = "openvino"
    computes_in: str | None = None
    start_seconds = 1.0

    @staticmethod
    def providers() -> tuple[str, ...]:
        """Only the CPU; Intel's GPUs and NPUs are not measured here."""
        return ("cpu",)

    def load(self, order: Order) -> None:
        """Compile the file, and refuse it if the result differs from the request."""
        if order.cores:
            os.sched_setaffinity(0, order.cores)  # it counts cores before it creates threads
        if order.provider not in self.providers():
            raise UnsupportedError(f"{self.name} runs on cpu, not on {order.provider}")
        self.order, self.openvino = order, _openvino()
        core = self.openvino.Core()
        try:
            model = core.read_model(order.model)
            file = _File.of(order.model, model)
            self.signature = Signature.of(file, order.given, order.shown)
            self._output = [port.any_name for port in model.outputs].index(self.signature.output)
            self._raw = self.signature.takes_pixels
            self.compiled = core.compile_model(model, _DEVICE, self._settings())
        except RuntimeError as error:
            raise _refusal(order.model, error) from error
        self._check()
        self.request = self.compiled.create_infer_request()
        if len(order.cores) > 1:
            self._call_once()
            pin(order.cores)  # it may undo this for a thread that goes idle, never for ours

    def _settings(self) -> dict[str, Any]:
        """The settings; threads are pinned by us, because its own pinning puts two on one core."""
        return {
            "INFERENCE_PRECISION_HINT": _HINTS[self.computes_in or "fp32"],
            "INFERENCE_NUM_THREADS": self.order.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,  # fp32 stays fp32 whatever the weights are in
        }

    def _settled(self) -> dict[str, str]:
        """The same settings, read back from the compiled model."""
        told = {name: self.compiled.get_property(name) for name in self._settings()}
        hint = told["INFERENCE_PRECISION_HINT"].get_type_name()
        return {name: _text(value) for name, value in told.items()} | {
            "INFERENCE_PRECISION_HINT": hint
        }

    def _check(self) -> None:
        """Refuse other settings, another device or another precision than requested."""
        asked = {name: _text(value) for name, value in self._settings().items()}
        found = self._settled()
        other = [f"{name}={found[name]}" for name in asked if found[name] != asked[name]]
        if other:
            raise UnavailableError(
                f"{self.name} did not take its settings: it has {', '.join(other)}"
            )
        devices = list(self.compiled.get_property("EXECUTION_DEVICES"))
        if devices != [_DEVICE]:
            raise UnavailableError(f"{self.name} runs on {', '.join(devices)}, not on {_DEVICE}")
        floats = set(self._computed()) - {"int8"}
        wanted = self.computes_in or "fp32"
        if (floats and wanted not in floats) or floats - {"fp32", wanted}:
            raise UnavailableError(
                f"{self.name} computes in {', '.join(sorted(floats))} here, not in {wanted}"
            )

    def _nodes(self) -> list[tuple[str, str]]:
        """Kind and precision of every node of the graph as it runs."""
        told = (node.get_rt_info() for node in self.compiled.get_runtime_model().get_ops())
        return [
            (info["layerType"].astype(str), info["runtimePrecision"].astype(str)) for info in told
        ]

    def _computed(self) -> Counter[str]:
        """How many of the expensive layers compute in which precision."""
        kinds = (precision for kind, precision in self._nodes() if kind in _WORK)
        return Counter(_ZOO_NAMES.get(kind, kind) for kind in kinds)

    def place(self, images: Images) -> Placed:
        """The images on the host."""
        if len(self.order.cores) > 1:
            pin(self.order.cores)  # threads that another batch size brought
        return images

    def run(self, images: Placed) -> Any:
        """A call, with its answer copied out of the request."""
        signature = self.signature
        feed = images if self._raw else signature.prepare(images)[signature.input]
        return self.request.infer((feed,), share_inputs=True)[self._output]

    def _call_once(self) -> None:
        """Make one call with an image for each thread, so that all threads exist."""
        count = self.signature.batch or self.order.threads
        self.run(np.zeros((count, *self.signature.image_shape), np.uint8))

    def fetch(self, answer: Any) -> Logits:
        """The answer is on the host already."""
        return as_rows(np.asarray(answer, np.float32))

    def what_ran(self) -> dict[str, Any]:
        """As reported by the compiled model."""
        computed = self._computed().most_common()
        single = len(computed) == 1
        return {
            "runtime_version": f"openvino {self.openvino.__version__.partition('-')[0]}",
            "chosen": self.signature.chosen,
            "nodes": {"cpu": sum(kind not in _NO_NODES for kind, _ in self._nodes())},
            "computed_in": ", ".join(kind if single else f"{kind} {n}" for kind, n in computed),
            "settings": " ".join(f"{name}={value}" for name, value in self._settled().items()),
        }

    def image_shape(self) -> tuple[int, int, int]:
        """As the file's input has it."""
        return self.signature.image_shape

    def fixed_batch(self) -> int | None:
        """As the file's input has it."""
        return self.signature.batch

    def close(self) -> None:
        """Free the model."""
        del self.request, self.compiled


class OpenVinoBf16(OpenVino):
    """The same in bf16: layers that OpenVINO has no bf16 for, and int8 ones, stay as they are."""

    name = "openvino:bf16"
    about = "the same, computed in bf16, on CPUs that support it natively"
    computes_in = "bf16"

    @staticmethod
    def problem(provider: str) -> str | None:
        """Refuse CPUs that would emulate bf16, which nobody would use."""
        if provider not in OpenVino.providers() or cpu_flags() & _BF16_FLAGS:
            return None
        return (
            "this CPU does not compute in bf16 natively, and OpenVINO would emulate it or compute "
            "in fp32. Use --runtime openvino"
        )


@dataclass(frozen=True)
class _File:
    """What an ONNX file read by OpenVINO says about itself: `Opened` without a session."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]
    provider: str = "cpu"

    @classmethod
    def of(cls, name: str, model: Any) -> "_File":
        """From the model's ports; the file's metadata are in its runtime information."""
        told = dict(model.get_rt_info().items()).get("framework")
        metadata = {key: value.astype(str) for key, value in told.items()} if told else {}
        inputs, outputs = (tuple(map(_info, side)) for side in (model.inputs, model.outputs))
        return cls(name, inputs, outputs, metadata)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Not supported: the file is only read."""
        raise AssertionError(self.name)


def _openvino() -> Any:
    """Import the library without its telemetry, which would send a message on import."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    except ImportError as error:
        raise UnavailableError(
            f"openvino does not load ({error}): pip install -e '.[openvino]'"
        ) from error
    return openvino


def _info(port: Any) -> TensorInfo:
    sides = (None if side.is_dynamic else side.get_length() for side in port.partial_shape)
    return TensorInfo(port.any_name, port.element_type.to_dtype().name, tuple(sides))


def _text(value: Any) -> str:
    return str(getattr(value, "name", value))


def _refusal(path: str, error: RuntimeError) -> ZooError:
    """The reason in its errors, which start with positions in its source code."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception from")]
    if any(mark in str(error) for mark in _UNSUPPORTED):
        listed = [line.removeprefix("-- ") for line in told if line.startswith("-- ")]
        return UnsupportedError(f"openvino cannot run {path}: {' '.join(listed or told)[:400]}")
    reason = " ".join(told)[:400] or "it gives no reason"
    return ZooError(f"openvino cannot open {path}: {reason}")
