"""Compute the row of a cell from its raw samples.

What a sweep does after each cell can be repeated at any time from the samples file.
"""

import math
import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from bench.measuring.samples import Block, Samples
from bench.results.context import related
from bench.results.record import Record
from bench.results.rows import USUAL, Cold, Contention, Ratio, Row, Solo
from bench.results.wording import figures
from bench.scenarios.registry import read_as
from bench.stats.ratios import PairedRatio, paired_ratio, sequential_ratio, verdict
from bench.stats.stats import FEWEST_BLOCKS, Floats, median_interval, percentile

SHARES = {"p90_ms": 0.90, "p99_ms": 0.99, "p999_ms": 0.999}
_MS, _US = 1e6, 1e3


def rows_of(records: Iterable[Record]) -> list[Row]:
    """The rows of a sweep, from its records alone."""
    return related([evaluate(record) for record in records])


def evaluate(record: Record) -> Row:
    """The row of a cell; columns that need other rows stay empty (`bench.results.context`).

    A cell that was not timed has no figures.
    """
    samples = record.samples
    solo, cold = Solo(), Cold()
    if blocks := read_as(record.asked.scenario).counted(samples):
        solo = _solo(blocks, samples, record.asked.batch)
        cold = _cold(samples, solo.p50_ms or 0.0)
    elif record.compared.way and not samples.wrong:
        solo = _within_pair(samples)
    return Row.of(
        record.asked,
        record.outcome,
        record.model,
        record.ran,
        solo,
        record.pairing,
        _ratio(record),
        record.compared,
        cold,
        record.memory,
        record.scored,
        _contention(samples),
        record.provenance,
    )


def _solo(counted: Sequence[Block], samples: Samples, batch: int) -> Solo:
    blocks = [np.asarray(block.ns, float) for block in counted]
    n = sum(map(len, blocks))
    p50, low, high = (part / _MS for part in median_interval(blocks))
    known = math.isfinite(high)  # where not, the low end is 0
    withheld = [] if known else [f"interval of p50: {_too_little(blocks)}"]
    told = {}
    for name, share in SHARES.items():
        found = percentile(blocks, share)
        told[name] = None if found.value is None else found.value / _MS
        if found.why:
            withheld.append(f"{name.removesuffix('_ms')}: {found.why}")
    floor_us = statistics.median(samples.floor_ns) / _US if samples.floor_ns else None
    return Solo(
        n=n,
        blocks=len(blocks),
        p50_ms=p50,
        p50_low_ms=low if known else None,
        p50_high_ms=high if known else None,
        **told,
        withheld="; ".join(withheld) or None,
        images_per_second=n * batch / (sum(block.wall_ns for block in counted) / 1e9),
        steady=samples.steady,
        floor_us=floor_us,
        floor_share=None if floor_us is None else floor_us / (p50 * 1e3),
    )


def _too_little(blocks: Sequence[Floats]) -> str:
    """Why the blocks give no interval."""
    if len(blocks) < FEWEST_BLOCKS:
        return f"blocks={len(blocks)} < {FEWEST_BLOCKS}"
    medians = [float(np.median(block)) / _MS for block in blocks]
    return f"blocks={len(blocks)} from {figures(min(medians))} to {figures(max(medians))} ms"


def _contention(samples: Samples) -> Contention:
    if not samples.blocks:
        return Contention(wrong_answers=samples.wrong)
    return Contention(
        wrong_answers=samples.wrong,
        disturbed=sum(block.disturbed is not None for block in samples.blocks),
        rerun=samples.rerun,
        steal_share=_mean(samples.blocks, "steal_share"),
        delay_share=_mean(samples.blocks, "delay_share"),
        pressure_share=_mean(samples.blocks, "pressure_share"),
        clock_mhz=_mean(samples.blocks, "clock_mhz"),
    )


def _mean(blocks: list[Block], name: str) -> float | None:
    """The mean evidence of all blocks, weighted by their time."""
    known = [(block.evidence.get(name), block.wall_ns) for block in blocks]
    pairs = [(value, wall) for value, wall in known if value is not None]
    if not pairs:
        return None
    return sum(value * wall for value, wall in pairs) / sum(wall for _, wall in pairs)


def _ratio(record: Record) -> Ratio:
    """The ratio; none if answers were wrong, because such calls may take any time."""
    samples, compared = record.samples, record.compared
    if samples.wrong or not (samples.turns or samples.apart):
        return Ratio(unpaired=samples.unpaired or None)
    reference, own = (_median_ms(times) for times in _calls(samples))
    reference_ms = reference if compared.way else None
    if compared.way == USUAL:  # which has no interval, and so no verdict
        return Ratio(ratio=own / reference, reference_p50_ms=reference_ms)
    found = _paired(samples)
    known = math.isfinite(found.high)  # where not, the low end is 0
    return Ratio(
        ratio=found.ratio,
        ratio_low=found.low if known else None,
        ratio_high=found.high if known else None,
        instances=found.instances,
        turns=found.turns,
        verdict=verdict(found, record.pairing.margin or 0.0),
        reference_p50_ms=reference_ms,
    )


def _paired(samples: Samples) -> PairedRatio:
    if samples.turns:
        return paired_ratio([np.asarray(turns, float) for turns in samples.turns])
    return sequential_ratio(*_calls(samples))


def _within_pair(samples: Samples) -> Solo:
    """The solo figures from the calls of a comparison, with each instance as a block."""
    _, blocks = _calls(samples)
    if not blocks:
        return Solo()
    p50, low, high = (part / _MS for part in median_interval(blocks))
    known = math.isfinite(high)
    return Solo(
        n=sum(map(len, blocks)),
        blocks=len(blocks),
        p50_ms=p50,
        p50_low_ms=low if known else None,
        p50_high_ms=high if known else None,
    )


def _calls(samples: Samples) -> tuple[list[Floats], list[Floats]]:
    """The times of the reference and of the arm, by instance."""
    if samples.apart:
        first, second = zip(*samples.apart, strict=True)
        return [np.asarray(ns, float) for ns in first], [np.asarray(ns, float) for ns in second]
    quads = [np.asarray(turns, float) for turns in samples.turns]
    return [quad[:, [0, 3]].ravel() for quad in quads], [quad[:, [1, 2]].ravel() for quad in quads]


def _median_ms(blocks: Sequence[Floats]) -> float:
    return float(np.median(np.concatenate(blocks))) / _MS


def _cold(samples: Samples, p50_ms: float) -> Cold:
    beyond = None
    if samples.new_shape_ns is not None:
        beyond = max(0.0, samples.new_shape_ns / _MS - p50_ms)
    if not samples.starts:
        return Cold(new_shape_ms=beyond)
    return Cold(
        starts=len(samples.starts),
        cold_ms=statistics.median(start.cold for start in samples.starts) / _MS,
        load_ms=statistics.median(start.load for start in samples.starts) / _MS,
        first_ms=statistics.median(start.first for start in samples.starts) / _MS,
        new_shape_ms=beyond,
    )
