"""The numbers against textbooks, against what must hold for any data, and against simulations."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from random import Random
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.stats.stats import (
    Interval,
    Percentile,
    _expanded_tails,
    calls_to_break_even,
    effective_count,
    holm,
    least_samples,
    mcnemar,
    median_interval,
    percentile,
    relative_half_width,
    t_interval,
    t_quantile,
    t_tail,
)

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
MARGINS = st.sampled_from([0.005, 0.01, 0.02, 0.05, 0.2])


def clustered(
    random: np.random.Generator, blocks: int, size: int, between: float = 1.0
) -> list[Floats]:
    """Normal samples around 0; `between`: the spread of the blocks, where that within is 1."""
    values: Floats = random.normal(size=(blocks, size)) + between * random.normal(size=(blocks, 1))
    return list(values)


# Student's t


@pytest.mark.parametrize(
    ("probability", "df", "quantile"),
    [
        # NIST/SEMATECH e-Handbook, section 1.3.6.7.2, and the closed forms for 1, 2 and 4.
        (0.975, 1, math.tan(math.pi * 0.475)),
        (0.975, 2, 0.95 * math.sqrt(2 / (1 - 0.95**2))),
        (0.975, 3, 3.182446),
        (0.975, 5, 2.570582),
        (0.95, 10, 1.812461),
        (0.975, 30, 2.042272),
        (0.995, 100, 2.625891),
        (0.975, 200, 1.971896),
        (0.975, 1e7, 1.959964),
    ],
)
def test_quantiles_of_t_are_those_of_the_tables(
    probability: float, df: float, quantile: float
) -> None:
    assert t_quantile(probability, df) == pytest.approx(quantile, abs=1e-6)


@given(st.floats(-50, 50))
def test_the_tail_of_t_has_its_closed_forms(t: float) -> None:
    assert t_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, abs=1e-8)
    assert t_tail(t, 2) == pytest.approx(0.5 - t / (2 * math.sqrt(2 + t * t)), abs=1e-8)


@given(st.floats(0.51, 0.9999), st.floats(0.5, 1000))
def test_the_quantile_leaves_the_tail_asked_for(probability: float, df: float) -> None:
    assert t_tail(t_quantile(probability, df), df) == pytest.approx(1 - probability, rel=1e-6)


def test_tails_far_out_neither_vanish_nor_fail() -> None:
    assert t_tail(math.inf, 3) == 0
    assert t_tail(-math.inf, 3) == 1
    assert 0 < t_tail(1e6, 9) < 1e-45


# Percentiles


def ends(told: Percentile) -> tuple[float, float]:
    """The interval of a percentile that is not withheld."""
    assert told.low is not None
    assert told.high is not None
    return told.low, told.high


@pytest.mark.parametrize(
    ("share", "least"), [(0.5, 8), (0.9, 46), (0.95, 93), (0.99, 473), (0.999, 4742)]
)
def test_least_samples_by_its_definition(share: float, least: int) -> None:
    def at_most_one_above(n: int) -> float:
        return share**n + n * (1 - share) * share ** (n - 1)

    assert least_samples(share) == least
    assert at_most_one_above(least) <= 0.05 < at_most_one_above(least - 1)


@pytest.mark.parametrize("share", [0.0, 1.0, 99.0])
def test_no_percentile_lies_outside(share: float) -> None:
    with pytest.raises(ValueError, match="a percentile needs"):
        least_samples(share)


def test_samples_that_have_nothing_in_common_count_in_full() -> None:
    random = np.random.default_rng(1)
    counts = [effective_count(clustered(random, 40, 100, 0), 0.9) for _ in range(50)]
    assert max(counts) == 4000
    assert np.mean(counts) > 3400


def test_blocks_that_hold_one_value_each_count_as_one_sample_each() -> None:
    blocks = [np.full(100, float(value)) for value in range(40)]
    assert effective_count(blocks, 0.9) == pytest.approx(40, rel=0.15)


def test_few_blocks_leave_doubt_of_how_blocks_vary() -> None:
    few, many = ([np.full(100, float(value)) for value in range(count)] for count in (5, 100))
    assert effective_count(few, 0.5) < 0.6 * 5
    assert effective_count(many, 0.5) == pytest.approx(100, rel=0.05)


def test_samples_that_are_all_equal_count_in_full() -> None:
    assert effective_count([np.full(100, 7.0)] * 5, 0.9) == 500


@pytest.mark.parametrize("blocks", [1, 2])
def test_too_few_blocks_to_see_how_they_vary_count_as_one_sample_each(blocks: int) -> None:
    assert effective_count([np.arange(10_000.0)] * blocks + [np.empty(0)], 0.9) == blocks


def test_a_percentile_is_withheld_with_the_reason() -> None:
    told = percentile(list(np.arange(480.0).reshape(40, 12)[:, ::-1] % 7), 0.99)
    assert told.why is None
    few = percentile([np.arange(3.0)] * 40, 0.99)
    assert few == Percentile(None, None, None, "n=120 < 473")
    burst = percentile([np.full(100, float(value)) for value in range(40)], 0.9)
    assert burst.value is burst.low is burst.high is None
    assert burst.why in {f"n=4000 (worth {worth}) < 46" for worth in range(30, 46)}


def test_as_many_samples_as_are_needed_may_be_worth_fewer() -> None:
    needed = least_samples(0.9)
    enough = percentile([np.ones(5), np.ones(needed - 5)], 0.9)
    assert enough.why == f"n={needed} (worth 2) < {needed}"
    too_few = percentile([np.ones(5), np.ones(needed - 6)], 0.9)
    assert too_few.why == f"n={needed - 1} < {needed}"


def test_a_percentile_is_that_of_all_samples_together() -> None:
    blocks = clustered(np.random.default_rng(2), 20, 100, 0.1)
    told = percentile(blocks, 0.9)
    assert told.value == np.quantile(np.concatenate(blocks), 0.9)
    low, high = ends(told)
    assert low < np.quantile(np.concatenate(blocks), 0.9) < high


@given(SEEDS, st.sampled_from([0.25, 1.0, 1000.0]), st.sampled_from([0.9, 0.99]))
def test_percentiles_follow_the_unit_and_not_the_order(
    seed: int, unit: float, share: float
) -> None:
    random = np.random.default_rng(seed)
    blocks = clustered(random, 12, int(random.integers(1, 120)), 0.2)
    mixed = [random.permutation(block) for block in (*blocks[5:], *blocks[:5])]
    one, other = percentile(blocks, share), percentile([block * unit for block in mixed], share)
    assert one.why == other.why
    if one.value is not None:
        expected = [one.value * unit, *(end * unit for end in ends(one))]
        assert [other.value, *ends(other)] == pytest.approx(expected)


@pytest.mark.parametrize("between", [0.0, 0.3])
def test_intervals_of_percentiles_hold_for_blocks_that_differ(between: float) -> None:
    random = np.random.default_rng(3)
    truth = 1.2815515655446004 * math.hypot(1, between)
    held = 0
    for _ in range(300):
        low, high = ends(percentile(clustered(random, 40, 60, between), 0.9))
        held += low <= truth <= high
    assert held >= 0.9 * 300


# Medians


@given(SEEDS, st.integers(1, 20), st.sampled_from([0.25, 1.0, 1000.0]))
def test_a_median_lies_in_its_interval_which_follows_the_unit(
    seed: int, blocks: int, unit: float
) -> None:
    random = np.random.default_rng(seed)
    samples = [random.normal(9, 1, random.integers(1, 20)) for _ in range(blocks)]
    found = median_interval(samples, seed=seed)
    assert found.value == np.median(np.concatenate(samples))
    assert found.low <= found.value <= found.high
    scaled = median_interval([block * unit for block in samples], seed=seed)
    assert scaled == pytest.approx(tuple(end * unit for end in found))
    shuffled = [random.permutation(block) for block in samples]
    assert median_interval(shuffled, seed=seed) == pytest.approx(tuple(found))


def times(*arguments: Any) -> list[Floats]:
    """The same as times, around 1."""
    return [np.exp(block) for block in clustered(*arguments)]


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly() -> None:
    blocks = times(np.random.default_rng(4), 30, 40)
    first, again, other = (median_interval(blocks, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert relative_half_width(*first[1:]) == pytest.approx(
        relative_half_width(*other[1:]), rel=0.25
    )


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_blocks_say_nothing_of_others(count: int) -> None:
    assert median_interval([np.arange(1, 6.0)] * count) == (3.0, 0.0, math.inf)


def test_few_blocks_give_the_t_interval_of_the_logarithms_of_their_medians() -> None:
    blocks = [np.array([level - 1, level, level + 1.0]) for level in (10, 12, 14)]
    _, low, high = t_interval(np.log([10, 12, 14]))
    assert median_interval(blocks) == pytest.approx((12, math.exp(low), math.exp(high)))


def test_blocks_that_differ_wildly_give_no_interval_and_none_below_0() -> None:
    """On a straight scale three calls of 61, 261 and 900 ms give one from -660 ms on."""
    slow = [np.array([level]) for level in (61.0, 261.0, 900.0)]
    assert t_interval([61, 261, 900]).low < -600
    assert median_interval(slow) == (261.0, 0.0, math.inf)
    wild = [np.full(5, 10.0**power) for power in range(10)]
    assert median_interval(wild)[1:] == (0.0, math.inf)
    assert median_interval([np.full(3, level) for level in (1e-300, 1.0, 1e300)])[1] == 0
    assert median_interval([np.zeros(3)] * 4) == (0.0, 0.0, math.inf)


@given(
    st.lists(
        st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=5).map(np.array),
        min_size=1,
        max_size=12,
    )
)
def test_an_interval_of_times_is_above_0_or_not_known(blocks: list[Floats]) -> None:
    value, low, high = median_interval(blocks)
    assert 0 < low <= value <= high <= 100 * low * (1 + 1e-9) or (low, high) == (0, math.inf)


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        median_interval([np.empty(0)])


def naive_median_interval(blocks: list[Floats]) -> Interval:
    """By order statistics, as if all samples were independent."""
    pool = np.sort(np.concatenate(blocks))
    reach = 1.96 * math.sqrt(len(pool)) / 2
    low, high = int(len(pool) / 2 - reach), int(len(pool) / 2 + reach)
    return Interval(float(np.median(pool)), float(pool[low]), float(pool[high]))


def covers(found: Callable[[list[Floats]], Interval], blocks: int, between: float) -> float:
    """How often the interval of a median of times holds the true one."""
    random = np.random.default_rng(5)
    intervals = (found(times(random, blocks, 25, between)) for _ in range(300))
    return sum(low <= 1 <= high for _, low, high in intervals) / 300


@pytest.mark.parametrize("blocks", [3, 5, 8, 20])
@pytest.mark.parametrize("between", [0.0, 1.0])
def test_intervals_of_medians_hold_for_few_and_many_blocks_alike_or_not(
    blocks: int, between: float
) -> None:
    assert covers(median_interval, blocks, between) >= 0.9


@pytest.mark.parametrize("blocks", [3, 5, 7, 8, 12, 20])
@pytest.mark.parametrize("between", [0.02, 0.4])
def test_intervals_of_times_hold_the_true_median_in_about_95_of_100(
    blocks: int, between: float
) -> None:
    """Calls and blocks are lognormal; an interval that is withheld does not count as held."""
    random = np.random.default_rng(11)
    held = told = 0
    for _ in range(600):
        levels = np.exp(random.normal(0, between, blocks))
        made = [level * np.exp(random.normal(0, 0.05, 15)) for level in levels]
        _, low, high = median_interval(made)
        told += high < math.inf
        held += low <= 1 <= high < math.inf
    assert told > 0.95 * 600
    assert 0.92 <= held / told <= 0.98


def test_intervals_that_take_samples_for_independent_do_not_hold() -> None:
    assert covers(naive_median_interval, 20, 0.0) >= 0.9
    assert covers(naive_median_interval, 20, 1.0) < 0.8


# Means over instances


def test_the_t_interval_of_a_textbook() -> None:
    # Student's own sleep data (1908): the extra hours of ten patients.
    hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert t_interval(hours) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)


def test_the_t_interval_of_one_value_is_infinite_and_of_equal_ones_a_point() -> None:
    assert t_interval([3.0]) == (3.0, -math.inf, math.inf)
    assert t_interval([3.0, 3.0]) == (3.0, 3.0, 3.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.randoms())
def test_the_t_interval_holds_the_mean_and_knows_no_order(
    values: list[float], random: Random
) -> None:
    mean, low, high = t_interval(values)
    assert low <= mean <= high
    random.shuffle(values)
    assert t_interval(values) == pytest.approx((mean, low, high), abs=1e-6)


@pytest.mark.parametrize("count", [2, 5, 12])
def test_the_t_interval_holds_the_truth_in_95_of_100_sets(count: int) -> None:
    sets = np.random.default_rng(6).normal(7, 2, (2000, count))
    held = sum(low <= 7 <= high for _, low, high in map(t_interval, sets))
    assert 0.93 <= held / 2000 <= 0.97


@pytest.mark.parametrize(
    ("low", "high", "half"),
    [
        (0.98, 1.02, 0.02),
        (3.0, 3.0, 0.0),
        (0.0, math.inf, math.inf),
        (-math.inf, math.inf, math.inf),
    ],
)
def test_relative_half_width(low: float, high: float, half: float) -> None:
    assert relative_half_width(low, high) == pytest.approx(half)


# Tests over counts and over many rows


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 2 / 2**5),
        (3, 9, 2 * sum(math.comb(12, k) for k in range(4)) / 2**12),
        # Agresti, Categorical Data Analysis (2002), table 10.1: 150 and 86 changed their minds.
        (86, 150, 2 * sum(math.comb(236, k) for k in range(87)) / 2**236),
        (0, 2000, 0.0),
    ],
)
def test_mcnemar(only_a: int, only_b: int, p: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p, rel=1e-9)
    assert mcnemar(only_b, only_a) == mcnemar(only_a, only_b)


def test_mcnemar_of_very_many_is_the_normal_test() -> None:
    z = (20_000 - 1) / math.sqrt(10**8)  # with the correction for continuity
    assert mcnemar(50_010_000, 49_990_000) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-4)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = Fraction(sum(math.comb(n, k) for k in range(fewer + 1)), 2**n)
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, float(2 * tail)), rel=1e-9)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_mcnemar_is_scipy_s_binomial_test(only_a: int, only_b: int) -> None:
    found = scipy.stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(found, rel=1e-6, abs=1e-300)


@given(st.lists(st.floats(0, 1), max_size=7))
def test_holm_is_the_closed_test_of_bonferroni_s(chances: list[float]) -> None:
    """SciPy has no Holm: each row must stand in the test of every set of rows that holds it."""
    places = range(len(chances))
    sets = [set(held) for size in places for held in combinations(places, size + 1)]
    wanted = [
        max(min(1.0, len(held) * min(chances[at] for at in held)) for held in sets if place in held)
        for place in places
    ]
    assert holm(chances) == pytest.approx(wanted)


@given(st.floats(0.501, 0.9999), st.floats(0.5, 1e6), st.floats(-40, 40))
def test_student_s_t_is_scipy_s(probability: float, df: float, t: float) -> None:
    found = scipy.stats.t(df)
    assert t_quantile(probability, df) == pytest.approx(found.ppf(probability), rel=1e-9)
    assert t_tail(t, df) == pytest.approx(found.sf(t), rel=1e-9, abs=1e-300)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.6, 0.7]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(
    chances: list[float],
) -> None:
    adjusted = holm(chances)
    for chance, said in zip(chances, adjusted, strict=True):
        assert chance <= said <= min(1.0, len(chances) * chance)
    ranked = sorted(zip(chances, adjusted, strict=True))
    assert [said for _, said in ranked] == sorted(adjusted)


def test_holm_keeps_a_false_alarm_rare_over_many_rows() -> None:
    chances = np.random.default_rng(9).random((2000, 20))
    alarms = sum(min(holm(row)) < 0.05 for row in chances.tolist())
    assert 0.03 <= alarms / 2000 <= 0.07
    assert sum(min(row) < 0.05 for row in chances.tolist()) / 2000 > 0.5


@pytest.mark.parametrize(
    ("start_a", "call_a", "start_b", "call_b", "calls"),
    [
        (10.0, 1.0, 4.0, 3.0, 4),  # after 3 calls they are even, after 4 A is cheaper
        (4.0, 1.0, 10.0, 3.0, 0),
        (4.0, 1.0, 4.0, 3.0, 1),
        (4.0, 3.0, 10.0, 3.0, 0),
        (10.0, 3.0, 4.0, 3.0, None),
        (4.0, 3.0, 4.0, 3.0, None),
        (1.0, 4.0, 10.0, 3.0, None),  # cheaper at first, not for good
        (0.3, 0.1, 0.1, 0.2, 2),
    ],
)
def test_break_even(
    start_a: float, call_a: float, start_b: float, call_b: float, calls: int | None
) -> None:
    assert calls_to_break_even(start_a, call_a, start_b, call_b) == calls


COSTS = st.floats(0, 1e6)


@given(COSTS, COSTS, COSTS, COSTS)
def test_break_even_is_the_first_call_from_which_a_is_cheaper(
    start_a: float, call_a: float, start_b: float, call_b: float
) -> None:
    def cheaper(n: int) -> bool:
        a = Fraction(start_a) + n * Fraction(call_a)
        return a < Fraction(start_b) + n * Fraction(call_b)

    calls = calls_to_break_even(start_a, call_a, start_b, call_b)
    if calls is None:
        assert not cheaper(10**400)
    else:
        assert cheaper(calls)
        assert cheaper(calls + 10**400)
        assert calls == 0 or not cheaper(calls - 1)


def test_tails_are_widened_for_the_number_of_blocks() -> None:
    """Of 8 blocks: t has 7 degrees of freedom, 2.364624, and is widened by the root of 8 / 7."""
    low, high = _expanded_tails(8)
    assert low == pytest.approx(NormalDist().cdf(-2.364624252 * math.sqrt(8 / 7)))
    assert high == 1 - low


def test_what_a_burst_is_worth_by_hand() -> None:
    """Four of 40 samples are slow, all in one of 4 blocks: the variance of the share is 0.01."""
    blocks = [np.array([2.0] * slow + [1.0] * (10 - slow)) for slow in (4, 0, 0, 0)]
    by_chance = 0.1 * 0.9 / 40
    doubt = (3.182446305 / 2.022690920) ** 2  # t with 3 degrees of freedom, and with 39
    assert effective_count(blocks, 0.95) == pytest.approx(40 / (0.01 / by_chance * doubt))
