"""Find out whether the answer to an image depends only on it, or also on its batch or chance.

A file may quantise by the range of a whole batch, subtract a batch's mean or draw random numbers.
Such a file has no single accuracy, only one at each batch size.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.parity import SAME_SUMS, tolerance

Inputs = NDArray[Any]
Ask = Callable[[Inputs, int], Inputs]


@dataclass(frozen=True)
class Apart:
    """Two answers to the same images."""

    difference: float = 0.0  # the largest of a logit
    turned: int = 0  # images whose top class is another, of `images`
    images: int = 0

    @classmethod
    def between(cls, first: Inputs, second: Inputs) -> "Apart":
        """Compare answers [N, classes]; values that are not numbers in both count as equal."""
        if first.shape != second.shape:
            return cls(math.inf, len(first), len(first))
        if not first.size:
            return cls(images=len(first))
        same = (first == second) | (np.isnan(first) & np.isnan(second))
        gaps = np.abs(np.where(same, 0, first) - np.where(same, 0, second))
        turned = first.argmax(axis=1) != second.argmax(axis=1)
        farthest = math.inf if np.isnan(gaps).any() else float(gaps.max())
        return cls(farthest, int(turned.sum()), len(first))

    def __str__(self) -> str:
        return (
            f"logits up to {self.difference:.2g} apart, "
            f"{self.turned} of {self.images} images with another class"
        )


@dataclass(frozen=True)
class Steadiness:
    """What a few images showed."""

    repeated: Apart = field(default_factory=Apart)  # in the same calls made twice
    # In other batches and batch sizes: the farthest of them.
    batches: Apart = field(default_factory=Apart)
    largest: float = 0.0  # |logit|

    def bound(self, more: float = 0.0) -> float:
        """How far answers may differ and count as the same; more: what the file's card allows."""
        return tolerance(SAME_SUMS, self.largest) + more

    def by_chance(self, more: float = 0.0) -> str:
        """A message that repeated calls give different answers, or ""."""
        if self.repeated.difference <= self.bound(more):
            return ""
        return f"the same call made twice gives different answers ({self.repeated})"

    def by_batch(self, more: float = 0.0) -> str:
        """A message that an answer depends on the batch, or ""."""
        if self.batches.difference <= self.bound(more):
            return ""
        return f"the answer to an image depends on its batch ({self.batches})"

    def doubt(self, more: float = 0.0) -> str:
        """Either message; if answers change by chance, the batch cannot be judged."""
        return self.by_chance(more) or self.by_batch(more)


def examine(ask: Ask, images: Inputs, sizes: Iterable[int]) -> Steadiness:
    """Classify the same images twice, among others, in another order, and at each batch size.

    ask: returns the logits of images at a batch size, with the last call filled up. A third of the
    images is mixed with the second third, and in reverse order with the last third.
    """
    third = len(images) // 3
    shared, beside, others = (images[at * third : (at + 1) * third] for at in range(3))
    batch = _alternating(shared, beside) if third else images
    found: list[Inputs] = []
    repeated, batches = [], []
    for size in sorted(set(sizes)):
        found.append(ask(batch, size))
        repeated.append(Apart.between(found[-1], ask(batch, size)))
        batches.append(Apart.between(found[-1], found[0]))
        if size > 1 and third:
            again = ask(_alternating(others, shared[::-1]), size)[1::2][::-1]
            batches.append(Apart.between(found[-1][::2], again))
    largest = max(float(np.abs(some[np.isfinite(some)]).max(initial=0)) for some in found)
    return Steadiness(max(repeated, key=_farness), max(batches, key=_farness), largest)


def _alternating(some: Inputs, others: Inputs) -> Inputs:
    """One of each in turn, so that even a batch of two is mixed."""
    return np.stack([some, others], axis=1).reshape(-1, *some.shape[1:])


def _farness(apart: Apart) -> tuple[float, int]:
    return apart.difference, apart.turned
