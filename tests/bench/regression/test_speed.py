"""What is said of the time of a cell: proven where it is, and never more than is known."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bench.regression.speed import (
    ASSUMED_SPREAD,
    SpeedFinding,
    Spread,
    judge_speed,
    sweeps_ratio,
    what_changed,
)
from bench.results.rows import Row
from bench.stats.ratios import paired_ratio
from bench.stats.stats import t_quantile
from tests.bench.regression.two_sweeps import (
    ERRORS,
    QUIET_BASE,
    QUIET_NEW,
    RATIOS,
    Compare,
    again,
    cell,
    changed,
    speed_of,
    twins,
)
from zoo.errors import ZooError


def test_a_planted_slowdown_is_proven(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [changed(1.2), *QUIET_NEW])
    speed = speed_of(found)
    assert (speed.how, speed.verdict, speed.outcome) == ("sweeps", "slower", "breach")
    assert speed.ratio == pytest.approx(1.2)
    assert speed.low is not None
    assert speed.low > 1.05
    assert "from 5 unchanged rows" in speed.text
    assert [breach.kind for breach in found.breaches] == ["slower"]
    assert found.exit_code == 1


def test_a_slowdown_within_the_limit_is_told_but_no_breach(compare: Compare) -> None:
    found = compare([cell()], [changed()], remeasure=again(1.03))
    assert speed_of(found).verdict == "slower"
    assert speed_of(found).outcome == "held"
    assert (found.breaches, found.exit_code) == ((), 0)
    assert compare([cell()], [changed()], remeasure=again(1.03), strict=True).exit_code == 0


def test_what_is_not_sure_is_no_breach_unless_strict(compare: Compare) -> None:
    base, new = [cell(), *QUIET_BASE], [changed(1.07), *twins(1.04, 0.95, 1.05, 0.96, 1.0)]
    found = compare(base, new)
    assert speed_of(found).outcome == "inconclusive"
    assert (found.inconclusive, found.exit_code) == (1, 0)
    assert compare(base, new, strict=True).exit_code == 1


def test_few_unchanged_rows_leave_the_assumed_spread(compare: Compare) -> None:
    speed = speed_of(compare([cell()], [changed()]))
    assert "taken as 5.0%" in speed.text
    assert speed.high is not None
    assert speed.high == pytest.approx(math.exp(1.96 * ASSUMED_SPREAD), abs=0.002)
    # Unless even those few are further apart.
    assert Spread.of([0.2]).sd == pytest.approx(0.2)
    assert Spread.of([0.01, -0.01]).sd == ASSUMED_SPREAD


def test_a_sweep_that_was_slower_as_a_whole_proves_nothing(compare: Compare) -> None:
    slow = twins(1.2, 1.21, 1.2, 1.19, 1.2)
    found = compare([cell(), *QUIET_BASE], [changed(1.2), *slow])
    assert found.breaches == ()
    assert any("the machine or its settings changed" in note for note in found.notes)


def test_measured_again_is_the_only_evidence(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [changed(1.5), *QUIET_NEW], remeasure=again(1.0))
    assert (speed_of(found).how, speed_of(found).verdict) == ("paired", "same")
    assert "measured again in turns, 5 instances" in speed_of(found).text
    assert found.exit_code == 0
    found = compare([cell(), *QUIET_BASE], [changed(1.0), *QUIET_NEW], remeasure=again(1.1))
    assert speed_of(found).outcome == "breach"


def test_what_did_not_change_is_not_measured_again(compare: Compare) -> None:
    asked: list[Row] = []
    new = twins(1.001, 0.999, 1.001, 0.999, 1.001)
    found = compare(QUIET_BASE, new, remeasure=lambda base, _: asked.append(base))
    assert asked == []
    assert {row.verdict for row in found.rows} == {"same (same file and runtime)"}
    assert "same file, same runtime" in speed_of(found).text
    assert (found.inconclusive, found.exit_code) == (0, 0)


@pytest.mark.parametrize("failing", [False, True])
def test_where_it_cannot_be_measured_again_the_sweeps_count(
    compare: Compare, failing: bool
) -> None:
    def measure(base: Row, new: Row) -> None:
        if failing:
            raise ZooError("no such file")

    found = compare([cell(), *QUIET_BASE], [changed(1.2), *QUIET_NEW], remeasure=measure)
    assert (speed_of(found).how, speed_of(found).outcome) == ("sweeps", "breach")
    assert ("measuring it again failed: no such file" in speed_of(found).text) == failing


def test_the_very_same_thing_is_no_breach_however_slow(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5), *QUIET_NEW])
    assert speed_of(found).how == "identical"
    assert speed_of(found).verdict == "slower"
    assert (speed_of(found).outcome, found.breaches) == ("inconclusive", ())
    assert "not the model" in speed_of(found).text


@pytest.mark.parametrize(
    "parts",
    [
        {"runtime_version": "onnxruntime 1.32.0"},
        {"tf32": True},
        {"nodes": 60},
        {"conv_search": "heuristic"},
    ],
    ids=lambda parts: next(iter(parts)),
)
def test_the_same_file_run_otherwise_is_not_the_same_thing(
    compare: Compare, parts: dict[str, Any]
) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5, **parts), *QUIET_NEW])
    assert speed_of(found).outcome == "breach"
    assert next(iter(parts)).replace("_", " ") in found.rows[0].changed


@pytest.mark.parametrize(
    "new",
    [changed(None), changed(p50_low_ms=None), changed(p50_low_ms=-0.1), changed(0.0)],
    ids=["no p50", "no interval", "an interval below 0", "no time at all"],
)
def test_without_an_interval_there_is_no_verdict(compare: Compare, new: Row) -> None:
    found = compare([cell()], [new])
    assert speed_of(found).how == "none"
    assert speed_of(found).text == "no p50 with an interval in new"
    assert (found.inconclusive, found.exit_code) == (1, 0)


def test_a_single_instance_proves_nothing(compare: Compare) -> None:
    alone = paired_ratio([np.array([[1.0, 2.0, 2.0, 1.0]] * 9)])
    found = compare([cell()], [changed()], remeasure=lambda *_: alone)
    assert (speed_of(found).low, speed_of(found).verdict) == (None, "inconclusive")
    json.dumps(found.to_json(), allow_nan=False)


def test_what_is_just_allowed_is_no_breach_however_sure_it_is() -> None:
    sure = Spread(0.0, 3, 3)
    found = judge_speed(cell(1.0, 0), changed(1.05, 0), None, sure, allowed=0.05, margin=0.02)
    assert (found.ratio, found.p, found.outcome) == (pytest.approx(1.05), 1.0, "held")


@given(ratio=RATIOS, errors=st.tuples(ERRORS, ERRORS), shifts=st.lists(RATIOS, max_size=6))
def test_swapping_the_files_swaps_the_verdict(
    ratio: float, errors: tuple[float, float], shifts: list[float]
) -> None:
    base, new = cell(1.0, errors[0]), changed(ratio, errors[1])
    logs = [math.log(shift) for shift in shifts]
    forth = judge_speed(base, new, None, Spread.of(logs), allowed=0.05, margin=0.02)
    back = judge_speed(
        new, base, None, Spread.of([-log for log in logs]), allowed=0.05, margin=0.02
    )
    assert forth.ratio is not None
    assert forth.low is not None
    assert back.low is not None
    assert back.high is not None
    assert forth.ratio * (back.ratio or 0) == pytest.approx(1)
    assert forth.low * back.high == pytest.approx(1)
    assume(all(abs(abs(math.log(end)) - math.log(1.02)) > 1e-9 for end in (forth.low, back.low)))
    swapped = {"faster": "slower", "slower": "faster"}
    assert swapped.get(forth.verdict, forth.verdict) == back.verdict


@given(ratio=RATIOS, error=ERRORS, spread=st.floats(0, 0.3), df=st.integers(3, 50))
@example(ratio=1.05, error=0.0, spread=0.0, df=3)
def test_a_wider_spread_never_proves_more(
    ratio: float, error: float, spread: float, df: int
) -> None:
    def p(sd: float) -> float:
        pair = cell(1.0, error), changed(ratio, error)
        found = judge_speed(*pair, None, Spread(sd, df, df), allowed=0.05, margin=0.02)
        assert found.p is not None
        assert found.low is not None
        at_the_bound = found.low == pytest.approx(1.05, rel=1e-12)  # where rounding decides
        assert (found.p < 0.025) == (found.low > 1.05) or at_the_bound
        return found.p

    if ratio > 1.05 + 1e-9:
        assert p(spread) <= p(spread + 0.1) + 1e-3  # degrees of freedom shift a little
    elif ratio <= 1.05:
        assert p(spread) >= 0.5 - 1e-9


def test_the_error_of_two_sweeps_is_that_of_both_medians_and_the_spread() -> None:
    """An interval of 5 blocks has 4 degrees of freedom: it is 2.78 errors wide on each side."""
    base, new = (
        cell(p50, p50_low_ms=p50 / 1.02, p50_high_ms=p50 * 1.02, blocks=5) for p50 in (1.0, 1.1)
    )
    found = sweeps_ratio(base, new, Spread(0.03, 6, 6))
    assert found is not None
    assert (found.instances, found.turns) == (1, base.n + new.n)
    error = math.log(1.02) / t_quantile(0.975, 4)
    assert found.standard_error == pytest.approx(math.sqrt(2 * error**2 + 0.03**2))
    df = found.standard_error**4 / (2 * error**4 / 4 + 0.03**4 / 6)
    assert found.df == pytest.approx(df)
    half = t_quantile(0.975, df) * found.standard_error
    assert (found.low, found.high) == pytest.approx((1.1 * math.exp(-half), 1.1 * math.exp(half)))


@pytest.mark.parametrize(("twins", "told"), [(2, "taken as 5%"), (3, "from 3")])
def test_how_many_unchanged_rows_show_the_spread(twins: int, told: str) -> None:
    assert told in str(Spread.of([0.05] * twins)).replace("5.0", "5")


def test_what_is_slower_by_the_machine_is_told_apart_from_noise(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5), *QUIET_NEW])
    assert speed_of(found).word == "1.50x slower, by the machine"
    noisy = compare([cell(), *QUIET_BASE], [cell(1.06), *QUIET_NEW])
    assert speed_of(noisy).low is not None
    assert speed_of(noisy).low < 1.05
    assert "too noisy to prove" in speed_of(noisy).word


@pytest.mark.parametrize(
    ("ratio", "noise", "word"),
    [
        (1.03, 0.001, "slower, within the limit"),
        (1.045, 0.01, "slower, limit undecided"),
        (1.02, 0.01, "inconclusive, within the limit"),
    ],
)
def test_a_word_says_whether_the_limit_is_kept(
    compare: Compare, ratio: float, noise: float, word: str
) -> None:
    found = compare([cell()], [changed()], remeasure=again(ratio, noise=noise))
    assert speed_of(found).word == word


def judged(base: Row, new: Row, allowed: float = 0.05) -> SpeedFinding:
    """By the two sweeps alone, which are known to be alike to 1%."""
    return judge_speed(base, new, None, Spread(0.01, 20, 20), allowed=allowed, margin=0.02)


def test_one_measurement_in_both_files_is_itself() -> None:
    found = judged(cell(), cell())
    assert (found.ratio, found.low, found.high) == (1, 1, 1)
    assert (found.verdict, found.outcome, found.p) == ("same", "held", None)
    assert found.text == "the same measurement in both files"


def test_what_ran_otherwise_is_named() -> None:
    assert what_changed(cell(), cell(2.0)) == ""
    assert what_changed(cell(), changed()) == "file"
    told = what_changed(cell(tf32=False), changed(tf32=True, nodes=39))
    assert told == "file, nodes 40 -> 39, tf32 False -> True"


@pytest.mark.parametrize(
    ("base", "new", "lacking"),
    [
        (cell(None), changed(), "base"),
        (cell(), changed(None), "new"),
        (cell(None, p50_low_ms=0.9, p50_high_ms=1.1), changed(None), "base and new"),
        (cell(None, p50_low_ms=0.9, p50_high_ms=1.1), changed(), "base"),
        (cell(p50_low_ms=None), changed(), "base"),
    ],
)
def test_a_file_without_a_time_is_named(base: Row, new: Row, lacking: str) -> None:
    found = judged(base, new)
    assert (found.how, found.outcome) == ("none", "inconclusive")
    assert found.text == f"no p50 with an interval in {lacking}"
    known = base.p50_ms is not None and new.p50_ms is not None
    assert (found.ratio is not None) == known
    assert (found.word == "time unknown") == (not known)


def test_two_machines_are_told_apart_from_two_sweeps_of_one() -> None:
    for new, how in ((cell(1.2), "identical"), (changed(1.2), "sweeps")):
        here, there = judged(cell(), new), judged(cell(), replace(new, machine="there"))
        assert (here.how, there.how) == (how, how)
        assert "not measured again" not in here.text
        assert "two machines, not measured again" in there.text
        assert there.word == "not comparable: two machines"
        assert (there.verdict, there.p) == ("inconclusive", None)
        assert there.outcome == ("held" if how == "identical" else "inconclusive")


def test_the_machine_is_blamed_only_for_what_is_proven() -> None:
    found = judged(cell(), cell(1.2))
    assert found.low is not None
    assert "the machine or its settings changed" in found.text
    assert "the machine" not in judged(cell(), cell(1.2), allowed=found.low - 1).text


@pytest.mark.parametrize(("blocks", "df"), [(1, 1), (2, 1), (3, 2)])
def test_few_blocks_leave_few_degrees_of_freedom_and_one_at_least(blocks: int, df: int) -> None:
    base, new = cell(blocks=blocks), changed(blocks=blocks)
    found = sweeps_ratio(base, new, Spread(0.0, 3, 3))
    assert found is not None
    assert found.df == pytest.approx(2 * df)  # of two medians that are equally unsure


@pytest.mark.parametrize(("base", "new", "turns"), [(None, 7, 7), (5, None, 5), (None, None, 0)])
def test_calls_that_were_not_counted_are_none(
    base: int | None, new: int | None, turns: int
) -> None:
    found = sweeps_ratio(cell(n=base), changed(n=new), Spread(0.01, 20, 20))
    assert found is not None
    assert found.turns == turns


def test_nothing_is_beyond_what_is_allowed_before_it_was_judged() -> None:
    assert not SpeedFinding("none", "", None, None).beyond


@pytest.mark.parametrize(
    ("new", "word"),
    [
        (changed(1.2), "1.20x slower, too noisy to prove"),  # before Holm has its say
        (changed(1.04), "inconclusive, limit undecided"),
        (cell(1.04), "inconclusive"),
    ],
)
def test_a_word_before_anything_is_proven(new: Row, word: str) -> None:
    assert judged(cell(), new).word == word


@pytest.mark.parametrize("make", [cell, changed])
def test_the_limit_itself_is_within_the_limit(make: Callable[..., Row]) -> None:
    """Twice as slow, known exactly: sums of these numbers have no rounding."""
    sure = Spread(0.0, 3, 3)
    found = judge_speed(cell(1.0, 0), make(2.0, 0, n=1), None, sure, allowed=1.0, margin=0.02)
    assert (found.low, found.ratio, found.high) == (2, 2, 2)
    assert (found.outcome, found.beyond) == ("held", False)
    assert found.word == "slower, within the limit"


def test_a_single_instance_as_fast_as_before_is_undecided(compare: Compare) -> None:
    alone = paired_ratio([np.array([[1.0, 1.0, 1.0, 1.0]] * 9)])
    speed = speed_of(compare([cell()], [changed()], remeasure=lambda *_: alone))
    assert (speed.low, speed.high) == (None, None)
    assert speed.word == "inconclusive, limit undecided"
