"""The Wilson interval against its literature, and what every interval of a share must keep to."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from zoo.intervals import Lost, wilson

TRIALS = st.integers(1, 10**7)
Z = 1.959963984540054


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    """Successes and trials."""
    trials = draw(TRIALS)
    return draw(st.integers(0, trials)), trials


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The mirror image of one of them, and the two ends.
        (148 - 15, 148, 0.8395, 0.9376),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_known_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_nothing_seen_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(counts())
def test_it_lies_inside_0_and_1_and_contains_the_share(count: tuple[int, int]) -> None:
    low, high = wilson(*count)
    assert 0 <= low <= count[0] / count[1] <= high <= 1
    assert low < high


def test_the_ends_are_exact_not_a_rounding_error_away() -> None:
    assert {wilson(0, trials)[0] for trials in range(1, 100)} == {0.0}
    assert {wilson(trials, trials)[1] for trials in range(1, 100)} == {1.0}


@given(counts(), st.integers(2, 50))
def test_the_same_share_of_more_trials_is_surer(count: tuple[int, int], times: int) -> None:
    low, high = wilson(*count)
    more_low, more_high = wilson(count[0] * times, count[1] * times)
    assert more_high - more_low < high - low


@given(counts())
def test_failures_have_the_mirrored_interval(count: tuple[int, int]) -> None:
    successes, trials = count
    low, high = wilson(successes, trials)
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts())
def test_one_more_success_moves_both_ends_up(count: tuple[int, int]) -> None:
    successes, trials = count
    assume(successes < trials)
    lower, upper = wilson(successes, trials), wilson(successes + 1, trials)
    assert lower[0] < upper[0]
    assert lower[1] < upper[1]


@given(counts())
def test_its_ends_are_the_shares_that_a_score_test_just_accepts(count: tuple[int, int]) -> None:
    """The definition, without the closed form: |share - p| = z * sqrt(p (1 - p) / n)."""
    successes, trials = count
    share = successes / trials
    for end in wilson(successes, trials):
        if 0 < end < 1:
            reach = Z * math.sqrt(end * (1 - end) / trials)
            assert abs(share - end) == pytest.approx(reach, rel=1e-6, abs=1e-9)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_scipy_s(count: tuple[int, int]) -> None:
    found = scipy.stats.binomtest(*count).proportion_ci(0.95, "wilson")
    assert wilson(*count) == pytest.approx((found.low, found.high), rel=1e-9, abs=1e-12)


class TestLost:
    def test_the_published_example_of_paired_shares(self) -> None:
        """Newcombe 1998, table III, method 10: 36 both, 12 one, 2 other, 0 none of 50."""
        a = np.array([True] * 36 + [True] * 12 + [False] * 2)
        b = np.array([True] * 36 + [False] * 12 + [True] * 2)
        found = Lost.of(a, b)
        assert (found.only_a, found.only_b) == (12, 2)
        assert found.share == pytest.approx(0.2)
        assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)

    def test_it_turns_with_the_sides_and_holds_without_a_difference(self) -> None:
        a, b = np.array([True, True, False, True]), np.array([True, False, False, True])
        there, back = Lost.of(a, b), Lost.of(b, a)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        same = Lost.of(a, a)
        assert same.share == 0
        assert same.low <= 0 <= same.high
        assert Lost.of(a[:0], a[:0]).share == 0
        assert str(there).startswith("25.00 points (")
