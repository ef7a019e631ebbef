"""Percentiles, medians, means and tests, with their intervals.

Pure numbers; nothing here knows a model or a runtime. Samples come in blocks: one block holds what
was measured in one go, so its samples have more in common with each other than with those of other
blocks. Intervals are at 95%. If nothing can be known, an interval is infinite, not missing: it then
contains the estimate like any other, satisfies no stopping rule and proves nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from zoo.intervals import wilson

Floats = NDArray[np.float64]

TAIL = 0.025  # what a 95% interval leaves on each side: the level of every one-sided test here
_OVERSIGHT = 0.05  # the risk in `least_samples`, one-sided
_RESAMPLES = 400
_LEAST_BLOCKS = 8  # with fewer blocks, 400 resamples do not reach the tails that must be cut off
FEWEST_BLOCKS = 3  # fewer do not show how blocks vary
_WIDEST = 100.0  # high / low: from a tenth to ten times a value nothing is known of it


class Interval(NamedTuple):
    """An estimate and its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Percentile:
    """A percentile with its 95% interval."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None  # why it is withheld, such as `n=120 < 473`


# Student's t


def t_tail(t: float, df: float) -> float:
    """The probability of a value above `t`, for any number of degrees of freedom above 0."""
    return float(stdtr(df, -t))


def t_quantile(probability: float, df: float) -> float:
    """The value that is exceeded with 1 - `probability`."""
    return float(stdtrit(df, probability))


# Percentiles and medians


def least_samples(share: float) -> int:
    """How many independent samples a claim about a percentile needs, at 95% confidence.

    The claim "a `share` of all samples lies below this" stands when, were it false, a run with at
    most one sample above would be rarer than 5% (MLPerf's rule, which asks for 1%).
    """
    if not 0 < share < 1:
        raise ValueError(f"a percentile needs a share between 0 and 1, not {share}")

    def at_most_one_above(n: int) -> float:
        return math.exp((n - 1) * math.log(share)) * (share + n * (1 - share))

    low, high = 0, 1
    while at_most_one_above(high) > _OVERSIGHT:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_most_one_above(middle) > _OVERSIGHT else (low, middle)
    return high


def effective_count(blocks: Sequence[Floats], share: float) -> float:
    """How many independent samples these are worth for a percentile.

    Slow samples come in bursts. The design effect says how much more the share of samples beyond
    the pooled percentile varies from block to block than it would by chance; n is divided by it,
    and by the doubt that few blocks leave about it (Korn and Graubard, 1998), but by 1 at least.
    Fewer than 3 blocks do not show how blocks vary at all, so each counts as one sample.
    """
    blocks = filled(blocks)
    if len(blocks) < FEWEST_BLOCKS:
        return float(len(blocks))
    limit = np.quantile(np.concatenate(blocks), share, method="higher")  # one of the samples
    sizes = np.array([len(block) for block in blocks])
    beyond = np.array([np.count_nonzero(block >= limit) for block in blocks])
    n = int(sizes.sum())
    mean = float(beyond.sum()) / n
    if mean == 1:  # all samples are equal
        return float(n)
    variance = len(blocks) / (len(blocks) - 1) * math.fsum((beyond - sizes * mean) ** 2) / n**2
    by_chance = mean * (1 - mean) / n
    doubt = (t_quantile(1 - TAIL, len(blocks) - 1) / t_quantile(1 - TAIL, n - 1)) ** 2
    return n / max(1.0, variance / by_chance * doubt)


def percentile(blocks: Sequence[Floats], share: float) -> Percentile:
    """A percentile of all samples, withheld if they are worth fewer than `least_samples`."""
    pool = np.concatenate(filled(blocks))
    worth, needed = int(effective_count(blocks, share)), least_samples(share)
    if worth < needed:
        clustered = f" (worth {worth})" if len(pool) >= needed else ""
        return Percentile(None, None, None, f"n={len(pool)}{clustered} < {needed}")
    below = wilson(round(share * worth), worth)
    value, low, high = (float(end) for end in np.quantile(pool, (share, *below)))
    return Percentile(value, low, high, None)


def median_interval(blocks: Sequence[Floats], seed: int = 0) -> Interval:
    """The median of all times, with an interval from a bootstrap over whole blocks.

    The tails that are cut off the resamples are widened for the number of blocks (Hesterberg's
    expanded percentile interval, 2015): a plain bootstrap of few blocks is too narrow. With fewer
    than 8 blocks it is the t interval over the logarithms of the blocks' medians, because a time is
    positive and a disturbance multiplies it. Fewer than 3 blocks, or blocks so different that the
    interval spans more than a factor of 100, leave it infinite: from 0 on.
    """
    blocks = filled(blocks)
    value = float(np.median(np.concatenate(blocks)))
    low, high = _ends(blocks, seed)
    low, high = min(low, value), max(high, value)
    return Interval(value, low, high) if high <= low * _WIDEST else Interval(value, 0.0, math.inf)


def _ends(blocks: Sequence[Floats], seed: int) -> tuple[float, float]:
    if len(blocks) >= _LEAST_BLOCKS:
        medians = _resampled_medians(blocks, np.random.default_rng(seed))
        low, high = np.quantile(medians, _expanded_tails(len(blocks)))
        return float(low), float(high)
    medians = np.array([np.median(block) for block in blocks])
    if len(blocks) < FEWEST_BLOCKS or medians.min() <= 0:
        return 0.0, math.inf
    _, low, high = np.exp(np.clip(t_interval(np.log(medians)), -700, 700))  # what a float can hold
    return float(low), float(high)


def _resampled_medians(blocks: Sequence[Floats], random: np.random.Generator) -> Floats:
    """Medians of pools of as many blocks, drawn with replacement: weights over one sorted pool.

    The pool is cut into pieces, so that each median is searched in only one of them.
    """
    count = len(blocks)
    pool = np.concatenate(blocks)
    owner = np.repeat(np.arange(count), [len(block) for block in blocks])
    order = np.argsort(pool)
    pool, owner = pool[order], owner[order]
    draws = random.multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    size = math.isqrt(len(pool))
    piece = np.arange(len(pool)) // size
    held = np.bincount(piece * count + owner, minlength=(piece[-1] + 1) * count)
    reached = np.cumsum(held.reshape(-1, count) @ draws.T, axis=0)  # [pieces, resamples]
    middles = reached[-1] / 2
    medians = np.empty(_RESAMPLES)
    for index, at in enumerate(np.count_nonzero(reached < middles, axis=0)):
        inside = slice(at * size, (at + 1) * size)
        before = reached[at - 1, index] if at else 0
        weights = before + np.cumsum(draws[index][owner[inside]])
        medians[index] = pool[inside][np.searchsorted(weights, middles[index])]
    return medians


def _expanded_tails(blocks: int) -> tuple[float, float]:
    reach = t_quantile(1 - TAIL, blocks - 1) * math.sqrt(blocks / (blocks - 1))
    tail = math.erfc(reach / math.sqrt(2)) / 2
    return tail, 1 - tail


def filled(blocks: Sequence[Floats]) -> list[Floats]:
    """The blocks that hold samples; an error if there are none."""
    kept = [block for block in blocks if len(block)]
    if not kept:
        raise ValueError("no samples")
    return kept


# Means


def t_interval(values: Sequence[float] | Floats) -> Interval:
    """The mean of independent values, with its 95% t interval."""
    mean, error = mean_and_error(np.asarray(values, dtype=np.float64))
    half = t_quantile(1 - TAIL, len(values) - 1) * error if len(values) > 1 else math.inf
    return Interval(mean, mean - half, mean + half)


def mean_and_error(values: Floats) -> tuple[float, float]:
    """The mean and its standard error, which is infinite for a single value."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.inf
    return mean, float(values.std(ddof=1)) / math.sqrt(len(values))


def relative_half_width(low: float, high: float) -> float:
    """Half the width of a positive interval, as a share of its middle; may be infinite."""
    if math.isinf(low) or math.isinf(high) or low + high == 0:
        return math.inf
    return (high - low) / (high + low)


# Tests over counts and over many rows


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value of the hypothesis that A and B are equally accurate.

    only_a, only_b: images that only A or only B gets right.
    """
    n, fewer = only_a + only_b, min(only_a, only_b)
    combinations = math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1)
    term = math.exp(combinations - n * math.log(2))
    tail, k = 0.0, fewer
    while term > tail * 1e-17:  # binomial terms from the largest down, until they add nothing
        tail += term
        term *= k / (n - k + 1)
        k -= 1
    return min(1.0, 2 * tail)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of many tests (Holm, 1979), in the order given: compare with one level."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for done, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - done) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def calls_to_break_even(start_a: float, call_a: float, start_b: float, call_b: float) -> int | None:
    """After how many calls A, including its start-up, is cheaper than B and stays so.

    0: from the start. None: never, A's calls cost at least as much.
    """
    dearer_start = Fraction(start_a) - Fraction(start_b)
    saved_by_call = Fraction(call_b) - Fraction(call_a)
    if saved_by_call < 0 or (saved_by_call == 0 and dearer_start >= 0):
        return None
    if dearer_start < 0:
        return 0
    return math.floor(dearer_start / saved_by_call) + 1
