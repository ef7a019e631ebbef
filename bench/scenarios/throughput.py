"""Throughput: how many images per second, with batches doubled as long as that helps?"""

from collections.abc import Sequence

from bench.scenarios.scenario import Scenario, Step

_PAYS = 1.05  # a doubled batch must give so many times the throughput
_LARGEST = 1 << 14


class Throughput(Scenario):
    """Batch sizes 1, 2, 4, ... until two doublings in a row do not help, or the requested ones."""

    name = "throughput"
    about = "the same, with batches doubled as long as throughput grows"
    searches = True

    def first(self, asked: Sequence[int]) -> tuple[int, ...]:
        return tuple(asked) or (1,)

    def further(self, asked: Sequence[int], found: Sequence[Step]) -> int | None:
        if asked:
            return None
        given = [step.images_per_second for step in found]
        size: int = 2 ** len(given)
        if size > _LARGEST or (len(given) > 2 and max(given[-2:]) < max(given[:-2]) * _PAYS):
            return None
        return size
