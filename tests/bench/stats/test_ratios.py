"""Ratios of two arms: what must hold for any turns, and simulations in which the truth is known."""

import math
from dataclasses import astuple, dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.stats.ratios import (
    PairedRatio,
    _welch,
    paired_ratio,
    sequential_ratio,
    trimmed_mean,
    verdict,
)
from bench.stats.stats import TAIL, relative_half_width, t_interval, t_quantile, t_tail

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
MARGINS = st.sampled_from([0.005, 0.01, 0.02, 0.05, 0.2])


@st.composite
def pairs(draw: st.DrawFn, least: int = 2) -> list[Floats]:
    """Quads of some instances: a true ratio, each instance's luck, the noise of single turns."""
    random = np.random.default_rng(draw(SEEDS))
    ratio = draw(st.floats(0.5, 2))
    luck, noise = draw(st.sampled_from([0, 0.004, 0.05])), draw(st.sampled_from([0, 0.01, 0.3]))
    instances = []
    for _ in range(draw(st.integers(least, 6))):
        quads = np.exp(random.normal(12, noise, (draw(st.integers(1, 40)), 4)))
        quads[:, 1:3] *= ratio * math.exp(random.normal(0, luck))
        instances.append(quads)
    return instances


def swapped(instances: list[Floats]) -> list[Floats]:
    """The same turns with the names of the arms exchanged."""
    return [quads[:, [1, 0, 3, 2]] for quads in instances]


def clear_of_bounds(ratio: PairedRatio, margin: float) -> bool:
    """Whether the last digit decides nothing."""
    ends, bound = (math.log(ratio.low), math.log(ratio.high)), math.log1p(margin)
    return all(abs(abs(end) - bound) > 1e-9 for end in ends)


def ratio_of(log_mean: float, standard_error: float, df: int) -> PairedRatio:
    """A ratio as `paired_ratio` would give it."""
    half = t_quantile(0.975, df) * standard_error
    ends = (math.exp(log_mean), math.exp(log_mean - half), math.exp(log_mean + half))
    return PairedRatio(*ends, df + 1, 100, log_mean, standard_error, df)


def test_a_ratio_is_time_b_over_time_a_free_of_drift() -> None:
    drift = np.arange(1.0, 41).reshape(10, 4)  # every turn is slower than the one before
    quads = 1000 + drift
    quads[:, 1:3] *= 1.05
    found = paired_ratio([quads, quads])
    assert (found.ratio, found.low, found.high) == pytest.approx((1.05, 1.05, 1.05))
    assert (found.instances, found.turns) == (2, 20)


def test_a_ratio_shrugs_off_interrupts() -> None:
    quads = np.full((50, 4), 1000.0)
    quads[::7, 1] *= 30
    assert paired_ratio([quads] * 3).ratio == pytest.approx(1)


def test_neither_arm_has_the_better_chance_to_be_spared() -> None:
    """Disturbances outlast a call: both inner calls of a quad have one, or none, the outer two do
    not have it together. A mean over quads then has the outer arm as the slower one."""
    random = np.random.default_rng(5)
    instances, naive = [], []
    for instance in range(6):
        disturbed = np.repeat(random.random(2000) < 0.4, 2)[1:-3].reshape(-1, 4)
        quads = np.where(disturbed, 1.3, 1.0) * random.normal(1, 0.01, disturbed.shape)
        ratios = np.log(quads[:, [1, 2]].sum(axis=1) / quads[:, [0, 3]].sum(axis=1))
        naive.append(trimmed_mean(ratios))
        instances.append(quads[:, [1, 0, 3, 2]] if instance % 2 else quads)
    assert t_interval(naive).high < -0.005
    found = paired_ratio(instances)
    assert 0.999 < found.low < 1 < found.high < 1.001


def test_an_arm_that_is_often_slow_by_itself_is_not_judged_by_its_calm_calls() -> None:
    random = np.random.default_rng(6)
    instances = []
    for _ in range(5):
        quads = random.normal(1, 0.01, (300, 4))
        quads[:, 1:3] *= np.where(random.random((300, 2)) < 0.7, 1.2, 1.0)
        instances.append(quads)
    assert 1.1 < paired_ratio(instances).low < paired_ratio(instances).ratio < 1.2


def test_a_short_arm_is_not_faster_for_fitting_between_disturbances() -> None:
    """Every third call of a short arm is spared, and no call of an arm that takes as long as all
    of them: it has its share of each."""
    random = np.random.default_rng(7)
    busy = np.where(random.random((5, 300, 2)) < 2 / 3, 1.3, 1.0)
    quads = np.ones((5, 300, 4))
    quads[:, :, [0, 3]] = busy
    quads[:, :, 1:3] = 20 * 1.2
    quads *= random.normal(1, 0.01, quads.shape)
    assert paired_ratio(list(quads)).ratio == pytest.approx(20, rel=0.05)


def test_a_single_instance_proves_nothing() -> None:
    found = paired_ratio([np.array([[1.0, 2, 2, 1]])])
    assert (found.ratio, found.low, found.high, found.df) == (2.0, 0.0, math.inf, 0)
    assert verdict(found, 0.02) == "inconclusive"
    assert found.p_slower(0.02) == 1


def test_an_instance_without_turns_is_an_error() -> None:
    with pytest.raises(ValueError, match="without turns"):
        paired_ratio([np.ones((3, 4)), np.empty((0, 4))])


def test_ratios_too_far_apart_for_an_interval_have_an_infinite_one() -> None:
    far = [np.full((1, 4), 1.0), np.array([[1.0, 1e99, 1e99, 1.0]])]
    assert paired_ratio(far).low < 1e-99
    assert paired_ratio(far).high == math.inf


def test_the_trimmed_mean_leaves_out_a_fifth_at_each_end() -> None:
    assert trimmed_mean(np.array([1e9, 3, 1, 2, -1e9])) == 2
    assert trimmed_mean(np.arange(10.0) ** 2) == (4 + 9 + 16 + 25 + 36 + 49) / 6
    assert trimmed_mean(np.array([4.0, 8.0])) == 6


@given(pairs(), st.sampled_from([0.25, 1000.0]), MARGINS)
def test_ratios_know_no_unit_and_verdicts_turn_around_with_the_arms(
    instances: list[Floats], unit: float, margin: float
) -> None:
    found, turned = paired_ratio(instances), paired_ratio(swapped(instances))
    assert found.low <= found.ratio <= found.high
    scaled = paired_ratio([quads * unit for quads in reversed(instances)])
    assert astuple(scaled) == pytest.approx(astuple(found), rel=1e-9, abs=1e-9)
    assert (1 / turned.ratio, 1 / turned.high, 1 / turned.low) == pytest.approx(
        (found.ratio, found.low, found.high)
    )
    assume(clear_of_bounds(found, margin))
    opposite = {"faster": "slower", "slower": "faster"}
    said = verdict(found, margin)
    assert verdict(turned, margin) == opposite.get(said, said)


@given(pairs(), MARGINS)
def test_p_values_agree_with_verdicts(instances: list[Floats], margin: float) -> None:
    found = paired_ratio(instances)
    assume(clear_of_bounds(found, margin))
    assert (found.p_slower(margin) < TAIL) == (verdict(found, margin) == "slower")


def test_p_values_are_those_of_a_t_test() -> None:
    found = ratio_of(math.log(1.05), 0.01, 4)
    t = (math.log(1.05) - math.log(1.02)) / 0.01
    assert found.p_slower(0.02) == pytest.approx(t_tail(t, 4))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.03, 1.05, "slower"),
        (1.01, 1.05, "inconclusive"),
        (0.99, 1.01, "same"),
        (0.95, 1.01, "inconclusive"),
        (0.95, 0.97, "faster"),
        (0.5, 2.0, "inconclusive"),
    ],
)
def test_verdicts(low: float, high: float, said: str) -> None:
    middle = ratio_of(math.log(low * high) / 2, math.log(high / low) / 2 / t_quantile(0.975, 4), 4)
    assert (middle.low, middle.high) == pytest.approx((low, high))
    assert verdict(middle, 0.02) == said


def measured(random: np.random.Generator, ratio: float) -> list[Floats]:
    """Five instances that differ by 0.2%, under drift, with noise and interrupts."""
    instances = []
    for _ in range(5):
        drift = np.cumsum(random.normal(0, 0.003, (60, 4))).reshape(60, 4)
        times = np.exp(drift + random.normal(0, 0.01, (60, 4)))
        times *= np.where(random.random((60, 4)) < 0.03, 5, 1)
        times[:, 1:3] *= ratio * math.exp(random.normal(0, 0.002))
        instances.append(1e5 * times)
    return instances


def test_paired_intervals_hold_the_true_ratio_and_verdicts_are_right() -> None:
    random = np.random.default_rng(7)
    found = [paired_ratio(measured(random, 1.05)) for _ in range(400)]
    held = sum(ratio.low <= 1.05 <= ratio.high for ratio in found)
    assert 0.92 <= held / 400 <= 0.98
    assert all(verdict(ratio, 0.02) == "slower" for ratio in found)
    same = [paired_ratio(measured(random, 1.0)) for _ in range(400)]
    said = [verdict(ratio, 0.02) for ratio in same]
    assert said.count("same") >= 396
    assert said.count("same") + said.count("inconclusive") == 400


def test_pairing_is_far_surer_than_one_after_the_other_under_drift() -> None:
    random = np.random.default_rng(8)
    paired = measured(random, 1.0)
    apart = [measured(random, 1.0) for _ in range(2)]
    usual = sequential_ratio(
        [quads[:, [0, 3]].ravel() for quads in apart[0]],
        [quads[:, [1, 2]].ravel() for quads in apart[1]],
    )
    assert usual.low < 1 < usual.high
    one, other = paired_ratio(paired), usual
    assert relative_half_width(other.low, other.high) > 5 * relative_half_width(one.low, one.high)


def test_the_sequential_interval_is_welchs() -> None:
    # Logs are 1, 2, 3 and 2, 4, 6, 8: means 2 and 5, variances 1 and 20 / 3.
    a, b = ([np.full(5, math.exp(log)) for log in logs] for logs in ((1, 2, 3), (2, 4, 6, 8)))
    found = sequential_ratio(a, b)
    assert found.log_mean == pytest.approx(3)
    assert found.standard_error == pytest.approx(math.sqrt(1 / 3 + 20 / 12))
    assert found.df == pytest.approx(2**2 / ((1 / 3) ** 2 / 2 + (20 / 12) ** 2 / 3))
    assert found.high == pytest.approx(math.exp(3 + t_quantile(0.975, found.df) * math.sqrt(2)))
    assert (found.instances, found.turns) == (3, 35)


def test_the_sequential_interval_of_extremes() -> None:
    same = [np.full(3, 2.0)] * 2
    assert (sequential_ratio(same, same).low, sequential_ratio(same, same).high) == (1, 1)
    single = sequential_ratio([np.ones(3)], same)
    assert single.ratio == pytest.approx(2)
    assert (single.low, single.high) == (0, math.inf)
    assert (single.df, single.p_slower(0.02)) == (0, 1)


def test_the_bounds_of_the_margin_are_inside_it() -> None:
    @dataclass(frozen=True)
    class Ends:
        low: float
        high: float

    least, most = 1 / 1.02, 1.02
    assert verdict(Ends(least, most), 0.02) == "same"
    assert verdict(Ends(least / 2, least), 0.02) == "inconclusive"
    assert verdict(Ends(most, 2 * most), 0.02) == "inconclusive"


def test_between_two_quads_there_are_calm_calls_already() -> None:
    """The outer arm was disturbed once, at the end of the first quad: its next call was not."""
    quads = np.array([[1.0, 2.0, 2.0, 9.0], [1.0, 2.0, 2.0, 1.0]])
    assert paired_ratio([quads]).ratio == pytest.approx(2)
    assert paired_ratio([quads[:1]]).ratio == pytest.approx(0.4)


def test_arms_that_do_not_vary_have_the_degrees_of_freedom_of_both() -> None:
    a, b = ([np.full(3, 2.0)] * count for count in (3, 4))
    assert sequential_ratio(a, b).df == 2 + 3


def test_degrees_of_freedom_know_no_unit() -> None:
    """Errors so small that their fourth powers are 0 still say which of the arms varies."""
    assert _welch(1e-100, 2, 0.0, 3) == pytest.approx(2)
    assert _welch(0.0, 2, 1e-100, 3) == pytest.approx(3)
