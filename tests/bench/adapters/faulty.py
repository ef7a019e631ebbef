"""Runtimes of one's own that fail in every way there is; tests name them as `faulty:Class`."""

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from bench.runtimes import Order, UnsupportedError
from bench.runtimes.adapter import Logits, Placed
from bench.runtimes.null import Null
from bench.runtimes.onnxruntime import OnnxRuntime
from zoo.data.dataset import Images
from zoo.errors import UnavailableError, UsageError
from zoo.ort import session as sessions
from zoo.ort.providers import CPU, CUDA


class Echo(Null):
    """Nothing is wrong with this one: logits are the mean of each image, and some of its pixels.

    Its `model` is not a file.
    """

    def load(self, order: Order) -> None:
        self.calls = 0

    def place(self, images: Images) -> Logits:
        flat = images.reshape(len(images), -1)
        return np.hstack([flat.mean(axis=1, keepdims=True), flat[:, :9]]).astype(np.float32)


class Raises(Null):
    def run(self, placed: Placed) -> Logits:
        raise RuntimeError("the runtime broke\n(and this is about its insides)")


class RaisesNothingToRead(Null):
    def run(self, placed: Placed) -> Logits:
        raise RuntimeError


class Hungry(Null):
    def run(self, placed: Placed) -> Logits:
        raise MemoryError


class Swells(Null):
    """Takes more and more memory as it loads, up to 4 GB."""

    def load(self, order: Order) -> None:
        self.held = []
        for _ in range(256):
            self.held.append(np.ones(16 << 20, np.uint8))
            time.sleep(0.01)


class Killed(Null):
    def run(self, placed: Placed) -> Logits:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


class KilledLater(Echo):
    """After 60 calls: somewhere among the turns."""

    def run(self, placed: Placed) -> Logits:
        self.calls += 1
        if self.calls > 60:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(placed)


class RaisesLater(Echo):
    """After 60 calls; its process lives on."""

    def run(self, placed: Placed) -> Logits:
        self.calls += 1
        if self.calls > 60:
            raise RuntimeError("the runtime broke later")
        return super().run(placed)


class Exits(Null):
    def run(self, placed: Placed) -> Logits:
        sys.exit(3)


class Hangs(Null):
    def run(self, placed: Placed) -> Logits:
        time.sleep(600)
        return super().run(placed)


class HangsLoading(Null):
    def load(self, order: Order) -> None:
        time.sleep(600)


class HangsAfterClosing(Null):
    """A thread that does not end keeps the process alive."""

    def close(self) -> None:
        import threading

        threading.Thread(target=time.sleep, args=(600,)).start()


class ClosesBadly(Null):
    def close(self) -> None:
        raise UnavailableError("it cannot even be closed")


class SometimesWrong(Echo):
    """Every fifth call gives other logits, from the 100th on."""

    def run(self, placed: Placed) -> Logits:
        self.calls += 1
        right = super().run(placed)
        return right + 1 if self.calls > 100 and self.calls % 5 == 0 else right


class NotANumber(SometimesWrong):
    def run(self, placed: Placed) -> Logits:
        self.calls += 1
        right = Echo.run(self, placed)
        return right * np.float32("nan") if self.calls > 100 and self.calls % 5 == 0 else right


class Shrinks(SometimesWrong):
    """Every fifth call leaves classes out, and the others have large logits."""

    def run(self, placed: Placed) -> Logits:
        self.calls += 1
        right = Echo.run(self, placed) + np.float32(1e6)
        return right[:, :5] if self.calls > 100 and self.calls % 5 == 0 else right


class NoClasses(Null):
    def run(self, placed: Placed) -> Logits:
        return super().run(placed)[:, 0]


class FewerRows(Null):
    def run(self, placed: Placed) -> Logits:
        return super().run(placed)[:-1]


class Talks(Echo):
    """Prints in every way, lines that look like answers too."""

    def load(self, order: Order) -> None:
        super().load(order)
        os.system("echo a child talks; echo and complains >&2")

    def run(self, placed: Placed) -> Logits:
        print('{"ns": [1], "wrong": 0}', flush=True)
        print("a warning", file=sys.stderr)
        return super().run(placed)


class DiesTalking(Null):
    """Says more than a pipe holds, and then what it died of."""

    def run(self, placed: Placed) -> Logits:
        for line in range(20_000):
            print("all is well so far", line, file=sys.stderr)
        print("the runtime's own last words", file=sys.stderr, flush=True)
        os._exit(9)


class Absent(Null):
    def load(self, order: Order) -> None:
        raise UnavailableError("there is no such device here")


class Unsupported(Null):
    def load(self, order: Order) -> None:
        raise UnsupportedError("it does not support such files")


class Misused(Null):
    def load(self, order: Order) -> None:
        raise UsageError("nobody can want this")


class WantsEnvironment(Null):
    """Tells what it found in the environment of its process."""

    @staticmethod
    def process_environment(order: Order) -> dict[str, str]:
        return {"RUNTIME_THREADS": str(order.threads)}

    def what_ran(self) -> dict[str, Any]:
        return {"threads": os.environ["RUNTIME_THREADS"]}


class NotStarted(OnnxRuntime):
    """ONNX Runtime takes the CPU where CUDA was asked for (its issues 17801 and 23372)."""

    def load(self, order: Order) -> None:
        create = sessions._create

        def on_the_cpu(model: Any, provider: Any, *rest: Any) -> Any:
            return create(model, (CPU, {}), *rest)

        sessions._create, sessions.find_provider = on_the_cpu, lambda name: CUDA
        super().load(order)


class PlacedElsewhere(OnnxRuntime):
    """As if one of its convolutions had been given to another provider."""

    def load(self, order: Order) -> None:
        placed = sessions.Session._placed

        def moved(session: sessions.Session) -> list[tuple[str, str, str]]:
            nodes = placed(session)
            at = next(at for at, node in enumerate(nodes) if "Conv" in node[2])
            return [*nodes[:at], ("SlowExecutionProvider", "", "Conv"), *nodes[at + 1 :]]

        sessions.Session._placed = moved  # type: ignore[method-assign]
        super().load(order)
