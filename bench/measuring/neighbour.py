"""A process that keeps a core busy for a share of the time, to imitate a shared machine.

It works and sleeps in turns of random length, so that no benchmark can fall into step with it.
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
    """Be busy for that share of the time, as long as the parent process lives."""
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
    """Run such a process during the block; none for 0."""
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
