"""How often a training is saved, and how long it is measured before it begins."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """None of it changes the weights."""

    checkpoint_seconds: float = 30.0  # from one checkpoint to the next, at least
    warm_steps: int = 2  # besides the one that is counted
    timed_steps: int = 12
    timed_seconds: float = 4.0
    timed_share: float = 0.05  # of the steps to come, at most: a short training is measured briefly


PACE = Pace()
