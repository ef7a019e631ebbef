"""The raw samples of a cell: everything that its row is computed from."""

from dataclasses import dataclass, field


@dataclass
class Block:
    """Calls timed back to back."""

    ns: list[int]  # of each call
    wall_ns: int  # of all
    disturbed: str | None = None  # by what
    evidence: dict[str, float | None] = field(default_factory=dict)  # of contention, by column


@dataclass
class Samples:
    """Everything that was timed for a row."""

    blocks: list[Block] = field(default_factory=list)
    floor_ns: list[int] = field(default_factory=list)  # of calls that compute nothing
    # Of each instance, rows of nanoseconds [a1, b1, b2, a2], a being the reference.
    turns: list[list[list[int]]] = field(default_factory=list)
    unpaired: str = ""  # why there are no turns, where there should be
    starts: list[dict[str, int]] = field(default_factory=list)  # cold costs of each process, in ns
