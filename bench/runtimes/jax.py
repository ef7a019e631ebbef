"""JAX: the network itself, compiled by XLA, with the weights of an artifact's fp32 file."""

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.runtimes.adapter import Demands, Logits, Order, Placed, UnsupportedError
from bench.runtimes.pinning import keep_to
from zoo.data.dataset import Images
from zoo.errors import UnavailableError

if TYPE_CHECKING:
    from zoo.frameworks.jax.network import Network

_ONLY = "jax runs the networks of this zoo that are written in jax"


class Jax:
    """A function from raw pixels to logits; each new batch size is compiled at its first call."""

    about = "networks of this zoo that are written in JAX, with the weights of the fp32 file"
    packages = ("jax",)
    extra = "jax"
    start_seconds = 4.0

    @staticmethod
    def unsupported(demands: Demands) -> str | None:
        """Refuse anything but this zoo's networks with their trained weights."""
        if demands.third_party:
            return f"{_ONLY}; this is a third-party file"
        if demands.precision != "fp32":
            return f"jax runs the fp32 weights, not {demands.precision}"
        return None

    @staticmethod
    def process_environment(order: Order) -> dict[str, str]:
        """The environment that gives XLA this many threads."""
        return {"NPROC": str(order.threads)}

    def load(self, order: Order) -> None:
        """Build the network, and load its weights from the file.

        XLA has two pools of this many threads, and the calling thread works, too. So the process is
        limited to as many cores as requested threads: no more threads run at a time.
        """
        keep_to(order.cores, order.threads)
        from zoo.frameworks.jax.backend import jax, threads
        from zoo.frameworks.jax.network import from_pixels

        jax.config.update("jax_cpu_enable_async_dispatch", False)  # each call is waited for
        network, mean, std, self._shape = _network(order.model)
        self.function = from_pixels(network, mean, std)
        self.threads = threads()
        if self.threads not in (order.threads, None):
            raise UnavailableError(f"jax uses {self.threads} threads here, not {order.threads}")
        self._versions = f"jax {jax.__version__}", f"jaxlib {version('jaxlib')}"

    def place(self, images: Images) -> Placed:
        """The images on the host."""
        return images

    def run(self, images: Placed) -> Any:
        """A call, until the logits are complete."""
        return self.function(images).block_until_ready()

    def fetch(self, answer: Any) -> Logits:
        """The answer is in host memory already."""
        return np.asarray(answer)

    def what_ran(self) -> dict[str, Any]:
        """JAX and the threads behind it, counted."""
        return {
            "runtime_version": self._versions[0],
            "nodes": {},
            "elsewhere": [],
            "computed_in": "fp32",
            "settings": f"{self._versions[1]} threads={self.threads}",
        }

    def image_shape(self) -> tuple[int, int, int]:
        """As the file's input has it."""
        return self._shape

    def fixed_batch(self) -> int | None:
        """None: a network takes any batch size."""
        return None

    def close(self) -> None:
        """Free the network and its compiled code."""
        del self.function


def _network(
    path: str,
) -> "tuple[Network, tuple[float, ...], tuple[float, ...], tuple[int, int, int]]":
    """The network that a file was exported from, its pixels' mean and std, and their shape."""
    import onnx

    from zoo.frameworks.jax.graph import from_onnx
    from zoo.frameworks.jax.network import Network
    from zoo.ort.signature import PIXELS
    from zoo.specs.catalog import MODELS

    proto = onnx.load(path)
    told = {entry.key: entry.value for entry in proto.metadata_props}
    spec = MODELS.get(told.get("model", ""))
    if spec is None or spec.framework != "jax" or told.get("input") != PIXELS:
        raise UnsupportedError(f"{_ONLY}, from files that take raw pixels")
    if told.get("precision") != "fp32":
        raise UnsupportedError(f"jax runs the fp32 weights, not {told.get('precision')}")
    height, width, channels = (
        side.dim_value for side in proto.graph.input[0].type.tensor_type.shape.dim[1:]
    )
    shape = (height, width, channels)
    empty = Network.empty(spec, shape, len(json.loads(told["class_names"])))
    try:
        network = empty.filled(from_onnx(proto, empty))
    except (LookupError, ValueError) as error:
        raise UnsupportedError(
            f"the file's weights do not fit a network of this zoo: {error}"
        ) from error
    return network, tuple(json.loads(told["mean"])), tuple(json.loads(told["std"])), shape
