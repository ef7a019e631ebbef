"""PyTorch, eager and compiled, with the weights of an artifact's fp32 file."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.runtimes.adapter import Demands, Logits, Order, Placed, UnsupportedError
from zoo.data.dataset import Images
from zoo.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from zoo.specs.catalog import ModelSpec

_MOST_SIZES = 1000
_SPINS = "10000"  # of a waiting thread before it sleeps: a call's own speed stays, a pause is quiet


class Torch:
    """The network of the catalog, in evaluation mode, after the same pixel normalisation."""

    about = "networks of this zoo, eager, with the weights of the fp32 file"
    packages: tuple[str, ...] = ("torch",)
    compiled = False
    start_seconds = 5.0

    @staticmethod
    def providers() -> tuple[str, ...]:
        """Torch's devices that are measured here."""
        return "cpu", "cuda"

    @staticmethod
    def unsupported(demands: Demands) -> str | None:
        """Refuse anything but this zoo's networks with their trained weights."""
        if demands.third_party:
            return "torch runs only the networks of this zoo; this is a third-party file"
        if demands.precision != "fp32":
            return f"torch runs the fp32 weights, not {demands.precision}"
        if demands.cuda_graph:
            return "CUDA graphs are not supported with torch"
        return None

    @staticmethod
    def problem(provider: str) -> str | None:
        """Whether this torch finds a GPU that it was built for."""
        if provider != "cuda":
            return None
        from zoo.machine.devices import cuda_problem

        return cuda_problem()

    @staticmethod
    def process_environment(order: Order) -> dict[str, str]:
        """The environment for libgomp, which reads how to pin threads when the process starts."""
        if not order.cores:
            return {}
        return {
            "OMP_PROC_BIND": "true",
            "OMP_PLACES": ",".join(f"{{{core}}}" for core in order.cores),
            "GOMP_SPINCOUNT": _SPINS,
        }

    def load(self, order: Order) -> None:
        """Build the network and fill it from the file."""
        if len(order.cores) == 1:
            os.sched_setaffinity(0, order.cores)
        import torch

        if order.provider not in ("cpu", "cuda"):
            raise UnsupportedError(f"{order.runtime} runs on cpu or cuda, not on {order.provider}")
        if problem := self.problem(order.provider):
            raise UnavailableError(
                f"{order.runtime} cannot run on {order.provider} here: {problem}"
            )
        torch.set_num_threads(order.threads)
        torch.backends.cudnn.allow_tf32 = order.tf32
        torch.backends.cuda.matmul.allow_tf32 = order.tf32
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.benchmark_limit = 0  # try all of them, as ONNX Runtime does
        self.torch, self.order, self.device = torch, order, torch.device(order.provider)
        self.network, self._shape = self._ready(order.model)
        on_device = order.boundary == "device"
        self.run: Callable[[Placed], Any] = self._run_device if on_device else self._run_host

    def _ready(self, path: str) -> tuple[Any, tuple[int, int, int]]:
        """The callable that takes pixels on the device, and the shape of an image."""
        network, shape = _network(path)
        network = network.eval().to(self.device, memory_format=self.torch.channels_last)
        return _compiled(network) if self.compiled else network, shape

    def place(self, images: Images) -> Placed:
        """The images on the host, or on the device."""
        if self.order.boundary == "host":
            return images
        return self.torch.from_numpy(images).to(self.device)

    def _run_host(self, images: Images) -> Any:
        torch = self.torch
        with torch.inference_mode():
            return self.network(torch.from_numpy(images).to(self.device)).cpu().numpy()

    def _run_device(self, placed: Placed) -> Any:
        with self.torch.inference_mode():
            answer = self.network(placed)
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()
        return answer

    def fetch(self, answer: Any) -> Logits:
        """The logits from the host array, or from the device."""
        return np.asarray(answer if isinstance(answer, np.ndarray) else answer.cpu(), np.float32)

    def what_ran(self) -> dict[str, Any]:
        """Version and settings, read back from torch."""
        torch = self.torch
        on_cuda = self.device.type == "cuda"
        return {
            "runtime_version": f"torch {torch.__version__}",
            "nodes": {},
            "elsewhere": [],
            "computed_in": _computed_in(torch.backends, on_cuda=on_cuda),
            "tf32": torch.backends.cudnn.allow_tf32 if on_cuda else None,
            "conv_search": _searched(torch.backends.cudnn) if on_cuda else None,
        }

    def image_shape(self) -> tuple[int, int, int]:
        """As the file's input has it."""
        return self._shape

    def fixed_batch(self) -> int | None:
        """None: a network takes any batch size."""
        return None

    def close(self) -> None:
        """Free the network."""
        del self.network


class TorchCompile(Torch):
    """The same through torch.compile: each new batch size is compiled at its first call."""

    about = "the same through torch.compile"
    compiled = True
    start_seconds = 25.0


def _computed_in(backends: Any, *, on_cuda: bool) -> str:
    """The precision of convolutions and matrix products of fp32 weights, by torch's settings."""
    if on_cuda:
        tf32 = (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32)
        kinds = ["tf32" if allowed else "fp32" for allowed in tf32]
    else:
        told = (backends.mkldnn.conv.fp32_precision, backends.mkldnn.matmul.fp32_precision)
        kinds = ["fp32" if kind in ("none", "ieee") else kind for kind in told]
    return ", ".join(dict.fromkeys(kinds))


def _searched(cudnn: Any) -> str:
    """In ONNX Runtime's words: whether all kernels for a shape were tried, or one was predicted."""
    if not cudnn.benchmark:
        return "HEURISTIC"
    return f"{cudnn.benchmark_limit} TRIED" if cudnn.benchmark_limit else "EXHAUSTIVE"


def _compiled(network: Any) -> Any:
    """Compile with fixed settings.

    By default, torch would switch to code for any batch size at the second one, and run what it
    cannot compile, or a ninth size, eagerly.
    """
    import torch

    torch._dynamo.config.recompile_limit = _MOST_SIZES
    return torch.compile(network, dynamic=False, fullgraph=True)


def _network(path: str) -> tuple[Any, tuple[int, int, int]]:
    """The network that a file of this zoo was exported from, and its image's shape."""
    import onnx

    from zoo.models.filling import fill, stored_in
    from zoo.models.pixels import FromPixels
    from zoo.ort.signature import PIXELS
    from zoo.specs.catalog import MODELS

    proto = onnx.load(path)
    told = {entry.key: entry.value for entry in proto.metadata_props}
    spec = MODELS.get(told.get("model", ""))
    if spec is None or spec.framework != "pytorch" or told.get("input") != PIXELS:
        raise UnsupportedError(
            "torch runs the networks of this zoo, from files that take raw pixels"
        )
    if told.get("precision") != "fp32":
        raise UnsupportedError(f"torch runs the fp32 weights, not {told.get('precision')}")
    height, width, channels = (
        side.dim_value for side in proto.graph.input[0].type.tensor_type.shape.dim[1:]
    )
    network = _empty(spec, told, (height, width, channels))
    whole = FromPixels(network, json.loads(told["mean"]), json.loads(told["std"]))
    stored = stored_in(proto, network)
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in stored and "num_batches" not in name]
    if missing:
        raise UnsupportedError(
            f"the file lacks the weights {', '.join(missing[:3])}: it was not exported from this "
            "network"
        )
    fill(network, {name: stored.get(name, value) for name, value in wanted.items()})
    return whole, (height, width, channels)


def _empty(spec: "ModelSpec", told: dict[str, str], shape: tuple[int, int, int]) -> Any:
    """The network that the file's metadata describe, without its weights."""
    from zoo.specs.design import Design

    classes = len(json.loads(told["class_names"]))
    try:
        design = Design.from_json(json.loads(told.get("design", "null"))) if spec.way else None
        return spec.build(shape, classes, design)
    except (ValueError, UsageError) as error:  # torchvision's own is a ValueError
        raise UnsupportedError(
            f"torch cannot build the {spec.name} that the file describes: {error}"
        ) from error
