"""The process of one arm: it runs one command after another and sleeps in read() in between.

    python -m bench.measuring.worker

Commands and answers are lines of JSON; output that a runtime prints does no harm.
"""

import gc
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from bench.measuring.environment import Evidence, read_contention, vram_mib
from bench.measuring.kernel import forget_peak, peak_rss_mib
from bench.measuring.samples import Block
from bench.runtimes import Adapter, Answer, Order, Placed, find_runtime
from bench.runtimes.null import Null
from bench.runtimes.registry import bounded_by_address_space
from zoo.errors import ZooError
from zoo.machine.child import Message, own_pipes
from zoo.machine.memory import limit_address_space
from zoo.parity import SAME_SUMS, largest, tolerance

_KEPT_BYTES = 128 << 10  # bytes of answers: more would push the model out of the caches
_NO_MEMORY = re.compile(
    r"out of memory|allocate memory|bad_alloc|failed to allocate|out of memory", re.I
)
# A runtime's own timing: of a call with each batch, the nanoseconds and the answer.
Timed = Callable[[list[Placed]], tuple[list[int], list[Answer]]]
_YOURS, _OVER = b"y", b"o"  # said between arms that take turns


class Worker:
    """The commands of an arm. Every method takes and returns JSON values."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self.adapter: Adapter = Null()
        self.pool: list[Placed] = []
        self.expected: list[NDArray[np.float32]] = []
        self.next = 0
        self._sizes: set[int] = set()

    def load(self, order: Message) -> Message:
        """Load the model; `load_ns` is only the time for that."""
        wanted = Order.from_json(order)
        self.adapter = find_runtime(wanted.runtime)()
        if wanted.memory and bounded_by_address_space(wanted):
            limit_address_space(wanted.memory, wanted.threads)
        began = time.perf_counter_ns()
        self.adapter.load(wanted)
        took = time.perf_counter_ns() - began
        return {
            "load_ns": took,
            "image_shape": self.adapter.image_shape(),
            "fixed_batch": self.adapter.fixed_batch(),
            "what_ran": self.adapter.what_ran(),
        }

    def batch(self, images: str, size: int, answers: str | None = None) -> Message:
        """Switch to another batch size, with as many different batches as the file of images has.

        first_ns: the time of the first call; known: whether this size was used before. answers:
        where the logits of all batches are written.
        """
        array = np.load(images, mmap_mode="r")
        # Copies: a part of the mapped file would be read from the disk by the first call.
        parts = [np.array(array[at : at + size]) for at in range(0, len(array) - size + 1, size)]
        if not parts:
            raise ZooError(f"{images} has fewer than {size} images.")
        known, self._sizes = size in self._sizes, self._sizes | {size}
        self.pool, self.expected, self.next = [], [], 0
        forget_peak()
        self.pool = [self.adapter.place(parts[0])]
        first_ns, _ = self._timed(0, 1)
        answered_at = time.monotonic_ns()  # a clock that all processes share
        self.pool += [self.adapter.place(part) for part in parts[1:]]
        self.expected = [self._answer(placed, size) for placed in self.pool]
        if answers:
            np.save(answers, np.concatenate(self.expected))
        return {"first_ns": first_ns[0], "answered_at": answered_at, "known": known}

    def calls(self, count: int, untimed: int = 0) -> Message:
        """A turn: some untimed calls, then `count` timed ones."""
        self._timed(self.next, untimed)
        ns, given = self._timed(self.next, count)
        wrong = self._wrong(given)
        self.next += count
        return {"ns": ns, "wrong": wrong}

    def lead(self, peer: int, seconds: float, least: int, untimed: int = 0) -> Message:
        """A timed call, then turns with the arm at the other end of the socket `peer`.

        ns: the time of one call, then of two after every turn of the other arm.
        """
        found = [self.calls(1, untimed)]
        ends = time.monotonic() + seconds
        with _over_at_the_end(peer):
            while time.monotonic() < ends or len(found) <= least:
                os.write(peer, _YOURS)
                if os.read(peer, 1) != _YOURS:
                    return _joined(found)
                found.append(self.calls(2, untimed))
        with suppress(ConnectionResetError):
            os.read(peer, 1)  # the other's own word, which the next turns would take for theirs
        return _joined(found)

    def follow(self, peer: int, untimed: int = 0) -> Message:
        """Two timed calls whenever the leading arm hands over."""
        found = []
        with _over_at_the_end(peer):
            while os.read(peer, 1) == _YOURS:
                found.append(self.calls(2, untimed))
                os.write(peer, _YOURS)
        return _joined(found)

    def block(self, seconds: float, least: int = 1) -> Message:
        """Back-to-back calls for a given time, at least so many, and evidence of contention."""
        ns: list[int] = []
        wrong = 0
        chunk = least
        wall = 0
        most = max(1, _KEPT_BYTES // self.expected[0].nbytes)
        before, entered = read_contention(os.getpid()), time.perf_counter_ns()
        while wall < seconds * 1e9 or len(ns) < least:
            began = time.perf_counter_ns()
            some, given = self._timed(self.next, chunk)
            took = time.perf_counter_ns() - began
            wall += took
            ns += some
            wrong += self._wrong(given)
            self.next += chunk
            chunk = max(1, min(chunk * 2, most, int((seconds * 1e9 - wall) / (took / chunk))))
        enclosed = time.perf_counter_ns() - entered
        evidence = Evidence.between(before, read_contention(os.getpid()), enclosed)
        block = Block(ns, wall, evidence.disturbed, asdict(evidence))
        return {"block": asdict(block), "wrong": wrong}

    def floor(self, count: int) -> Message:
        """The same path with a model that does nothing; none if the runtime times itself."""
        if hasattr(self.adapter, "timed"):
            return {"ns": []}
        null = Null()
        pool = [null.place(np.zeros((1, 1, 1, 3), np.uint8)) for _ in self.pool]
        timed(null.run, pool, 0, count)
        return {"ns": timed(null.run, pool, 0, count)[0]}

    def predict(self, images: str, size: int, logits: str) -> Message:
        """The logits of a whole file of images; the last batch is filled up and cut.

        It is filled with the first images again: blank ones would change the answers of a file that
        depends on the whole batch.
        """
        array = np.load(images, mmap_mode="r")
        parts = []
        for at in range(0, len(array), size):
            filled = array[np.arange(at, at + size) % len(array)]
            count = min(size, len(array) - at)
            parts.append(self._answer(self.adapter.place(filled), size)[:count])
            self._tell({"progress": count})
        np.save(logits, np.concatenate(parts))
        return {}

    def memory(self) -> Message:
        """The largest resident memory at this batch size, and the GPU memory in use."""
        own: Callable[[], Message] | None = getattr(self.adapter, "memory", None)
        here = {"peak_rss_mib": peak_rss_mib(), "vram_mib": vram_mib(os.getpid())}
        return here | (own() if own else {})

    def close(self) -> Message:
        """Release the runtime."""
        self.adapter.close()
        return {}

    def _timed(self, first: int, count: int) -> tuple[list[int], list[Answer]]:
        """Nanoseconds of `count` calls, from batch `first` of the pool on, and their answers."""
        own: Timed | None = getattr(self.adapter, "timed", None)
        if own is None:
            return timed(self.adapter.run, self.pool, first, count)
        ns, answers = own([self.pool[at % len(self.pool)] for at in range(first, first + count)])
        if not len(ns) == len(answers) == count:
            raise ZooError(
                f"it timed {len(ns)} of {count} calls and returned {len(answers)} answers"
            )
        return list(ns), list(answers)

    def _answer(self, placed: Placed, size: int) -> NDArray[np.float32]:
        """A copy of the logits [size, classes] of a batch."""
        answer = self.adapter.fetch(self.adapter.run(placed)).copy()
        if answer.ndim != 2 or len(answer) != size:
            raise ZooError(f"it returns logits of shape {list(answer.shape)} for {size} images")
        return answer

    def _wrong(self, given: list[Answer]) -> int:
        """How many of the last answers differ from the first answers to the same batches."""
        count = len(self.pool)
        wrong = 0
        for first in range(min(count, len(given))):  # all answers to one batch at once
            expected = self.expected[(self.next + first) % count]
            # At the device boundary all answers to a batch are one place, that of the last.
            places = {id(answer): answer for answer in given[first::count]}
            found = [self.adapter.fetch(answer) for answer in places.values()]
            fitting = [answer for answer in found if answer.shape == expected.shape]
            wrong += len(found) - len(fitting)
            if fitting:
                apart = np.abs(np.stack(fitting) - expected).max(axis=(1, 2), initial=0)
                bound = tolerance(SAME_SUMS, largest(expected))
                wrong += int(np.count_nonzero(~(apart <= bound)))
        return wrong

    def _tell(self, message: Message) -> None:
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()

    def serve(self, commands: TextIO) -> None:
        """Answer one line after another, until there are no more."""
        for line in commands:
            command = json.loads(line)
            try:
                answer = getattr(self, command.pop("do"))(**command)
            except ZooError as error:
                kind = type(error).__name__
                if kind == "ZooError" and _NO_MEMORY.search(str(error)):
                    kind = "MemoryError"
                answer = {"error": str(error), "kind": kind}
            except MemoryError:
                answer = {"error": "out of memory", "kind": "MemoryError"}
            except Exception as error:  # a runtime may raise anything, and the sweep continues
                text = str(error).strip().partition("\n")[0]
                kind = "MemoryError" if _NO_MEMORY.search(text) else "Exception"
                told = f"{type(error).__name__}: {text}" if text else type(error).__name__
                answer = {"error": told, "kind": kind}
            self._tell(answer)


def timed(
    run: Callable[[Placed], Answer], pool: list[Placed], first: int, count: int
) -> tuple[list[int], list[Answer]]:
    """Nanoseconds of `count` calls, from batch `first` of the pool on, and their answers."""
    clock = time.perf_counter_ns
    batches = [pool[at % len(pool)] for at in range(first, first + count)]
    ns = []
    answers = []
    for placed in batches:
        began = clock()
        answer = run(placed)
        ended = clock()
        ns.append(ended - began)
        answers.append(answer)
    return ns, answers


@contextmanager
def _over_at_the_end(peer: int) -> Iterator[None]:
    """Make sure that the other arm does not wait forever; one that died is reported by itself."""
    with suppress(BrokenPipeError, ConnectionResetError):
        try:
            yield
        finally:
            os.write(peer, _OVER)


def _joined(turns: list[Message]) -> Message:
    """Several answers of `calls` as one."""
    ns = [taken for turn in turns for taken in turn["ns"]]
    return {"ns": ns, "wrong": sum(turn["wrong"] for turn in turns)}


def main() -> None:
    """Serve until the pipe closes."""
    gc.disable()  # a collection inside a timed call would be taken for the model
    commands, answers = own_pipes()
    with commands, answers:
        Worker(answers).serve(commands)


if __name__ == "__main__":
    main()
