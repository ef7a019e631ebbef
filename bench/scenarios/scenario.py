"""The interface of a scenario; by default, calls follow one another."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.measuring.samples import Block, Samples
from bench.measuring.stopping import Length, Measurement, TakeBlock, WarmUp, measure


@dataclass(frozen=True)
class Step:
    """A measured cell of an arm."""

    batch: int
    images_per_second: float


class Scenario:
    """Which cells an arm has, how its calls are made, and which samples count."""

    name: str  # in the column `scenario`
    about: str  # for the description of that column
    usual: tuple[int, ...] = ()  # batch sizes where none are named
    paired: bool = False  # whether an arm and the reference take turns
    # Whether it looks for the best batch size. Then memory that does not suffice ends it, and of
    # its rows the best one counts.
    searches: bool = False

    def first(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Batch sizes that are known before measuring. asked: none if they are to be found."""
        return tuple(asked)

    def further(self, asked: Sequence[int], found: Sequence[Step]) -> int | None:
        """The batch size to measure after those found so far, None if there are no more."""
        return None

    def measure(self, take_block: TakeBlock, length: Length) -> tuple[WarmUp, Measurement]:
        """Warm up and time the calls at a batch size, until precise enough or time is up."""
        return measure(take_block, length)

    def counted(self, samples: Samples) -> Sequence[Block]:
        """The calls that the figures of a row are computed from."""
        return samples.blocks
