"""How many steps are measured before a training begins."""

import pytest

from zoo.runs.pace import Pace


@pytest.mark.parametrize(
    ("left", "calls"),
    [
        (10_000, 2 + 12),  # as many as are timed at most, after the warm-up
        (100, 2 + 5),  # a share of the steps to come
        (20, 1 + 1),  # no more warm-up than what is timed
        (0, 1 + 1),
    ],
)
def test_a_few_steps_are_measured_of_a_short_training(left: int, calls: int) -> None:
    numbers: list[int] = []
    assert Pace(timed_seconds=60).seconds_a_step(left, numbers.append) >= 0
    assert numbers == list(range(calls))


def test_slow_steps_end_the_measurement() -> None:
    numbers: list[int] = []
    Pace(timed_seconds=0).seconds_a_step(10_000, numbers.append)
    assert len(numbers) == 2 + 1
