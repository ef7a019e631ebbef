"""What a row means in relation to the others: break-even, warnings, whether its ratio agrees.

It is derived whenever rows are read from their records, and never stored.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.results.accuracy import doubts
from bench.results.rows import Context, Row
from bench.stats.stats import calls_to_break_even

FLOOR_SHARE = 0.1  # above that the harness is a part of what was measured
BREAK_EVEN = "torch"  # the runtime that others are to overtake, where a row names none
_AGREES = 0.03  # beyond both intervals, the two ratios may be so far apart without a warning


def related(rows: Sequence[Row]) -> list[Row]:
    """The same rows with the columns that depend on the other rows, computed anew."""
    references = {
        (*_cell_of(row, row.subject), row.boundary, _arm_of(row)): row
        for row in rows
        if not (row.is_comparison or row.cuda_graph or row.tf32)
    }
    timed = {row.key: row for row in rows if row.cold_ms and row.p50_ms}
    found = []
    for row in rows:
        reference = references.get(_reference_of(row))
        agrees = None if reference is None else _agrees(row, reference)
        context = Context(
            ratio_agrees=agrees,
            break_even_calls=_break_even(row, _overtaken(row, timed)),
            warnings="; ".join(_warnings(row, reference if agrees is False else None)) or None,
        )
        found.append(replace(row, **vars(context)))
    return found


def _cell_of(row: Row, subject: str) -> tuple[object, ...]:
    return subject, row.threads, row.batch, row.scenario


def _arm_of(row: Row) -> str:
    """The name of an arm in the column `reference`."""
    return f"{row.runtime} {row.provider} {row.precision}"


def _reference_of(row: Row) -> tuple[object, ...]:
    """The key of its reference's row: at the same boundary, unless on the CPU."""
    arm = row.reference or ""
    boundary = row.boundary if f" {row.provider} " in arm else "host"
    return (*_cell_of(row, row.reference_subject or row.subject), boundary, arm)


def _agrees(row: Row, reference: Row) -> bool | None:
    """Whether the ratio from turns is compatible with that of the two p50."""
    if row.ratio is None or not (row.p50_ms and reference.p50_ms):
        return None
    if row.ratio_low is None or row.ratio_high is None:
        return True
    low, high = _solo_ratio(row, reference)
    return low / (1 + _AGREES) <= row.ratio_high and row.ratio_low <= high * (1 + _AGREES)


def _solo_ratio(row: Row, reference: Row) -> tuple[float, float]:
    """The interval of the ratio of the two p50, from their intervals; None if one is unknown."""
    ours, theirs = row.p50_interval, reference.p50_interval
    if ours is None or theirs is None:
        return 0.0, math.inf
    return ours[0] / theirs[1], ours[1] / theirs[0]


def _overtaken(row: Row, timed: Mapping[Any, Row]) -> Row | None:
    """The row of the same cell in the break-even runtime: at the same precision, else fp32."""
    runtime = row.break_even_runtime or BREAK_EVEN
    keys = ((row.subject, kind, runtime, *row.key[3:]) for kind in (row.precision, "fp32"))
    return next((timed[key] for key in keys if key in timed), None)


def _break_even(row: Row, other: Row | None) -> int | None:
    """After how many calls an arm has cost less than another, if both were measured."""
    if other is None or other is row:
        return None
    if not (row.cold_ms and row.p50_ms and other.cold_ms and other.p50_ms):
        return None
    return calls_to_break_even(
        row.cold_ms + (row.new_shape_ms or 0),
        row.p50_ms,
        other.cold_ms + (other.new_shape_ms or 0),
        other.p50_ms,
    )


def _warnings(row: Row, contradicted: Row | None) -> Iterator[str]:
    """What to know before relying on a timed row. contradicted: the row that contradicts it."""
    if row.n is None:
        return
    if row.floor_share is not None and row.floor_share > FLOOR_SHARE:
        yield f"{row.floor_share:.0%} of p50 is the harness's own cost"
    if contradicted is not None:
        assert row.p50_ms
        assert contradicted.p50_ms
        solo = row.p50_ms / contradicted.p50_ms
        yield f"timed on their own, the two arms have a p50 ratio of {solo:.3f}"
    if row.unpaired:
        yield f"it could not be paired with the reference: {row.unpaired}"
    if row.disturbed:
        yield f"other processes interfered with {row.disturbed} of {row.blocks} timing blocks"
    if row.steady is False:
        yield "times had not settled when the warm-up ended"
    if row.accuracy_source == "measured" and row.accuracy_reason:
        yield f"{row.correct:,} of {row.images:,} images are correct here, {row.accuracy_reason}"
    yield from doubts(row)
    if row.wrong_answers:
        yield f"{row.wrong_answers} timed calls gave different logits than before"
