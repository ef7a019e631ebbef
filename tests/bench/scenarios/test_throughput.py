"""Batch sizes are doubled until that no longer pays; those asked for are taken as they are."""

from collections.abc import Callable

from bench.scenarios.scenario import Step
from bench.scenarios.throughput import Throughput

THROUGHPUT = Throughput()


def tried(images_per_second: Callable[[int], float]) -> list[int]:
    """The batch sizes that are measured where each gives so much."""
    found = [Step(size, images_per_second(size)) for size in THROUGHPUT.first(())]
    while (size := THROUGHPUT.further((), found)) is not None:
        found.append(Step(size, images_per_second(size)))
    return [step.batch for step in found]


def test_it_stops_after_two_sizes_that_do_not_pay() -> None:
    assert tried(lambda size: min(size, 8)) == [1, 2, 4, 8, 16, 32]


def test_one_dent_does_not_stop_it() -> None:
    found = tried(lambda size: 0.5 if size == 8 else min(size, 32))
    assert found == [1, 2, 4, 8, 16, 32, 64, 128]


def test_it_ends_somewhere() -> None:
    assert tried(float)[-1] == 1 << 14


def test_sizes_that_are_asked_for_are_measured_and_no_others() -> None:
    assert THROUGHPUT.first((8, 3)) == (8, 3)
    assert THROUGHPUT.further((8, 3), [Step(8, 1.0), Step(3, 9.0)]) is None
