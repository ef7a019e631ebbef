"""Which rows nothing beats."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bench.results.answers import pareto_set
from bench.results.rows import Row
from tests.factories import scored


def subjects(rows: tuple[Row, ...]) -> list[str]:
    return [row.subject for row in rows]


def test_the_pareto_set_holds_what_nothing_beats() -> None:
    rows = [
        scored("slow", 3, 0.95),
        scored("fast", 1, 0.8),
        scored("beaten", 2, 0.8),
        scored("middle", 2, 0.9),
    ]
    assert subjects(pareto_set(rows)) == ["fast", "middle", "slow"]


def test_twins_are_both_in_the_pareto_set() -> None:
    assert subjects(pareto_set([scored("a"), scored("b"), scored("worse", 1.0, 0.8)])) == ["a", "b"]


def test_equally_accurate_rows_that_are_as_fast_are_tied() -> None:
    """Five files with the same answers: which of them is the fastest is chance."""
    tied = [
        scored(name, p50) for name, p50 in zip("abcde", (1.0, 1.01, 1.02, 1.03, 1.04), strict=True)
    ]
    others = [scored("slower", 1.2), scored("worse", 1.001, 0.89), scored("better", 2.0, 0.95)]
    assert subjects(pareto_set([*reversed(tied), *others])) == [*"abcde", "better"]
    alone = [
        replace(one, p50_low_ms=None)
        for one in (scored("a", 1.0), scored("b", 1.02), scored("c", 1.05))
    ]
    assert subjects(pareto_set(alone)) == ["a", "b"]


def test_a_tie_that_something_more_accurate_beats_is_out() -> None:
    rows = [scored("a", 1.0), scored("better", 1.01, 0.95), scored("tied with a", 1.015)]
    assert subjects(pareto_set(rows)) == ["a", "better"]


def test_copies_of_a_file_are_tied_whatever_was_measured() -> None:
    copy = {"sha256": "a" * 64, "runtime_version": "onnxruntime 1.31.1"}
    rows = [scored("a", 1.0, **copy), scored("b", 1.3, **copy)]
    assert subjects(pareto_set(rows)) == ["a", "b"]
    for other in ({"sha256": "b" * 64}, {"runtime_version": "torch 2.14.1"}, {"sha256": None}):
        assert subjects(pareto_set([rows[0], scored("b", 1.3, **{**copy, **other})])) == ["a"]
    unknown = {"sha256": None, "runtime_version": "onnxruntime 1.31.1"}
    assert subjects(pareto_set([scored("a", 1.0, **unknown), scored("b", 1.3, **unknown)])) == ["a"]


levels = st.integers(1, 6)


@given(st.lists(st.tuples(levels, levels), min_size=1, max_size=12))
def test_no_row_of_the_pareto_set_is_beaten_and_every_other_is(
    points: list[tuple[int, int]],
) -> None:
    rows = [scored("any", float(p50), accuracy / 10) for p50, accuracy in points]
    kept = {id(one) for one in pareto_set(rows)}

    def beaten(one: Row) -> bool:
        mine = (one.p50_ms or 0, -(one.accuracy or 0))
        others = [(other.p50_ms or 0, -(other.accuracy or 0)) for other in rows]
        return any(o != mine and o[0] <= mine[0] and o[1] <= mine[1] for o in others)

    assert all(beaten(one) == (id(one) not in kept) for one in rows)
