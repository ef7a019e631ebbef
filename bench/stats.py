"""How sure a number is: percentiles, medians, ratios, and what may be said of them.

Pure numbers; nothing here knows a model or a runtime. Samples come in blocks: one block holds what
was measured in one go, so its samples have more in common with each other than with those of other
blocks. Intervals hold at 95 %. Where nothing can be known an interval is infinite, not missing: it
then contains the estimate like any other, reaches no stopping rule and proves nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bench.student import t_quantile, t_tail
from zoo.intervals import wilson

Floats = NDArray[np.float64]
Verdict = Literal["faster", "slower", "same", "inconclusive"]

TAIL = 0.025  # what a 95 % interval leaves on each side: the level of every one-sided test here
_OVERSIGHT = 0.05  # the risk in `least_samples`, one-sided
_TRIM = 0.2
_CALM_TURNS = 3  # of each arm, of which the fastest call counts
_RESAMPLES = 400
_LEAST_BLOCKS = 8  # of fewer, 400 resamples do not reach the tails that have to be cut off


class Interval(NamedTuple):
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Percentile:
    """A percentile with its 95 % interval, or `why` it is not told, such as `n=120 < 473`."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None


class HasInterval(Protocol):
    """Anything with the two ends of an interval of a ratio."""

    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class PairedRatio:
    """time B / time A: above 1, B is slower. The interval is over instances.

    log_mean, standard_error: of log(ratio), with `df` degrees of freedom; 0 of them, from a single
    instance, make the interval infinite. turns: all the quads (or calls) that went into it.
    """

    ratio: float
    low: float
    high: float
    instances: int
    turns: int
    log_mean: float
    standard_error: float
    df: float

    def p_slower(self, margin: float) -> float:
        """One-sided p-value against "B is at most `margin` slower"; below `TAIL` says slower."""
        if not self.df:
            return 1.0
        if not self.standard_error:
            return float(self.ratio <= 1 + margin)
        return t_tail((self.log_mean - math.log(1 + margin)) / self.standard_error, self.df)


# Percentiles and medians


def least_samples(share: float) -> int:
    """How many independent samples a claim about a percentile needs, at 95 % confidence.

    The claim "a `share` of all samples lies below this" stands when, were it false, a run with at
    most one sample above would be rarer than 5 % (MLPerf's rule, which asks for 1 %).
    """
    if not 0 < share < 1:
        raise ValueError(f"no percentile lies at a share of {share}")

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
    """How many independent samples these are worth where a percentile is concerned.

    Slow samples come in bursts. The design effect says how much more the share of samples beyond
    the pooled percentile varies from block to block than it would by chance; n is divided by it,
    and by the doubt that few blocks leave about it (Korn and Graubard, 1998), but by 1 at least.
    Fewer than 3 blocks do not show how blocks vary at all, so each counts as one sample.
    """
    blocks = _filled(blocks)
    if len(blocks) < 3:
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
    """A percentile of all samples, withheld where they are worth fewer than `least_samples`."""
    pool = np.concatenate(_filled(blocks))
    worth, needed = int(effective_count(blocks, share)), least_samples(share)
    if worth < needed:
        clustered = f" (worth {worth})" if len(pool) >= needed else ""
        return Percentile(None, None, None, f"n={len(pool)}{clustered} < {needed}")
    below = wilson(round(share * worth), worth)
    value, low, high = (float(end) for end in np.quantile(pool, (share, *below)))
    return Percentile(value, low, high, None)


def median_interval(blocks: Sequence[Floats], seed: int = 0) -> Interval:
    """The median of all samples, with an interval from a bootstrap over whole blocks.

    The tails that are cut off the resamples are widened for the number of blocks (Hesterberg's
    expanded percentile interval, 2015): a plain bootstrap of few blocks is too sure of itself.
    With fewer than 8 blocks it is the t interval over the medians of the blocks; a single block
    leaves it infinite.
    """
    blocks = _filled(blocks)
    value = float(np.median(np.concatenate(blocks)))
    if len(blocks) < _LEAST_BLOCKS:
        _, low, high = t_interval([float(np.median(block)) for block in blocks])
    else:
        medians = _resampled_medians(blocks, np.random.default_rng(seed))
        low, high = np.quantile(medians, _expanded_tails(len(blocks)))
    return Interval(value, min(float(low), value), max(float(high), value))


def _resampled_medians(blocks: Sequence[Floats], random: np.random.Generator) -> Floats:
    """Medians of pools of as many blocks, drawn with replacement: weights over one sorted pool.

    The pool is cut into pieces, so that each median is looked for in one of them only.
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


def _filled(blocks: Sequence[Floats]) -> list[Floats]:
    filled = [block for block in blocks if len(block)]
    if not filled:
        raise ValueError("no samples")
    return filled


# Ratios


def t_interval(values: Sequence[float] | Floats) -> Interval:
    """The mean of independent values, with its 95 % t interval."""
    mean, error = _mean_and_error(np.asarray(values, dtype=np.float64))
    half = t_quantile(1 - TAIL, len(values) - 1) * error if len(values) > 1 else math.inf
    return Interval(mean, mean - half, mean + half)


def trimmed_mean(values: Floats) -> float:
    """The mean of the middle 60 %.

    An interrupt makes one turn many times as long, and a mean follows it; a median can only move in
    steps of the clock. Cutting both ends alike keeps the log of a ratio symmetric: the swapped pair
    gives the same value with the other sign.
    """
    cut = int(len(values) * _TRIM)
    return float(np.sort(values)[cut : len(values) - cut].mean())


def paired_ratio(instances: Sequence[Floats]) -> PairedRatio:
    """time B / time A from turns. Of each instance: [quads, 4], in the order a1, b1, b2, a2.

    Turns of an instance share its luck (memory layout, up to 0.4 %), which more of them do not take
    away: the instance is the unit, and the interval is the t interval over their trimmed means.

    The calm calls count, for they know the ratio best. But an arm that is often slow by itself is
    calm now and then, too; so where the two intervals have nothing in common the usual calls do.
    """
    calm, usual = (_over(instances, ratios) for ratios in (_calm_ratios, _log_ratios))
    return calm if calm.low <= usual.high and usual.low <= calm.high else usual


def _over(instances: Sequence[Floats], ratios: Callable[[Floats], Floats]) -> PairedRatio:
    means = np.array([trimmed_mean(ratios(quads)) for quads in instances])
    mean, error = _mean_and_error(means)
    turns = sum(len(quads) for quads in instances)
    return _ratio(mean, error, len(means) - 1, len(means), turns)


def sequential_ratio(times_a: Sequence[Floats], times_b: Sequence[Floats]) -> PairedRatio:
    """The usual way, for comparison: A by itself, then B; of each the times of every instance.

    The same trimmed mean, of the fastest of as many calls, but nothing pairs A with B; Welch's
    interval.
    """
    arms = [
        np.array([trimmed_mean(_fastest(np.log(times), 2 * _CALM_TURNS)) for times in _filled(arm)])
        for arm in (times_a, times_b)
    ]
    (mean_a, error_a), (mean_b, error_b) = (_mean_and_error(means) for means in arms)
    df = _welch(error_a, len(arms[0]) - 1, error_b, len(arms[1]) - 1)
    calls = sum(len(times) for times in (*times_a, *times_b))
    fewer = min(len(means) for means in arms)
    return _ratio(mean_b - mean_a, math.hypot(error_a, error_b), df, fewer, calls)


def verdict(ratio: HasInterval, margin: float) -> Verdict:
    """What is proven of B: beyond the margin (0.02: 2 %) on one side, within it, or nothing."""
    if ratio.low > 1 + margin:
        return "slower"
    if ratio.high < 1 / (1 + margin):
        return "faster"
    if ratio.low >= 1 / (1 + margin) and ratio.high <= 1 + margin:
        return "same"
    return "inconclusive"


def relative_half_width(low: float, high: float) -> float:
    """Half of an interval of positive values as a share of its middle; infinite where it is."""
    if math.isinf(low) or math.isinf(high) or low + high == 0:
        return math.inf
    return (high - low) / (high + low)


def _log_ratios(quads: Floats) -> Floats:
    if not len(quads):
        raise ValueError("an instance without turns")
    a1, b1, b2, a2 = quads.T
    ratios: Floats = np.log((b1 + b2) / (a1 + a2))
    return ratios


def _calm_ratios(quads: Floats) -> Floats:
    """log(time B / time A) of the fastest call of each in any few turns that follow each other.

    Others disturb some calls and spare some; the fastest of a few was spared, most likely. A quad
    does not say whose turns were first, so each arm is read as the inner one and as the outer.
    """
    if len(quads) < 2:
        return _log_ratios(quads)  # there is nothing between quads
    logs = np.log(quads)
    a, b = logs[:, [0, 3]], logs[:, [1, 2]]
    return np.concatenate([-_calm_differences(b, a), _calm_differences(a, b)])


def _calm_differences(outer: Floats, inner: Floats) -> Floats:
    """Inner minus outer. Turns of the outer arm end one quad and begin the next.

    Half of the stretches begin with an inner turn and half with an outer one, against drift.
    """
    between = np.minimum(outer[:-1, 1], outer[1:, 0])
    stretch = min(_CALM_TURNS, len(between))
    least_in, least_out = _fastest(inner.min(axis=1), stretch), _fastest(between, stretch)
    return np.concatenate([least_in[:-1] - least_out, least_in[1:] - least_out])


def _fastest(times: Floats, count: int) -> Floats:
    """The least of any `count` of them in a row."""
    least: Floats = sliding_window_view(times, min(count, len(times))).min(axis=1)
    return least


def _mean_and_error(values: Floats) -> tuple[float, float]:
    """The mean and its standard error, which a single value leaves infinite."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.inf
    return mean, float(values.std(ddof=1)) / math.sqrt(len(values))


def _welch(error_a: float, df_a: int, error_b: float, df_b: int) -> float:
    """Welch-Satterthwaite degrees of freedom; 0 where an arm has a single instance."""
    if not (df_a and df_b):
        return 0.0
    largest = max(error_a, error_b)
    if not largest:
        return float(df_a + df_b)
    a, b = (error_a / largest) ** 2, (error_b / largest) ** 2
    return (a + b) ** 2 / (a**2 / df_a + b**2 / df_b)


def _ratio(mean: float, error: float, df: float, instances: int, turns: int) -> PairedRatio:
    half = t_quantile(1 - TAIL, df) * error if df else math.inf
    ratio, low, high = (_exp(log) for log in (mean, mean - half, mean + half))
    return PairedRatio(ratio, low, high, instances, turns, mean, error, df)


def _exp(log: float) -> float:
    return math.exp(log) if log < 700 else math.inf  # where `math` would raise OverflowError


# Tests over counts and over many rows


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value that A and B are right equally often.

    only_a, only_b: pictures that only the one and only the other has right.
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
    """After how many calls A, its start included, is cheaper than B and stays so.

    0: from the start. None: never, A's calls cost at least as much.
    """
    dearer_start = Fraction(start_a) - Fraction(start_b)
    saved_by_call = Fraction(call_b) - Fraction(call_a)
    if saved_by_call < 0 or (saved_by_call == 0 and dearer_start >= 0):
        return None
    if dearer_start < 0:
        return 0
    return math.floor(dearer_start / saved_by_call) + 1
