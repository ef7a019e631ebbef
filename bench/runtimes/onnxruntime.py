"""ONNX Runtime, on any provider that its installed build has."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.runtimes.adapter import Logits, Order, Placed
from zoo.data.dataset import Images
from zoo.ort.outputs import as_rows
from zoo.ort.providers import CPU, CUDA, DISTRIBUTIONS, problem_of, usual_providers
from zoo.ort.session import open_session
from zoo.ort.signature import Signature

_DEVICES = {"cuda": "cuda", "tensorrt": "cuda"}
# The kernel is chosen by trying them all, once a shape: the default, said because it costs seconds.
_SEARCH = "EXHAUSTIVE"


class OnnxRuntime:
    """A session; between calls its threads spin as by default, unless they are pinned."""

    about = "any file, on any provider of the installed build; the reference"
    packages = DISTRIBUTIONS
    providers = staticmethod(usual_providers)
    problem = staticmethod(problem_of)

    @staticmethod
    def reserves_little(order: Order) -> bool:
        """Only on the CPU: CUDA and other devices reserve far more than they use."""
        return order.provider.lower() in ("cpu", CPU.lower())

    def load(self, order: Order) -> None:
        """Open the session, and refuse it if nodes run on another provider."""
        if order.cores:
            os.sched_setaffinity(0, order.cores[:1])
        self.order = order
        self._graphs = 0
        self.session = open_session(
            Path(order.model),
            provider=order.provider,
            threads=order.threads,
            config=_pinned(order.cores),
            provider_options=_cuda_options(order),
            allow_fallback=order.allow_fallback,
            profile=Path(order.profile) if order.profile else None,
        )
        self.signature = Signature.of(self.session, order.given, order.shown)
        self._names = [self.signature.output]
        self._raw = self.signature.takes_pixels
        self._call = self.session.ort.run
        on_device = order.boundary == "device"
        self.run: Callable[[Placed], Any] = self._run_device if on_device else self._run_host

    def place(self, images: Images) -> Placed:
        """The images on the host, or on the device a binding with the file's input and output."""
        if self.order.boundary == "host":
            return images
        from onnxruntime import OrtValue

        device = _DEVICES.get(self.session.provider, "cpu")
        (feed,) = self.signature.prepare(images).items()
        binding = self.session.ort.io_binding()
        binding.bind_ortvalue_input(feed[0], OrtValue.ortvalue_from_numpy(feed[1], device, 0))
        binding.bind_output(self.signature.output, device)
        binding.synchronize_inputs()
        binding.pixels = feed[1]  # on the CPU it is bound where it lies
        binding.options = self._graph_options() if self.order.cuda_graph else None
        return binding

    def _graph_options(self) -> Any:
        """A CUDA graph replays on the memory that it was recorded with: one graph per binding."""
        from onnxruntime import RunOptions

        self._graphs += 1
        options = RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(self._graphs))
        return options

    def _run_host(self, images: Images) -> Any:
        signature = self.signature
        feeds = {signature.input: images} if self._raw else signature.prepare(images)
        return self._call(self._names, feeds)[0]

    def _run_device(self, binding: Placed) -> Any:
        self.session.ort.run_with_iobinding(binding, binding.options)
        binding.synchronize_outputs()
        return binding

    def fetch(self, answer: Any) -> Logits:
        """The logits from the host array, or from the binding."""
        if self.order.boundary == "device":
            answer = answer.copy_outputs_to_cpu()[0]
        return as_rows(np.asarray(answer, np.float32))

    def what_ran(self) -> dict[str, Any]:
        """Nodes by provider, as ONNX Runtime placed them."""
        import onnxruntime

        return {
            "runtime_version": f"onnxruntime {onnxruntime.__version__}",
            "nodes": self.session.placement(),
            "elsewhere": self.session.computing_elsewhere(),
            "constants_elsewhere": self.session.constants_elsewhere(),
            "chosen": self.signature.chosen,
            "tf32": self.order.tf32 if self.session.provider == "cuda" else None,
            "conv_search": _SEARCH if self.session.provider == "cuda" else None,
        }

    def image_shape(self) -> tuple[int, int, int]:
        """As the file's input has it."""
        return self.signature.image_shape

    def fixed_batch(self) -> int | None:
        """As the file's input has it."""
        return self.signature.batch

    def close(self) -> None:
        """Write the profile, if requested, and free the session."""
        if self.order.profile:
            self.session.ort.end_profiling()
        del self._call, self.session


def _pinned(cores: tuple[int, ...]) -> dict[str, str]:
    """Session entries that keep thread i on core i and let a waiting pool sleep.

    Within a call the pool spins as usual. ONNX Runtime counts processors from 1, and does not
    count the calling thread.
    """
    if len(cores) < 2:
        return {}
    return {
        "session.intra_op_thread_affinities": ";".join(str(core + 1) for core in cores[1:]),
        "session.force_spinning_stop": "1",
    }


def _cuda_options(order: Order) -> dict[str, str]:
    if order.provider.lower() not in ("cuda", CUDA.lower()):
        return {}
    return {
        "use_tf32": str(int(order.tf32)),
        "cudnn_conv_algo_search": _SEARCH,
        "enable_cuda_graph": str(int(order.cuda_graph)),
    }
