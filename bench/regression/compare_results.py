"""Find out whether a results file is worse than an earlier one, beyond what is allowed.

A difference that could be chance is not a breach. All tests of a comparison, of time and of
accuracy, are one family (Holm): if nothing got worse than allowed, at most 2.5% of comparisons say
otherwise.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bench.regression.accuracy import AccuracyFinding, Predictions, judge_accuracy
from bench.regression.findings import Breach, Comparison
from bench.regression.limits import Limits, Pair, finding, name_of
from bench.regression.matching import match, predictions_of
from bench.regression.proving import proofs
from bench.regression.speed import SpeedFinding, Spread, judge_speed, log_ratio, same_thing
from bench.results.rows import OK, Row
from bench.results.wording import Names, figures
from bench.stats.ratios import PairedRatio
from bench.stats.stats import TAIL, holm, t_interval
from zoo.errors import ZooError
from zoo.progress import Progress

Remeasure = Callable[[Row, Row], PairedRatio | None]
Finding = TypeVar("Finding", SpeedFinding, AccuracyFinding)


def compare_results(
    base: Path,
    new: Path,
    *,
    max_slowdown: float = 0.05,
    max_accuracy_drop: float = 0.3,
    max_growth: float | None = None,
    margin: float = 0.02,
    any_machine: bool = False,
    strict: bool = False,
    subset: bool = False,
    remeasure: Remeasure | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare a results file with an earlier one, row by row.

    max_slowdown, margin: shares of the time of a call; max_accuracy_drop: in points; max_growth:
    share of the file's size. any_machine: accept files of two machines; times are then not judged.
    strict: undecided rows count as failures. subset: new measured fewer rows than base on purpose,
    so missing rows are not breaches. remeasure: measures a row's two artifacts again, in turns,
    base as A and new as B, or returns None if one is unavailable.
    """
    limits = Limits(max_slowdown, max_accuracy_drop, max_growth, margin)
    notes: list[str] = []
    before, after, pairs = match(base, new, any_machine, notes)
    names = Names.of([*before.values(), *after.values()])
    speeds = _speeds(pairs, limits, remeasure, progress or Progress(), notes)
    accuracies = _accuracies(pairs, predictions_of(base), predictions_of(new), limits)
    speeds, accuracies = _proven(pairs, speeds, accuracies)
    rows = tuple(
        finding(pair, speed, accuracy, names, limits)
        for pair, speed, accuracy in zip(pairs, speeds, accuracies, strict=True)
    )
    gone = [row for key, row in before.items() if key not in after]
    lost = [_missing(row, names) for row in gone if row.status == OK and not subset]
    breaches = [breach for row in rows for breach in row.breaches]
    return Comparison(
        base=str(base),
        new=str(new),
        limits=str(limits),
        rows=rows,
        added=tuple(name_of(row, names) for key, row in after.items() if key not in before),
        removed=tuple(name_of(row, names) for row in gone),
        breaches=tuple(dict.fromkeys([*breaches, *lost])),
        notes=tuple(notes),
        strict=strict,
        proofs=tuple(proofs(pairs, speeds, base, limits, names, remeasures=remeasure is not None)),
    )


def _speeds(
    pairs: Sequence[Pair],
    limits: Limits,
    remeasure: Remeasure | None,
    progress: Progress,
    notes: list[str],
) -> list[SpeedFinding | None]:
    twins = _twins(pairs)
    if any(pair.base.machine != pair.new.machine for pair in pairs if pair.measured):
        notes.append("two machines: only rows measured again can prove a difference in time")
    _note_shift(list(twins.values()), limits, notes)
    again = _measured_again(pairs, remeasure, progress)
    found: list[SpeedFinding | None] = []
    for index, pair in enumerate(pairs):
        # A row does not set the spread that it is itself judged by.
        spread = Spread.of([value for other, value in twins.items() if other != index])
        if not pair.measured or (pair.base.p50_ms is None and pair.new.p50_ms is None):
            found.append(None)
            continue
        evidence, failure = again.get(index, (None, ""))
        speed = judge_speed(
            *(pair.base, pair.new, evidence, spread),
            allowed=limits.max_slowdown,
            margin=limits.margin,
        )
        found.append(replace(speed, text=f"{speed.text}{failure}"))
    return found


def _twins(pairs: Sequence[Pair]) -> dict[int, float]:
    """The log-ratios of identical computations, measured in two sweeps on one machine.

    Rows that a resumed sweep kept are one measurement, and do not count.
    """
    ratios = {
        index: log_ratio(pair.base, pair.new)
        for index, pair in enumerate(pairs)
        if pair.measured
        and pair.base != pair.new
        and pair.base.machine == pair.new.machine
        and same_thing(pair.base, pair.new)
    }
    return {index: value for index, value in ratios.items() if value is not None}


def _note_shift(twins: Sequence[float], limits: Limits, notes: list[str]) -> None:
    """Note that the whole machine was slower or faster: the baseline is out of date."""
    if len(twins) < 2:
        return
    mean, low, high = t_interval(twins)
    edge = math.log1p(limits.margin)
    if low > edge or high < -edge:
        word = "slower" if mean > 0 else "faster"
        notes.append(
            f"the {len(twins)} rows with the same file and runtime are {word} too, "
            f"x{figures(math.exp(mean))} on average: the machine or its settings changed; "
            "measure the baseline again"
        )


def _measured_again(
    pairs: Sequence[Pair], remeasure: Remeasure | None, progress: Progress
) -> dict[int, tuple[PairedRatio | None, str]]:
    """By index: the ratio, or why there is none. Identical computations are not measured again."""
    if remeasure is None:
        return {}
    wanted = {
        index: pair
        for index, pair in enumerate(pairs)
        if pair.measured and pair.base != pair.new and not same_thing(pair.base, pair.new)
    }
    found: dict[int, tuple[PairedRatio | None, str]] = {}
    with progress.task("measuring again, in turns", len(wanted)) as advance:
        for index, pair in wanted.items():
            try:
                found[index] = remeasure(pair.base, pair.new), ""
            except ZooError as error:
                found[index] = None, f"; measuring it again failed: {error}"
            advance()
    return found


def _accuracies(
    pairs: Sequence[Pair], before: Predictions, after: Predictions, limits: Limits
) -> list[AccuracyFinding | None]:
    return [
        judge_accuracy(pair.base, pair.new, before, after, allowed=limits.max_accuracy_drop)
        if pair.measured
        else None
        for pair in pairs
    ]


def _proven(
    pairs: Sequence[Pair],
    speeds: Sequence[SpeedFinding | None],
    accuracies: Sequence[AccuracyFinding | None],
) -> tuple[list[SpeedFinding | None], list[AccuracyFinding | None]]:
    """Apply Holm over all tests; rows that share a session share its accuracy, as one test."""
    p_values: dict[object, float] = {}
    for index, (speed, accuracy) in enumerate(zip(speeds, accuracies, strict=True)):
        if speed and speed.p is not None:
            p_values[index] = speed.p
        if accuracy and accuracy.p is not None:
            p_values[_session(pairs[index])] = accuracy.p
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return (
        [found and _settled(found, adjusted.get(index)) for index, found in enumerate(speeds)],
        [
            found and _settled(found, adjusted.get(_session(pair)))
            for pair, found in zip(pairs, accuracies, strict=True)
        ],
    )


def _session(pair: Pair) -> tuple[object, ...]:
    return pair.base.predictions, pair.base.correct, pair.new.correct


def _settled(found: Finding, p_adjusted: float | None) -> Finding:
    if found.p is None or p_adjusted is None:
        return found
    outcome = "breach" if p_adjusted < TAIL else found.outcome
    return replace(found, p_adjusted=p_adjusted, outcome=outcome)


def _missing(row: Row, names: Names) -> Breach:
    text = "measured in base but missing in new (if new measured less on purpose, add --subset)"
    return Breach("lost", name_of(row, names), text)
