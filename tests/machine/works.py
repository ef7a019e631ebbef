"""Works for the tests of executors."""

import os
import signal
from collections.abc import Iterator

from zoo.progress import Progress


def count(most: int, progress: Progress) -> Iterator[int]:
    """0, 1, ... and a word about each."""
    for number in range(most):
        progress.say(f"at {number}")
        yield number


def fail(after: int, progress: Progress) -> Iterator[int]:
    """So many numbers, then an error that nobody expects."""
    yield from range(after)
    raise RuntimeError("out of numbers")


def die(after: int, progress: Progress) -> Iterator[int]:
    """So many numbers, then no process."""
    yield from range(after)
    os.kill(os.getpid(), signal.SIGKILL)


def whose(_: int, progress: Progress) -> Iterator[int]:
    """The process that it runs in."""
    yield os.getpid()
