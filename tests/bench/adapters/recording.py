"""Runtimes of one's own that tell what is done with them; tests name them as `recording:Class`."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.runtimes import Order
from bench.runtimes.adapter import Logits, Placed
from bench.runtimes.null import Null
from bench.runtimes.onnxruntime import OnnxRuntime
from bench.runtimes.torch import Torch
from zoo.data.dataset import Images


class Recording(Null):
    """Adds a line to the file that RECORD names for each thing done; `model` is the arm's name."""

    def load(self, order: Order) -> None:
        self._arm = order.model
        self._file = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._note("load", cores=order.cores)

    def place(self, images: Images) -> Any:
        return int(images[0, 0, 0, 0]), super().place(images)

    def run(self, placed: Placed) -> Logits:
        image, answer = placed
        policies = os.sched_getscheduler(os.getppid()), os.sched_getscheduler(0)
        self._note("call", image=image, policies=policies)
        return super().run(answer)

    def close(self) -> None:
        self._note("close")
        os.close(self._file)

    def _note(self, what: str, **facts: Any) -> None:
        line = {"what": what, "arm": self._arm, "pid": os.getpid(), **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")


class Slow(Recording):
    """So slow a call that it needs none before it to warm up."""

    def run(self, placed: Placed) -> Logits:
        time.sleep(0.006)
        return super().run(placed)


class Burning(Null):
    """Keeps its core busy; `model` is for how many units of time."""

    def load(self, order: Order) -> None:
        self._ns = int(order.model) * 150_000

    def run(self, placed: Placed) -> Logits:
        ends = time.perf_counter_ns() + self._ns
        while time.perf_counter_ns() < ends:
            pass
        return super().run(placed)


class OnnxRuntimeThreads(OnnxRuntime):
    """Tells on which cores its threads may run."""

    def what_ran(self) -> dict[str, Any]:
        ends = time.monotonic() + 10  # each thread pins itself when it first gets a core
        while (cores := thread_cores()) and time.monotonic() < ends and self.order.cores:
            if {core for told in cores for core in told} == set(self.order.cores):
                break
            time.sleep(0.01)
        return {**super().what_ran(), "threads": cores}


class TorchThreads(Torch):
    """The same; its threads are there from the first large operation on."""

    def what_ran(self) -> dict[str, Any]:
        torch = self.torch
        torch.ones(2_000_000).add_(1)
        return {
            **super().what_ran(),
            "threads": thread_cores(),
            "count": torch.get_num_threads(),
            "spins": os.environ.get("GOMP_SPINCOUNT"),
            "sum": float(np.ones(3).sum()),
        }


def thread_cores() -> list[list[int]]:
    """The cores of each thread of this process, its first thread first."""
    threads = sorted(int(entry.name) for entry in Path("/proc/self/task").iterdir())
    return [sorted(os.sched_getaffinity(thread)) for thread in threads]
