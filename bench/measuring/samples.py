"""The raw samples of a cell: everything that its figures are computed from."""

from dataclasses import dataclass, field
from itertools import chain

_LONGEST_NS = 10**15  # eleven days


@dataclass(frozen=True)
class Block:
    """Calls timed back to back."""

    ns: list[int]  # of each call
    wall_ns: int  # of all
    disturbed: str | None = None  # by what
    evidence: dict[str, float | None] = field(default_factory=dict)  # of contention, by column


@dataclass(frozen=True)
class Start:
    """The cold costs of one process, in ns; see the columns of that name."""

    cold: int
    load: int
    first: int


@dataclass(frozen=True)
class Samples:
    """Everything that was timed for a row."""

    blocks: list[Block] = field(default_factory=list)
    steady: bool | None = None  # whether times had settled when the blocks began
    rerun: int | None = None  # blocks that were measured again
    wrong: int | None = None  # timed calls that gave other logits than expected
    new_shape_ns: int | None = None  # the first call at this batch size, where others came before
    floor_ns: list[int] = field(default_factory=list)  # times of calls that compute nothing
    # For each instance, rows of nanoseconds [a1, b1, b2, a2]; a is the reference.
    turns: list[list[list[int]]] = field(default_factory=list)
    # For each instance, the calls of the reference and of the arm, if they took no turns.
    apart: list[list[list[int]]] = field(default_factory=list)
    unpaired: str = ""  # why there are no turns, where there should be
    starts: list[Start] = field(default_factory=list)

    def check(self) -> None:
        """Refuse impossible times, such as those of a damaged file (`ValueError`)."""
        quads = list(chain.from_iterable(self.turns))
        if not all(self.turns) or any(len(quad) != 4 for quad in quads):
            raise ValueError("a turn is four calls")
        if any(len(pair) != 2 for pair in self.apart):
            raise ValueError("without turns there must be calls of two arms")
        calls = [*(block.ns for block in self.blocks), *chain.from_iterable(self.apart)]
        if not all(calls):
            raise ValueError("a block without calls")
        times = chain(*calls, *quads, (block.wall_ns for block in self.blocks))
        if not all(0 < ns <= _LONGEST_NS for ns in times):
            raise ValueError("a time is not a positive number")
