"""The step of a training as one CUDA graph: recorded once, then replayed with a single launch.

What is recorded is forward pass, backward pass and update, on buffers that stay where they are.
Choosing and augmenting images, the seed, the rate and the running average stay outside, so that
they may change from step to step. Only full batches are replayed.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from zoo.errors import UnavailableError, UsageError
from zoo.frameworks.pytorch.fused import Optimizer
from zoo.frameworks.pytorch.job import Job
from zoo.machine import devices
from zoo.runs.options import TrainOptions

APART = 0.05  # of a step: kernels that add in another order differ by less, a wrong replay by more
WARM_UP = 3  # steps, as torch asks for

Work = Callable[[], None]


class Trainer(Protocol):
    """What is asked of the one in `zoo.frameworks.pytorch.loop`."""

    job: Job
    network: nn.Module
    optimizer: Optimizer

    def compute(self, pixels: Tensor, labels: Tensor) -> None:
        """Forward, backward and update, for a batch."""

    def seed_step(self) -> None:
        """Draw again what the step draws at random."""

    def state(self) -> tuple[dict[str, Tensor], Any]:
        """All tensors that a step changes, as they lie in memory, and other values."""

    def tell(self, words: str) -> None:
        """Pass a line on to the user."""


class Graph(Protocol):
    """What records work on tensors and does it again."""

    def warm_up(self, work: Work) -> None:
        """Do it as it will be recorded."""

    def record(self, work: Work) -> None:
        """Record it; nothing need be computed."""

    def replay(self) -> None:
        """Do what was recorded, on the same tensors."""


class CudaGraph:
    """A graph of CUDA kernels."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, work: Work) -> None:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            work()
        torch.cuda.current_stream().wait_stream(stream)

    def record(self, work: Work) -> None:
        with torch.cuda.graph(self._graph):
            work()

    def replay(self) -> None:
        self._graph.replay()


class Captured:
    """Takes the steps of a trainer: the first as ever, the second both ways, the rest replayed.

    Where the second comes out otherwise, all are computed as ever. Where it cannot be recorded, the
    training ends: torch promises nothing of its allocator and generator after such a failure.
    """

    def __init__(self, trainer: Trainer, graph: Callable[[], Graph] = CudaGraph) -> None:
        self._trainer = trainer
        self._make = graph
        self._graph: Graph | None = None  # once it has passed the check
        self._given_up = False

    @property
    def replays(self) -> bool:
        """Whether a step was recorded."""
        return self._graph is not None

    def step(self, pixels: Tensor, labels: Tensor) -> None:
        """Forward, backward and update, for a batch."""
        trainer = self._trainer
        full = len(labels) == trainer.job.recipe.batch
        if self._given_up or not full or not trainer.optimizer.state:  # its buffers come first
            trainer.compute(pixels, labels)
        elif self._graph is None:
            self._begin(pixels, labels)
        else:
            self._pixels.copy_(pixels)
            self._labels.copy_(labels)
            self._graph.replay()

    def _begin(self, pixels: Tensor, labels: Tensor) -> None:
        """Take this step as ever and by a recorded graph, and compare."""
        trainer = self._trainer
        self._pixels, self._labels = pixels.clone(), labels.clone()
        held = trainer.state()[0]  # as it lies in memory
        before = _copied(held)
        trainer.compute(pixels, labels)
        expected = _copied(held)
        trainer.optimizer.hold_rates()
        graph = self._make()

        def work() -> None:
            trainer.compute(self._pixels, self._labels)

        def again() -> None:
            _put(held, before)
            trainer.seed_step()

        try:
            for _ in range(WARM_UP):
                again()
                graph.warm_up(work)
            graph.record(work)
            again()
            graph.replay()
            problem = _difference(_parts(trainer.network, held), held, expected, before)
        except RuntimeError as error:
            raise UnavailableError(
                f"a step cannot be recorded as a CUDA graph ({_cause(error)}). "
                "Train with --no-cuda-graph."
            ) from error
        if problem:
            self._given_up = True
            trainer.optimizer.release_rates()
            _put(held, expected)
            trainer.tell(f"steps are computed without a CUDA graph: {problem}")
        else:
            self._graph = graph
            trainer.tell("each step is one CUDA graph from here on")


def _cause(error: BaseException) -> str:
    """The first line of what went wrong first: ending the recording fails after it, too."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).partition("\n")[0] or type(error).__name__


def check_options(options: TrainOptions) -> None:
    """Refuse --cuda-graph where no step can be recorded."""
    if not options.cuda_graph:
        return
    if options.device == "cpu":
        raise UsageError(
            "--cuda-graph replays steps on a GPU, and this training is on the CPU. Leave it out, "
            "or train with --device cuda."
        )
    others = {"--compile": options.compile, "--precision fp16": options.precision == "fp16"}
    for other, asked in others.items():
        if asked:
            raise UsageError(f"--cuda-graph does not go with {other}. Leave out one of them.")
    problem = devices.cuda_problem()
    if problem:
        raise UnavailableError(f"--cuda-graph cannot run here: {problem}.")


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _put(held: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in held.items():
            tensor.copy_(values[name])


def _parts(network: nn.Module, names: Collection[str]) -> dict[str, list[str]]:
    """What a step changes, by kind: a large change of one must not hide that of another."""
    weights = {f"network.{name}" for name, _ in network.named_parameters()}
    return {
        "weights": [name for name in names if name in weights],
        "statistics": [n for n in names if n.startswith("network.") and n not in weights],
        "momentum": [name for name in names if name.startswith("optimizer.")],
        "loss": ["sums.loss"],
    }


def _difference(
    parts: Mapping[str, list[str]],
    found: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    before: Mapping[str, Tensor],
) -> str:
    """What a replayed step did otherwise, in words; "" where that is rounding."""
    for part, names in parts.items():
        apart = _distance(found, expected, names)
        step = _distance(expected, before, names)
        if not apart <= APART * step:
            return f"replayed, a step of the {part} is off by {apart:.3g} of {step:.3g}"
    return ""


def _distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor], names: list[str]) -> float:
    squares = [float((one[name].double() - other[name].double()).square().sum()) for name in names]
    return math.sqrt(sum(squares))
