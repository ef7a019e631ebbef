"""How often a training run is saved, and how long the estimate at its start may take."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """None of these settings change the weights."""

    checkpoint_seconds: float = 30.0  # from one checkpoint to the next, at least
    warm_steps: int = 2  # besides the one that is counted
    timed_steps: int = 12
    timed_seconds: float = 4.0
    timed_share: float = 0.05  # of the steps to come, at most: a short training is measured briefly

    def seconds_a_step(self, left: int, step: Callable[[int], object]) -> float:
        """The median time of a few calls of `step`, which is given their numbers from 0 on.

        left: remaining steps, of which at most a share is measured.
        """
        timed = max(1, min(self.timed_steps, int(self.timed_share * left)))
        warm = min(self.warm_steps, timed)
        times: list[float] = []
        for number in range(warm + timed):
            started = time.perf_counter()
            step(number)
            if number >= warm:
                times.append(time.perf_counter() - started)
            if sum(times) > self.timed_seconds:
                break
        return statistics.median(times)


PACE = Pace()
