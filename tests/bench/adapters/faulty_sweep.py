"""Runtimes for sweeps that go wrong. Workers import them by name, through PYTHONPATH.

All take the files of `tiny_onnx`, and answer as those do until their fault shows.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.runtimes import Order, UnsupportedError
from bench.runtimes.adapter import Logits
from zoo.data.dataset import Images
from zoo.errors import UnavailableError


class Right:
    """Without a fault: the mean of each colour."""

    def load(self, order: Order) -> None:
        self.order = order
        self.calls = 0

    def place(self, images: Images) -> Images:
        return images

    def run(self, images: Images) -> Logits:
        self.calls += 1
        self.fault(len(images))
        return self.answer(images.mean(axis=(1, 2), dtype=np.float32) * np.float32(10 / 255))

    def fault(self, size: int) -> None:
        """What goes wrong in a call of so many images."""

    def answer(self, logits: Logits) -> Logits:
        return logits

    def fetch(self, answer: Logits) -> Logits:
        return answer

    def what_ran(self) -> dict[str, Any]:
        return {
            "runtime_version": "faulty 1.0",
            "nodes": {"CPUExecutionProvider": 3},
            "elsewhere": [],
            "tf32": None,
            "conv_search": None,
        }

    def image_shape(self) -> tuple[int, int, int]:
        return 4, 5, 3

    def fixed_batch(self) -> int | None:
        return None

    def close(self) -> None:
        pass


class Dies(Right):
    """As if the kernel had killed it for want of memory, at the larger batch."""

    def fault(self, size: int) -> None:
        if size > 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Exits(Right):
    """Ends while it loads, and says why."""

    def load(self, order: Order) -> None:
        print("the licence has run out", file=sys.stderr, flush=True)
        os._exit(7)


class Hangs(Right):
    """Never returns from the larger batch."""

    def fault(self, size: int) -> None:
        if size > 1:
            time.sleep(600)


class Raises(Right):
    """An error of the runtime, with more lines than a row wants."""

    def fault(self, size: int) -> None:
        raise RuntimeError("no kernel for Gemm\n  in node 3 of /home/somebody/build")


class WantsMemory(Right):
    """More than there is."""

    def fault(self, size: int) -> None:
        raise MemoryError


class Wrong(Right):
    """Every answer is of another network."""

    def answer(self, logits: Logits) -> Logits:
        return logits[:, ::-1]


class Undefined(Right):
    """No answer is a number."""

    def answer(self, logits: Logits) -> Logits:
        return logits * np.float32("nan")


class Misshapen(Right):
    """A class too many."""

    def answer(self, logits: Logits) -> Logits:
        return np.concatenate([logits, logits[:, :1]], axis=1)


class Near(Right):
    """Off by two hundredths of the largest logit."""

    def answer(self, logits: Logits) -> Logits:
        return logits + np.float32(0.02) * (1 + np.abs(logits).max())


class NearInInt8(Near):
    """The same, of a runtime that says that it computes in int8."""

    def what_ran(self) -> dict[str, Any]:
        return {**super().what_ran(), "computed_in": "int8 2, fp32 1"}


class Drifts(Right):
    """Right at first, wrong when it is timed."""

    def answer(self, logits: Logits) -> Logits:
        return logits + np.float32(self.calls > 20)


class Elsewhere(Right):
    """A node in four is not where it should be, and it says so."""

    def what_ran(self) -> dict[str, Any]:
        nodes = {"CPUExecutionProvider": 3, "OtherExecutionProvider": 1}
        return {**super().what_ran(), "nodes": nodes, "elsewhere": ["head (Gemm) on other"]}


class FallsBack(Right):
    """Does not run where it was asked to, and refuses."""

    def load(self, order: Order) -> None:
        raise UnavailableError("3 nodes would run on the CPU instead")


class CannotThis(Right):
    """No runtime for such files."""

    def load(self, order: Order) -> None:
        raise UnsupportedError("it runs other networks")


class Mends(Right):
    """Fails until a file `mended` lies beside the model."""

    def fault(self, size: int) -> None:
        if not Path(self.order.model).with_name("mended").exists():
            raise RuntimeError("not yet")


class KillsTheSweep(Right):
    """Kills who started it, once, where the model is called `last.onnx`."""

    def load(self, order: Order) -> None:
        super().load(order)
        model = Path(order.model)
        mark = model.with_name("killed")
        if model.name == "last.onnx" and not mark.exists():
            mark.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)


class TenClasses(Right):
    """Without a fault, for files of ten classes."""

    def answer(self, logits: Logits) -> Logits:
        return np.pad(logits, ((0, 0), (0, 7)))


class KillsTheSweepAtTwo(TenClasses):
    """Kills who started it, once, at batch 2."""

    def fault(self, size: int) -> None:
        mark = Path(self.order.model).with_name("killed")
        if size == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)


class LacksMemory(Right):
    """Batches of two are too large for it, and no others."""

    def fault(self, size: int) -> None:
        if size == 2:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 2147483648")


class WrongAtTwo(Right):
    """Batches of two are answered with the logits of another network."""

    def answer(self, logits: Logits) -> Logits:
        return logits[:, ::-1] if len(logits) == 2 else logits


class Prepares(Right):
    """Each new batch size costs it a twentieth of a second."""

    def load(self, order: Order) -> None:
        super().load(order)
        self.sizes: set[int] = set()

    def fault(self, size: int) -> None:
        if size not in self.sizes:
            self.sizes.add(size)
            time.sleep(0.05)


class Interrupted(Right):
    """Somebody presses Ctrl-C when the larger batch is measured."""

    def fault(self, size: int) -> None:
        if size > 1:
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(1)


class Guesses(TenClasses):
    """Batches of 64, as a test set is shown in, are answered by chance."""

    def load(self, order: Order) -> None:
        super().load(order)
        self.rng = np.random.default_rng(0)

    def answer(self, logits: Logits) -> Logits:
        values = super().answer(logits)
        if len(values) == 64:
            values += self.rng.normal(size=values.shape).astype(np.float32)
        return values


class OnGpu(Right):
    """Says that it computes on a GPU."""

    @staticmethod
    def providers() -> tuple[str, ...]:
        return "cpu", "cuda"

    def what_ran(self) -> dict[str, Any]:
        return super().what_ran() | {"nodes": {"CUDAExecutionProvider": 3}}
