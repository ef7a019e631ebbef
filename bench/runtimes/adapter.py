"""The interface of a runtime."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UnavailableError
from zoo.ort.given import Given
from zoo.records import read

if TYPE_CHECKING:
    from zoo.data.dataset import Images

Boundary = Literal["host", "device"]
BOUNDARIES = ("host", "device")
Placed = Any  # images where the boundary wants them: an array, or something on the device
Answer = Any  # what a call gives, still on the device where the boundary is `device`
Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Order:
    """What an arm loads, as sent to its process."""

    model: str  # path of the ONNX file
    runtime: str = "onnxruntime"
    provider: str = "cpu"
    threads: int = 1
    boundary: Boundary = "host"  # `host` counts the copies to and from the device
    given: Given = field(default_factory=Given)  # what a third-party file does not say of itself
    # The calling thread and the pool's threads each keep to one of these, in this order, and a
    # waiting pool does not spin; empty: as the runtime does by itself.
    cores: tuple[int, ...] = ()
    tf32: bool = False  # on CUDA
    cuda_graph: bool = False  # on CUDA
    allow_fallback: bool = False  # nodes may run on another provider
    profile: str | None = None  # where the runtime writes the time of each operator
    memory: int | None = None  # bytes that the process may take, None for a share of what is left
    shown: tuple[int, int] | None = None  # height and width of the images, where they are known

    def to_json(self) -> dict[str, Any]:
        """As JSON for the pipe."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Order":
        """From the pipe, where tuples became lists."""
        order: Order = read(cls, value, "order")
        return order


@dataclass(frozen=True)
class Demands:
    """What an arm needs from its runtime, known before any process is started."""

    precision: str  # of the file
    third_party: bool  # whether the file is none of this zoo's
    provider: str = "cpu"
    cuda_graph: bool = False  # whether calls are recorded once and replayed


class UnsupportedError(UnavailableError):
    """This runtime cannot do what was requested on any machine; the message is the reason."""


class Adapter(Protocol):
    """A runtime with one model. A call is `run(place(images))`; only `run` is timed.

    Its class may say more of itself (static methods and attributes, asked for without a model):
    `about`: a line for `list runtimes`;
    `packages`: the distributions it may come in, of which the first installed tells its version;
    `extra`: this project's extra that installs it, where it is not installed anyway;
    `providers()`: where it can compute, as `--provider` names it; if not said, cpu;
    `problem(provider)`: why it cannot run there on this machine; None if it can, or knows it not;
    `unsupported(demands)`: why it cannot meet them whatever the machine, or None;
    `computes_in`: in what it computes fp32, where that is less: one of `parity.COMPUTED_IN`;
    `process_environment(order)`: what must stand in the environment before its process starts;
    `reserves_little(order)`: whether it reserves no more address space than it uses, so that the
    bound of its memory can be one of address space; else its resident memory is watched;
    `start_seconds`: what a process of it takes to its first answer, for forecasts.

    A loaded one may time itself and tell its memory, where this process cannot:
    `timed(batches)`: the nanoseconds of a call with each of what `place` gave, and the answers;
    `memory()`: `peak_rss_mib` and `vram_mib`, those of them that it knows.
    """

    def load(self, order: Order) -> None:
        """Load the model."""

    def place(self, images: "Images") -> Placed:
        """Move images to where the boundary starts."""

    @property
    def run(self) -> Callable[[Placed], Answer]:
        """Compute the logits; they must be complete when it returns."""

    def fetch(self, answer: Answer) -> Logits:
        """The logits as a host array."""

    def what_ran(self) -> dict[str, Any]:
        """What really ran, as reported by the runtime; what it cannot report is left out.

        `runtime_version`: name and version; `nodes`: their number by provider; `elsewhere`: those
        that compute on another provider than asked; `constants_elsewhere`: those there that do not
        depend on the image; `computed_in`: the precision of the layers with most of the work;
        `settings`: what decides its speed, read back; `tf32`, `conv_search`.
        """

    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels that the model takes."""

    def fixed_batch(self) -> int | None:
        """The only batch size, if the file fixes it."""

    def close(self) -> None:
        """Release the runtime; with `Order.profile`, its file is complete afterwards."""
