"""numpy: the network from scratch itself, with the weights of an artifact's fp32 file."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.runtimes.adapter import Demands, Logits, Order, Placed, UnsupportedError
from bench.runtimes.pinning import pin
from zoo.data.dataset import Images
from zoo.errors import UnavailableError

if TYPE_CHECKING:
    from zoo.frameworks.batches import Standard
    from zoo.frameworks.numpy.network import Network, Numbers

_SPINS = (
    "16"  # a waiting thread of OpenBLAS looks for 2 to the power of so many cycles, then sleeps
)


class Numpy:
    """Forward propagation of `zoo.frameworks.numpy.network`, after standardising pixels."""

    about = "networks of this zoo that are written in numpy, with the weights of the fp32 file"
    packages: tuple[str, ...] = ("numpy",)
    framework = "numpy"  # of the models that it runs

    @classmethod
    def unsupported(cls, demands: Demands) -> str | None:
        """Refuse anything but trained weights."""
        if demands.third_party:
            return f"{_only(cls.framework)}; this is a third-party file"
        if demands.precision != "fp32":
            return f"{cls.framework} runs the fp32 weights, not {demands.precision}"
        return None

    @staticmethod
    def process_environment(order: Order) -> dict[str, str]:
        """The environment for OpenBLAS, which creates its threads when numpy is loaded."""
        threads = {"OPENBLAS_NUM_THREADS": str(order.threads)}
        return threads | ({"OPENBLAS_THREAD_TIMEOUT": _SPINS} if order.cores else {})

    def load(self, order: Order) -> None:
        """Load the weights from the file, and set the requested number of threads."""
        from zoo.frameworks.numpy.blas import described, take_threads, threads

        if order.cores:
            os.sched_setaffinity(0, order.cores)
        held = _held(order.model, self.framework)
        self.standard, self._shape = held.standard, held.shape
        self.forward = self._forward(held)
        take_threads(order.threads)
        if threads() != order.threads:
            raise UnavailableError(
                f"numpy's BLAS uses {threads()} threads here, not {order.threads}"
            )
        self._described = described()
        if len(order.cores) > 1:
            self._call_once()
            pin(order.cores)

    def place(self, images: Images) -> Placed:
        """The images on the host."""
        return images

    def run(self, images: Images) -> Logits:
        """All steps of a prediction, from raw pixels."""
        return self.forward(self.standard.rows(images))

    def _forward(self, held: "Held") -> "Callable[[Numbers], Logits]":
        """From rows of standardised pixels to logits."""
        from zoo.frameworks.numpy.network import forward_propagation

        return lambda rows: forward_propagation(held.network, rows)[-1]

    def _call_once(self) -> None:
        """Make one call with enough images to use all threads."""
        self.run(np.zeros((64, *self._shape), np.uint8))

    def fetch(self, answer: Logits) -> Logits:
        """The answer is on the host already."""
        return answer

    def what_ran(self) -> dict[str, Any]:
        """numpy and the kernels behind it, read back."""
        from zoo.frameworks.numpy.blas import threads

        version, _, blas = self._described.partition(", ")
        return {
            "runtime_version": version,
            "nodes": {},
            "elsewhere": [],
            "computed_in": "fp32",
            "settings": f"{blas} threads={threads()}",
        }

    def image_shape(self) -> tuple[int, int, int]:
        """As the file's input has it."""
        return self._shape

    def fixed_batch(self) -> int | None:
        """None: a network takes any batch size."""
        return None

    def close(self) -> None:
        """Free the network."""
        del self.forward


@dataclass(frozen=True)
class Held:
    """What a file of this zoo holds of the network that it was made from."""

    network: "Network"
    standard: "Standard"  # of its pixels
    shape: tuple[int, int, int]  # of its images
    told: dict[str, str]  # its metadata


def _only(framework: str) -> str:
    return f"{framework} runs the networks of this zoo that are written in {framework}"


def _held(path: str, framework: str) -> Held:
    import onnx

    from zoo.frameworks.batches import Standard
    from zoo.frameworks.numpy.network import network_of
    from zoo.ort.signature import PIXELS

    proto = onnx.load(path)
    told = {entry.key: entry.value for entry in proto.metadata_props}
    if told.get("framework") != framework or told.get("input") != PIXELS:
        raise UnsupportedError(f"{_only(framework)}, from files that take raw pixels")
    if told.get("precision") != "fp32":
        raise UnsupportedError(f"{framework} runs the fp32 weights, not {told.get('precision')}")
    height, width, channels = (
        side.dim_value for side in proto.graph.input[0].type.tensor_type.shape.dim[1:]
    )
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    weights = {name: array for name, array in stored.items() if name[0].isdecimal()}
    try:
        network = network_of(weights)
    except ValueError as error:
        raise UnsupportedError(
            f"the file's weights do not fit a network of this zoo: {error}"
        ) from error
    standard = Standard(json.loads(told["mean"]), json.loads(told["std"]), height * width)
    return Held(network, standard, (height, width, channels), told)
