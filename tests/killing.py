"""Trainings that are stopped: by a request, or in another process that kills itself.

Loading torch, Keras and JAX takes seconds. The other process is a fork of one that holds them.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from zoo.progress import Progress
from zoo.runs.history import read_history
from zoo.runs.options import TrainOptions
from zoo.runs.pace import Pace
from zoo.runs.run import Run

# Only what others wrote: a process loads the modules of this tree itself, wherever it lies.
_LOADED = ["torch", "keras", "flax.nnx", "optax", "sklearn.linear_model", "sklearn.neural_network"]
_LOADED += ["matplotlib.figure", "safetensors.torch", "onnxscript", "onnxruntime", "pytest"]
OFTEN = Pace(checkpoint_seconds=0.0)  # a checkpoint after each step


@cache
def _context() -> ForkServerContext:
    os.environ.setdefault("KERAS_BACKEND", "torch")  # as zoo has it
    context = get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context


def begin(do: Callable[..., object], *arguments: object) -> BaseProcess:
    """Another process that does something: a function of a module, with what can be pickled."""
    process = _context().Process(target=do, args=arguments)
    process.start()
    return process


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(do: Callable[..., object], *arguments: object) -> None:
    """Let another process do something in which it kills itself."""
    process = begin(do, *arguments)
    process.join()
    assert process.exitcode == -signal.SIGKILL  # what else it said is in the captured output


def killed_training(name: str, options: TrainOptions, folder: Path, steps: int) -> Run:
    """The run of a training that was killed after some steps, saved after each."""
    killed(_train_and_die, name, options, folder, steps)
    assert Run(folder).state.exists()
    return Run(folder)


def _train_and_die(name: str, options: TrainOptions, folder: Path, steps: int) -> None:
    from zoo.actions.train import train
    from zoo.specs.catalog import find_model

    if find_model(name).framework == "keras":  # whose tests compute on one thread
        import torch

        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"
    train(name, options, run=folder, progress=At(steps, die), pace=OFTEN)


class At(Progress):
    """Does something after so many steps of a training."""

    def __init__(self, steps: int, do: Callable[[], object]) -> None:
        super().__init__()
        self.steps, self.do = steps, do

    @contextmanager
    def task(self, label: str, total: float) -> Iterator[Callable[..., None]]:
        done = 0

        def advance(count: int = 1, text: str = "") -> None:
            nonlocal done
            done += count
            if done == self.steps and not label.startswith("latents"):
                self.do()

        yield advance


class Asking(At):
    """Asks to stop after so many steps, as Ctrl-C does."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps, lambda: signal.raise_signal(signal.SIGINT))


def figures(run: Run) -> list[tuple[float | None, ...]]:
    """The history without its times."""
    return [
        (
            *(row.epoch, row.step, row.lr, row.train_loss, row.train_accuracy),
            *(row.validation_loss, row.validation_accuracy),
        )
        for row in read_history(run.history)
    ]
