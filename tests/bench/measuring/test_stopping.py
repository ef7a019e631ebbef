"""When to begin measuring and when to stop, on blocks that nobody timed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.samples import Block
from bench.measuring.stopping import Length, Measurement, WarmUp, measure
from bench.stats.stats import median_interval, relative_half_width

MS = 1_000_000
LENGTH = Length(least_seconds=1.0, most_seconds=4.0, precise=0.01)


def block(median_ms: float, calls: int = 100, disturbed: str | None = None) -> Block:
    """A block in which all calls take about the same."""
    ns = [int(median_ms * MS * (1 + (at - calls // 2) * 1e-6)) for at in range(calls)]
    return Block(ns, round(calls * median_ms * MS) + 1000, disturbed)


def filled(length: Length, blocks: Iterator[Block] | list[Block]) -> Measurement:
    """What was kept when it said that it is enough."""
    kept = Measurement(length)
    blocks = iter(blocks)
    while not kept.is_finished:
        kept.add(next(blocks))
    return kept


def endless(values: object = 1.0, disturbed: str | None = None) -> Iterator[Block]:
    """Blocks of 0.1 s; values: a number, or a function of the place of the block."""
    at = 0
    while True:
        median = values(at) if callable(values) else float(values)  # type: ignore[arg-type]
        yield block(median, max(1, round(100 / median)), disturbed)
        at += 1


class TestWarmUp:
    def test_three_blocks_that_agree_are_enough(self) -> None:
        warm = WarmUp(10)
        for median in (1.0, 1.02, 0.99):
            assert not warm.steady
            assert not warm.is_finished
            warm.add(block(median))
        assert warm.steady
        assert warm.is_finished

    def test_the_time_allowed_is_all_of_it(self) -> None:
        warm = WarmUp(0.5)
        warm.add(replace(block(1.0), wall_ns=250_000_000))
        assert not warm.is_finished
        warm.add(replace(block(2.0), wall_ns=250_000_000))
        assert (warm.steady, warm.is_finished) == (False, True)

    def test_times_that_fall_are_not_steady_until_they_stay(self) -> None:
        warm = WarmUp(10)
        for median in (5.0, 4.0, 3.0, 2.0, 1.5, 1.2, 1.0, 1.0):
            warm.add(block(median, 10))
            assert not warm.is_finished
        warm.add(block(1.01, 10))
        assert warm.is_finished

    def test_it_ends_with_the_time_allowed_and_says_so(self) -> None:
        warm = WarmUp(0.95)
        blocks = endless(lambda at: 1 + at % 2)
        while not warm.is_finished:
            warm.add(next(blocks))
        assert not warm.steady
        assert 0.95 <= warm.seconds < 1.1

    def test_how_far_blocks_may_differ_is_said(self) -> None:
        for agree, steady in ((0.05, False), (0.2, True)):
            warm = WarmUp(10, agree)
            for median in (1.0, 1.1, 1.0):
                warm.add(block(median, 10))
            assert warm.steady == steady

    def test_one_slow_call_does_not_matter(self) -> None:
        warm = WarmUp(10)
        for _ in range(3):
            slow = block(1.0, 9)
            warm.add(Block([*slow.ns, 900 * MS], slow.wall_ns + 900 * MS))
        assert warm.steady

    @given(st.lists(st.floats(0.5, 2), min_size=3, max_size=12), st.floats(0.01, 100))
    def test_a_steady_arm_is_one_however_fast(self, medians: list[float], factor: float) -> None:
        one, other = WarmUp(1e9), WarmUp(1e9)
        for median in medians:
            one.add(block(median, 3)), other.add(block(median * factor, 3))
        last = medians[-3:]
        if abs(max(last) / min(last) - 1.05) > 1e-3:
            assert one.steady == other.steady == (max(last) < 1.05 * min(last))


class TestMeasurement:
    def test_a_steady_arm_is_measured_for_the_least_time(self) -> None:
        kept = filled(LENGTH, endless())
        assert len(kept.blocks) == 10
        assert kept.rerun == 0

    def test_few_calls_a_second_take_longer(self) -> None:
        kept = filled(Length(0.5, 100.0, 0.01, least_calls=50), endless(100.0))
        assert sum(len(one.ns) for one in kept.blocks) == 50

    def test_an_arm_without_any_spread_is_as_precise_as_can_be_asked(self) -> None:
        blocks = (replace(one, ns=[1_000_000] * 100) for one in endless())
        assert len(filled(replace(LENGTH, precise=0.0), blocks).blocks) == 10

    def test_an_interval_needs_blocks(self) -> None:
        assert len(filled(Length(0.01, 4.0, 0.5, least_calls=1), endless()).blocks) == 8

    def test_a_drifting_arm_is_measured_until_its_interval_is_narrow(self) -> None:
        kept = filled(Length(0.5, 100.0, 0.01), endless(lambda at: 1 + 0.3 * 0.8**at))
        assert 10 < len(kept.blocks) < 100
        medians = [np.asarray(one.ns, float) for one in kept.blocks]
        _, low, high = median_interval(medians)
        assert relative_half_width(low, high) <= 0.01

    def test_one_that_never_settles_ends_at_the_cap(self) -> None:
        kept = filled(LENGTH, endless(lambda at: 1 + at))
        assert 4.0 <= kept.seconds < 4.2

    def test_a_single_block_longer_than_the_cap_is_kept(self) -> None:
        assert len(filled(LENGTH, [block(5000, 1)]).blocks) == 1

    def test_disturbed_blocks_are_measured_again(self) -> None:
        disturbed = {3, 4, 7}
        blocks = endless()
        named = (
            block(1.0 + (at in disturbed), disturbed="steal" if at in disturbed else None)
            for at, _ in enumerate(blocks)
        )
        kept = filled(LENGTH, named)
        assert kept.rerun == 3
        assert len(kept.blocks) == 10
        assert not any(one.disturbed for one in kept.blocks)
        assert kept.seconds == pytest.approx(1.6, rel=0.01)

    def test_on_a_machine_that_is_always_disturbed_half_of_it_is_the_truth(self) -> None:
        kept = filled(LENGTH, endless(disturbed="a neighbour"))
        assert len(kept.blocks) == 10
        assert 8 <= kept.rerun <= 10
        assert all(one.disturbed for one in kept.blocks)

    def test_the_cap_counts_what_was_measured_again(self) -> None:
        kept = filled(LENGTH, endless(lambda at: 1 + at % 7, disturbed="a neighbour"))
        assert kept.rerun > 10
        assert 4.0 <= kept.seconds < 4.2

    @given(
        st.lists(
            st.tuples(st.floats(0.1, 50), st.integers(1, 200), st.booleans()),
            min_size=1,
            max_size=60,
        ),
        st.floats(0.01, 2),
        st.floats(0.01, 2),
    )
    def test_whatever_comes(
        self, drawn: list[tuple[float, int, bool]], least: float, more: float
    ) -> None:
        length = Length(least, least + more, 0.02)
        kept = Measurement(length)
        given = [
            block(median, calls, "others" if disturbed else None)
            for median, calls, disturbed in drawn
        ]
        added = 0
        for one in given:
            if kept.is_finished:
                break
            kept.add(one)
            added += 1
        # Nothing is lost, never more is thrown away than kept, and undisturbed blocks never are.
        assert len(kept.blocks) + kept.rerun == added
        assert kept.rerun <= len(kept.blocks)
        assert [one for one in given[:added] if not one.disturbed] == [
            one for one in kept.blocks if not one.disturbed
        ]
        assert kept.blocks
        if kept.is_finished:
            assert kept.seconds >= least
        assert kept.seconds - given[added - 1].wall_ns / 1e9 < length.most_seconds


def test_measuring_warms_up_first_and_keeps_none_of_that() -> None:
    asked: list[float] = []

    def ask(seconds: float, least: int) -> Block:
        asked.append(seconds)
        assert least == 1
        # Slow at first: 3 ms, 2 ms, then 1 ms.
        median = max(1.0, 4.0 - len(asked))
        return block(median, max(least, round(seconds * 1e3 / median)))

    warm, kept = measure(ask, LENGTH)
    assert warm.steady
    assert len(warm.medians) == 5
    assert len(asked) == 5 + len(kept.blocks) + kept.rerun
    assert np.median(kept.blocks[0].ns) == pytest.approx(MS, rel=0.01)


def test_a_warm_up_that_does_not_settle_is_told() -> None:
    turn = iter(range(10**6))
    warm, kept = measure(lambda seconds, least: block(1 + next(turn) % 2, 100), LENGTH)
    assert not warm.steady
    assert kept.blocks
