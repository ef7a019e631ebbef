"""When an arm has warmed up, and when it has been measured long enough.

Criteria are small objects that are given one block after another; they do not know what is
measured.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bench.measuring.samples import Block
from bench.stats.stats import median_interval, relative_half_width

_WINDOW = 3  # blocks whose medians must agree before a warm-up ends
_LONGEST_WARM_UP = 1.0  # seconds, where a measurement is not longer itself
_LEAST_BLOCKS = 8  # below that an interval over blocks says little


class TakeBlock(Protocol):
    """Times one block: back-to-back calls for about so many seconds, and at least so many calls."""

    def __call__(self, seconds: float, least: int) -> Block: ...


@dataclass(frozen=True)
class Length:
    """How long to measure: until the minimum is done and p50 is precise, or time is up."""

    least_seconds: float  # of blocks that count
    most_seconds: float  # for all blocks, including repeated ones
    precise: float  # half the width of the p50 interval, as a share of p50
    least_calls: int = 50
    block_seconds: float = 0.1  # about how long one is
    # How much the last blocks of a warm-up may differ, as a share: wider than the noise of a
    # block, narrower than a clock's steps.
    agree: float = 0.05


@dataclass
class WarmUp:
    """Done when the medians of several consecutive blocks agree, or time is up."""

    most_seconds: float  # after which it ends, whether blocks agree or not
    agree: float = Length.agree  # by how much blocks may differ, as a share
    medians: list[float] = field(default_factory=list)  # the median of each block, in nanoseconds
    seconds: float = 0.0  # of all blocks

    def add(self, block: Block) -> None:
        """Add a block."""
        self.medians.append(float(np.median(block.ns)))
        self.seconds += block.wall_ns / 1e9

    @property
    def steady(self) -> bool:
        """Whether the last blocks agree."""
        last = self.medians[-_WINDOW:]
        return len(last) == _WINDOW and max(last) <= min(last) * (1 + self.agree)

    @property
    def is_finished(self) -> bool:
        """Whether to begin measuring."""
        return self.steady or self.seconds >= self.most_seconds


@dataclass
class Measurement:
    """Keeps blocks until the interval of the median is as narrow as asked.

    A contended block is measured again, but no more blocks are repeated than are kept: on a machine
    that is always busy, contended blocks are what users get, and the row says so.
    """

    length: Length  # how long to measure
    blocks: list[Block] = field(default_factory=list)  # those that count
    rerun: int = 0  # blocks that were measured again
    seconds: float = 0.0  # for all blocks, including those left out

    def add(self, block: Block) -> None:
        """Keep a block, or leave it out to be measured again."""
        self.seconds += block.wall_ns / 1e9
        if block.disturbed and self.rerun < len(self.blocks):
            self.rerun += 1
        else:
            self.blocks.append(block)

    @property
    def is_finished(self) -> bool:
        """Whether enough was measured, or time is up."""
        length = self.length
        if self.seconds >= length.most_seconds:
            return True
        seconds = sum(block.wall_ns for block in self.blocks) / 1e9
        calls = sum(len(block.ns) for block in self.blocks)
        if seconds < length.least_seconds or calls < length.least_calls:
            return False
        if len(self.blocks) < _LEAST_BLOCKS:
            return False
        _, low, high = median_interval([np.asarray(block.ns, float) for block in self.blocks])
        return relative_half_width(low, high) <= length.precise


def measure(take_block: TakeBlock, length: Length) -> tuple[WarmUp, Measurement]:
    """Warm an arm up, then measure it."""
    warm_up = WarmUp(max(length.least_seconds, _LONGEST_WARM_UP), length.agree)
    while not warm_up.is_finished:
        warm_up.add(take_block(length.block_seconds, 1))
    kept = Measurement(length)
    while not kept.is_finished:
        kept.add(take_block(length.block_seconds, 1))
    return warm_up, kept
