"""A process beside the measured ones that is busy for a share of the time, as others are.

It works and sleeps in turns of random length, so that no rhythm of a benchmark can hide from it.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TURN_SECONDS = 0.02


def disturb(share: float) -> None:
    """Be busy that share of the time, as long as the process that started this one lives."""
    draw = random.Random(0)
    parent = os.getppid()
    while os.getppid() == parent:
        turn = draw.expovariate(1 / _TURN_SECONDS)
        ends = time.perf_counter() + turn * share
        while time.perf_counter() < ends:
            sum(range(1000))
        time.sleep(turn * (1 - share))


@contextmanager
def neighbour(share: float) -> Iterator[None]:
    """Have one during the block; none for 0."""
    if not share:
        yield
        return
    process = subprocess.Popen([sys.executable, __file__, str(share)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    disturb(float(sys.argv[1]))
