"""Run Keras on another backend, in a separate process started for one task.

Keras keeps its backend for the life of a process. Progress of the other process is shown here, and
requests to stop are passed on to it.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import onnx

from zoo.data.dataset import Images
from zoo.errors import ZooError
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.keras.chosen import require
from zoo.machine.child import PATIENCE, Child, EndedError, Ending
from zoo.machine.threads import thread_budget
from zoo.progress import Progress
from zoo.runs.checkpoint import Arrays
from zoo.runs.run import RunCard
from zoo.runs.training import Training

_PROCESS = "zoo.frameworks.keras.process"
_DAY = 86400.0  # seconds that a step may take


@dataclass(frozen=True)
class TrainOrder:
    """A request to train to the last step; returns the weights and the state of the run."""

    training: Training


@dataclass(frozen=True)
class LogitsOrder:
    """A request for the logits of a trained model."""

    card: RunCard
    weights: Arrays
    images: Images


Order = TrainOrder | LogitsOrder


def train(training: Training, backend: str) -> Arrays:
    """Like `Framework.train`. The other process keeps the run; this one takes over afterwards."""
    sent = copy(training)
    sent.progress, sent.hooks = Progress(), ()
    weights: Arrays
    weights, card, history = _done(TrainOrder(sent), backend, training.progress, "trains")
    training.take_over(card, history)
    return weights


class TrainedElsewhere(Trained):
    """A trained model: logits come from its own backend, the graph from a copy on torch here."""

    def __init__(self, card: RunCard, weights: Arrays, same: Trained, backend: str) -> None:
        self.card, self.weights, self.same, self.backend = card, weights, same, backend

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        order = LogitsOrder(self.card, self.weights, images)
        logits: Values = _done(order, self.backend, progress or Progress(), "evaluates")
        return logits

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        return self.same.to_onnx(form, opset)


def _done(order: Order, backend: str, progress: Progress, what: str) -> Any:
    """The result of the other process, or the error that it ended with."""
    require(backend)
    passed: list[int] = []
    try:
        result = _asked(order, backend, progress, passed)
    except EndedError as error:
        if passed:
            signal.raise_signal(passed[-1])
        raise _fault(error.ending, what) from error
    if isinstance(result, ZooError):
        raise result
    return result


def _asked(order: Order, backend: str, progress: Progress, passed: list[int]) -> Any:
    with TemporaryDirectory(prefix="onnx-zoo-keras-") as folder:
        file = Path(folder) / "order"
        file.write_bytes(pickle.dumps(order))
        child = Child(_PROCESS, environment=_environment(), keep_words=True)
        try:
            with _passing_on(child, passed):
                child.tell({"backend": backend, "file": str(file), "argv": sys.argv})
                _follow(child, progress)
            child.end(PATIENCE)
        finally:
            child.end()
        return pickle.loads(file.read_bytes())


def _environment() -> dict[str, str]:
    """The environment that makes every backend use the CPU and our share of threads."""
    threads = str(thread_budget())
    return {
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "NPROC": os.environ.get("NPROC", threads),
        "TF_NUM_INTRAOP_THREADS": os.environ.get("TF_NUM_INTRAOP_THREADS", threads),
    }


@contextmanager
def _passing_on(child: Child, passed: list[int]) -> Iterator[None]:
    """Pass requests to stop on to the other process; `passed` lists them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, frame: FrameType | None) -> None:
        passed.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)

    before = {name: signal.signal(name, pass_on) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _follow(child: Child, progress: Progress) -> None:
    """Show what the other process reports, until it ends."""
    tellers: dict[str, Callable[[str], None]] = {"say": progress.say, "now": progress.now}
    with ExitStack() as shown:
        advance = shown.enter_context(Progress().task("", 0))
        while True:
            ((kind, told),) = child.hear(_DAY).items()
            if kind in tellers:
                tellers[kind](told)
            elif kind == "task":
                advance = shown.enter_context(progress.task(*told))
            elif kind == "advance":
                advance(*told)
            elif kind == "over":
                shown.close()
            else:
                return


def _fault(ending: Ending, what: str) -> Exception:
    if ending.signal:
        return ZooError(
            f"the process that {what} with Keras was killed by {ending.signal}; it may have run "
            "out of memory. Close other programs and try again; continue train with --resume."
        )
    return RuntimeError(f"the process that {what} with Keras failed:\n{ending.words}")
