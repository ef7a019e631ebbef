"""What a scenario decides; where one says nothing else, it is one call after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.measuring.samples import Block, Samples
from bench.measuring.stopping import Length, Measurement, TakeBlock, WarmUp, measure


@dataclass(frozen=True)
class Step:
    """A cell of an arm that was measured."""

    batch: int
    images_per_second: float


class Scenario:
    """Which cells an arm has, how its calls are made, and what their samples amount to."""

    name: str  # in the column `scenario`
    about: str  # for the description of that column
    usual: tuple[int, ...] = ()  # batch sizes where none are named
    paired: bool = False  # whether an arm and the reference take turns
    # Whether it looks for the best batch size. Then memory that does not suffice ends it, and of
    # its rows the best one counts.
    searches: bool = False

    def first(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Batch sizes that are known before any is measured. asked: none, to have them found."""
        return tuple(asked)

    def further(self, asked: Sequence[int], found: Sequence[Step]) -> int | None:
        """The batch size to measure after those that were found, None where nothing is left."""
        return None

    def measure(self, take_block: TakeBlock, length: Length) -> tuple[WarmUp, Measurement]:
        """Warm a batch size up and time its calls, until they tell enough or time is up."""
        return measure(take_block, length)

    def counted(self, samples: Samples) -> Sequence[Block]:
        """The calls that the figures of a row are of."""
        return samples.blocks
