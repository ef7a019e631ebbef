"""Every figure of a row that comes from timing, computed from its raw samples alone.

What a sweep does after each cell can be done again at any time from the samples file.
"""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from bench.results.accuracy import doubts
from bench.results.rows import Row
from bench.results.samples import Block, Samples
from bench.results.wording import figures
from bench.stats.ratios import paired_ratio, verdict
from bench.stats.stats import (
    FEWEST_BLOCKS,
    Floats,
    calls_to_break_even,
    median_interval,
    percentile,
)

SHARES = {"p90_ms": 0.90, "p99_ms": 0.99, "p999_ms": 0.999}
FLOOR_SHARE = 0.1  # above that the harness is a part of what was measured
_AGREES = 0.03  # beyond both intervals, the two ratios may be so far apart without a warning
_MS, _US = 1e6, 1e3


def evaluate(row: Row, samples: Samples, reference: Row | None = None) -> None:
    """Fill in the row. reference: the row of the arm that it was paired with."""
    row.warnings = None
    if samples.blocks:
        _solo(row, samples)
    if samples.turns:
        _pair(row, samples, reference)
    if samples.unpaired:
        _warn(row, f"it could not be paired with the reference: {samples.unpaired}")
    if samples.starts:
        _cold(row, samples)
    if row.disturbed:
        _warn(row, f"{row.disturbed} of {row.blocks} blocks were disturbed by others")
    if row.steady is False:
        _warn(row, "the times had not settled when the warm-up ended")
    if row.accuracy_source == "measured" and row.accuracy_reason:
        _warn(row, f"{row.correct:,} of {row.images:,} are right here, {row.accuracy_reason}")
    for doubt in doubts(row):
        _warn(row, doubt)
    if row.wrong_answers:
        _warn(row, f"{row.wrong_answers} timed calls gave other logits than the first time")


def add_break_even(rows: Sequence[Row]) -> None:
    """How many calls each arm needs to overtake torch, where both were measured."""
    torch = {
        (row.subject, *row.key[3:]): row
        for row in rows
        if row.runtime == "torch" and row.cold_ms and row.p50_ms
    }
    for row in rows:
        other = torch.get((row.subject, *row.key[3:]))
        if other is None or other is row or not (row.cold_ms and row.p50_ms):
            continue
        assert other.cold_ms is not None
        assert other.p50_ms is not None
        row.break_even_calls = calls_to_break_even(
            row.cold_ms + (row.new_shape_ms or 0),
            row.p50_ms,
            other.cold_ms + (other.new_shape_ms or 0),
            other.p50_ms,
        )


def _warn(row: Row, text: str) -> None:
    row.warnings = f"{row.warnings}; {text}" if row.warnings else text


def _solo(row: Row, samples: Samples) -> None:
    blocks = [np.asarray(block.ns, float) for block in samples.blocks]
    row.n, row.blocks = sum(map(len, blocks)), len(blocks)
    p50, low, high = (part / _MS for part in median_interval(blocks))
    known = math.isfinite(high)  # where not, the low end is 0
    row.p50_ms = p50
    row.p50_low_ms, row.p50_high_ms = (low, high) if known else (None, None)
    withheld = [] if known else [f"interval of p50: {_too_little(blocks)}"]
    for name, share in SHARES.items():
        found = percentile(blocks, share)
        setattr(row, name, None if found.value is None else found.value / _MS)
        if found.why:
            withheld.append(f"{name.removesuffix('_ms')}: {found.why}")
    row.withheld = "; ".join(withheld) or None
    wall = sum(block.wall_ns for block in samples.blocks)
    row.images_per_second = row.n * row.batch / (wall / 1e9)
    row.disturbed = sum(block.disturbed is not None for block in samples.blocks)
    for name in ("steal_share", "delay_share", "pressure_share", "clock_mhz"):
        setattr(row, name, _mean(samples.blocks, name))
    if samples.floor_ns:
        row.floor_us = statistics.median(samples.floor_ns) / _US
        row.floor_share = row.floor_us / (p50 * 1e3)
        if row.floor_share > FLOOR_SHARE:
            _warn(row, f"{row.floor_share:.0%} of p50 is the harness")


def _too_little(blocks: Sequence[Floats]) -> str:
    """Why blocks give no interval."""
    if len(blocks) < FEWEST_BLOCKS:
        return f"blocks={len(blocks)} < {FEWEST_BLOCKS}"
    medians = [float(np.median(block)) / _MS for block in blocks]
    return f"blocks={len(blocks)} from {figures(min(medians))} to {figures(max(medians))} ms"


def _mean(blocks: list[Block], name: str) -> float | None:
    """Of the evidence of all blocks, weighted by their time."""
    known = [(block.evidence.get(name), block.wall_ns) for block in blocks]
    pairs = [(value, wall) for value, wall in known if value is not None]
    if not pairs:
        return None
    return sum(value * wall for value, wall in pairs) / sum(wall for _, wall in pairs)


def _pair(row: Row, samples: Samples, reference: Row | None) -> None:
    found = paired_ratio([np.asarray(turns, float) for turns in samples.turns])
    row.ratio = found.ratio
    known = math.isfinite(found.high)  # where not, the low end is 0
    row.ratio_low, row.ratio_high = (found.low, found.high) if known else (None, None)
    row.instances, row.turns = found.instances, found.turns
    row.verdict = verdict(found, row.margin or 0.0)
    if reference is None or not (row.p50_ms and reference.p50_ms):
        return
    low, high = _solo_ratio(row, reference)
    row.ratio_agrees = low / (1 + _AGREES) <= found.high and found.low <= high * (1 + _AGREES)
    if not row.ratio_agrees:
        solo = row.p50_ms / reference.p50_ms
        _warn(row, f"by themselves the two arms' p50 have the ratio {solo:.3f}")


def _solo_ratio(row: Row, reference: Row) -> tuple[float, float]:
    """Where the ratio of the two p50 may lie, by the interval of each; an unknown one is none."""
    ours, theirs = row.p50_interval, reference.p50_interval
    if ours is None or theirs is None:
        return 0.0, math.inf
    return ours[0] / theirs[1], ours[1] / theirs[0]


def _cold(row: Row, samples: Samples) -> None:
    row.starts = len(samples.starts)

    def middle(name: str) -> float:
        return statistics.median(start[name] for start in samples.starts) / _MS

    row.cold_ms, row.load_ms, row.first_ms = middle("cold"), middle("load"), middle("first")
