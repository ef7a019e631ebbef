"""The ratio of two arms that took turns: how much slower B is than A, with its interval.

Pure numbers: nothing here knows a model or a runtime.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bench.stats.stats import TAIL, Floats, filled, mean_and_error, t_quantile, t_tail

Verdict = Literal["faster", "slower", "same", "inconclusive"]

_TRIM = 0.2
_CALM_TURNS = 3  # consecutive turns of each arm, of which the fastest call counts


class HasInterval(Protocol):
    """Anything with the two ends of an interval of a ratio."""

    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class PairedRatio:
    """time B / time A: above 1, B is slower. The interval is over instances."""

    ratio: float
    low: float
    high: float
    instances: int
    turns: int  # all the quads (or calls) that went into it
    log_mean: float  # of log(ratio)
    standard_error: float  # of log(ratio)
    df: float  # its degrees of freedom; 0, from a single instance, make the interval infinite

    def p_slower(self, margin: float) -> float:
        """One-sided p-value against "B is at most `margin` slower"; below `TAIL` says slower."""
        if not self.df:
            return 1.0
        if not self.standard_error:
            return float(self.ratio <= 1 + margin)
        return t_tail((self.log_mean - math.log(1 + margin)) / self.standard_error, self.df)


def trimmed_mean(values: Floats) -> float:
    """The mean of the middle 60%.

    An interrupt makes one turn many times as long, and a mean follows it; a median can only move in
    steps of the clock. Cutting both ends alike keeps the log of a ratio symmetric: the swapped pair
    gives the same value with the other sign.
    """
    cut = int(len(values) * _TRIM)
    return float(np.sort(values)[cut : len(values) - cut].mean())


def paired_ratio(instances: Sequence[Floats]) -> PairedRatio:
    """time B / time A from turns. For each instance: [quads, 4], in the order a1, b1, b2, a2.

    Turns of an instance share its luck (memory layout), which more turns do not remove: the
    instance is the unit, and the interval is the t interval over the instances' trimmed means.

    The undisturbed calls count, because they give the most precise ratio. But an arm that is often
    slow by itself is fast now and then, too; so if the two intervals do not overlap, all calls
    count.
    """
    calm, usual = (_over(instances, ratios) for ratios in (_calm_ratios, _log_ratios))
    return calm if calm.low <= usual.high and usual.low <= calm.high else usual


def _over(instances: Sequence[Floats], ratios: Callable[[Floats], Floats]) -> PairedRatio:
    means = np.array([trimmed_mean(ratios(quads)) for quads in instances])
    mean, error = mean_and_error(means)
    turns = sum(len(quads) for quads in instances)
    return _ratio(mean, error, len(means) - 1, len(means), turns)


def sequential_ratio(times_a: Sequence[Floats], times_b: Sequence[Floats]) -> PairedRatio:
    """The usual way, for comparison: A by itself, then B; each with the times of every instance.

    The same trimmed mean, of the fastest of as many calls, but nothing pairs A with B; Welch's
    interval.
    """
    arms = [
        np.array([trimmed_mean(_fastest(np.log(times), 2 * _CALM_TURNS)) for times in filled(arm)])
        for arm in (times_a, times_b)
    ]
    (mean_a, error_a), (mean_b, error_b) = (mean_and_error(means) for means in arms)
    df = _welch(error_a, len(arms[0]) - 1, error_b, len(arms[1]) - 1)
    calls = sum(len(times) for times in (*times_a, *times_b))
    fewer = min(len(means) for means in arms)
    return _ratio(mean_b - mean_a, math.hypot(error_a, error_b), df, fewer, calls)


def verdict(ratio: HasInterval, margin: float) -> Verdict:
    """What is proven about B: beyond the margin (0.02: 2%) on one side, within it, or nothing."""
    if ratio.low > 1 + margin:
        return "slower"
    if ratio.high < 1 / (1 + margin):
        return "faster"
    if ratio.low >= 1 / (1 + margin) and ratio.high <= 1 + margin:
        return "same"
    return "inconclusive"


def _log_ratios(quads: Floats) -> Floats:
    if not len(quads):
        raise ValueError("an instance without turns")
    a1, b1, b2, a2 = quads.T
    ratios: Floats = np.log((b1 + b2) / (a1 + a2))
    return ratios


def _calm_ratios(quads: Floats) -> Floats:
    """log(time B / time A) of the fastest call of each in every few consecutive turns.

    Other processes disturb some calls; the fastest of a few was most likely undisturbed. A quad
    does not say whose turns were first, so each arm is read as the inner and as the outer one.
    """
    if len(quads) < 2:
        return _log_ratios(quads)  # there is nothing between quads
    logs = np.log(quads)
    a, b = logs[:, [0, 3]], logs[:, [1, 2]]
    return np.concatenate([-_calm_differences(b, a), _calm_differences(a, b)])


def _calm_differences(outer: Floats, inner: Floats) -> Floats:
    """Inner minus outer. Turns of the outer arm end one quad and start the next.

    Half of the windows start with an inner turn and half with an outer one, against drift.
    """
    between = np.minimum(outer[:-1, 1], outer[1:, 0])
    stretch = min(_CALM_TURNS, len(between))
    least_in, least_out = _fastest(inner.min(axis=1), stretch), _fastest(between, stretch)
    return np.concatenate([least_in[:-1] - least_out, least_in[1:] - least_out])


def _fastest(times: Floats, count: int) -> Floats:
    """The minimum of every `count` consecutive values."""
    least: Floats = sliding_window_view(times, min(count, len(times))).min(axis=1)
    return least


def _welch(error_a: float, df_a: int, error_b: float, df_b: int) -> float:
    """Welch-Satterthwaite degrees of freedom; 0 if an arm has a single instance."""
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
