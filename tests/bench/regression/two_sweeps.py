"""Rows as two sweeps of a machine would have given them, for the tests of `compare`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bench.regression.findings import Comparison
from bench.regression.speed import SpeedFinding
from bench.results.rows import Row
from bench.stats.ratios import PairedRatio, paired_ratio
from tests.factories import cell

Compare = Callable[..., Comparison]
NEW = "b" * 64
IMAGES = 10_000
RATIOS = st.floats(0.2, 5.0)
ERRORS = st.floats(0.0, 0.3)


def changed(p50: float | None = 1.0, error: float = 0.005, **parts: Any) -> Row:
    """The same cell of another file."""
    return cell(p50, error, **({"sha256": NEW} | parts))


def accurate(row: Row, correct: int, images: int = IMAGES, source: str = "measured") -> Row:
    return replace(
        row,
        accuracy=correct / images,
        correct=correct,
        images=images,
        accuracy_source=source,
    )


def twins(*p50s: float) -> list[Row]:
    """Rows of something that does not change; they show how sweeps differ."""
    return [cell(p50, subject="still", model="still", batch=n) for n, p50 in enumerate(p50s, 1)]


QUIET_BASE, QUIET_NEW = twins(1, 1, 1, 1, 1), twins(1.01, 0.99, 1.01, 0.99, 1.005)


def speed_of(found: Comparison, index: int = 0) -> SpeedFinding:
    speed = found.rows[index].speed
    assert speed is not None
    return speed


def again(*ratios: float, noise: float = 0.001) -> Callable[[Row, Row], PairedRatio]:
    """Measures these ratios, one a call, as five instances of pairs would."""
    left = iter(ratios)

    def measure(base: Row, new: Row) -> PairedRatio:
        ratio = next(left)
        luck = np.exp(noise * np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))
        return paired_ratio([np.array([[1.0, ratio * x, ratio * x, 1.0]] * 9) for x in luck])

    return measure
