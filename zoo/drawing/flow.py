"""Cut the graph of a network into pieces to draw, and fold repeated blocks.

A cut is a layer that all data passes through: no branch goes around it. The layers between two cuts
are a block: in residual networks the branch with the sum that ends it, in dense networks the
convolutions with the concatenation. Large networks are stacks of such blocks; equal neighbours are
folded together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.drawing.inside import Step

_FLAT = 24  # layers: a network of no more is drawn in one piece
_LONGEST = 8  # single layers of a pattern that comes again; at most half as many with blocks
_LEAST = 6  # layers that are worth folding


@dataclass(frozen=True)
class Piece:
    """Layers that are drawn together: from `start` up to, not including, `stop`."""

    start: int
    stop: int


@dataclass(frozen=True)
class Fold:
    """Consecutive pieces with the same structure, or one block."""

    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        """The first layer."""
        return self.pieces[0].start

    @property
    def stop(self) -> int:
        """The index after the last layer."""
        return self.pieces[-1].stop


def edges_of(steps: Sequence[Step]) -> list[tuple[int, ...]]:
    """For each step, the indices of its inputs; -1 is the image."""
    places = {step.name: at for at, step in enumerate(steps)}
    found = []
    for at, step in enumerate(steps):
        before = {places[name] for name in step.takes if places.get(name, at) < at}
        found.append(tuple(sorted(before)) or (-1,))
    return found


def cut_up(steps: Sequence[Step]) -> list[Piece | Fold]:
    """The whole flow, in order."""
    if len(steps) <= _FLAT:
        return [Piece(0, len(steps))] if steps else []
    edges = edges_of(steps)
    blocks = _blocks(steps, edges)
    keys = [_key(steps, edges, block) for block in blocks]
    found: list[Piece | Fold] = []
    at = 0
    while at < len(blocks):
        period, times = _repeats(keys, blocks, at)
        if times > 1:
            parts = [blocks[at + period * n : at + period * (n + 1)] for n in range(times)]
            found.append(Fold(tuple(Piece(part[0].start, part[-1].stop) for part in parts)))
        elif blocks[at].stop - blocks[at].start > 3:
            found.append(Fold((blocks[at],)))
        elif found and isinstance(found[-1], Piece):
            found[-1] = Piece(found[-1].start, blocks[at].stop)
        else:
            found.append(blocks[at])
        at += period * times
    return found


def _blocks(steps: Sequence[Step], edges: Sequence[tuple[int, ...]]) -> list[Piece]:
    """The parts between cuts: single layers, and blocks with the activation after them."""
    around = [0] * (len(steps) + 1)  # +1 where a branch begins to pass by, -1 where it ends
    for at, before in enumerate(edges):
        for start in before:
            if at - start > 1:
                around[start + 1] += 1
                around[at] -= 1
    found: list[Piece] = []
    start = passing = 0
    for at, step in enumerate(steps):
        passing += around[at]
        if passing:
            continue
        alone = step.kind == "activation" and start == at and len(found) > 0
        if alone and found[-1].stop - found[-1].start > 1 and steps[at - 1].kind != step.kind:
            found[-1] = Piece(found[-1].start, at + 1)
        else:
            found.append(Piece(start, at + 1))
        start = at + 1
    return found if start == len(steps) else [*found, Piece(start, len(steps))]


def _key(
    steps: Sequence[Step], edges: Sequence[tuple[int, ...]], piece: Piece
) -> tuple[object, ...]:
    """A key that is equal for blocks with the same structure."""
    return tuple(
        (steps[at].operator, *(at - before for before in edges[at]))
        for at in range(piece.start, piece.stop)
    )


def _repeats(keys: Sequence[object], blocks: Sequence[Piece], at: int) -> tuple[int, int]:
    """The repeating pattern that begins here: its length in blocks, and how often it repeats.

    A pattern with a branch must repeat twice; others three times, because they often repeat by
    chance.
    """
    for period in range(1, _LONGEST + 1):
        pattern, times = keys[at : at + period], 1
        while keys[at + period * times : at + period * (times + 1)] == pattern:
            times += 1
        branches = any(part.stop - part.start > 1 for part in blocks[at : at + period])
        enough = times >= 2 and period <= _LONGEST // 2 if branches else times >= 3
        last = blocks[min(at + period * times, len(blocks)) - 1]
        if enough and last.stop - blocks[at].start >= _LEAST:
            return period, times
    return 1, 1
