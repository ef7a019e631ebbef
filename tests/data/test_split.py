"""The validation split: exact, stratified, the same everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data import hold_out
from zoo.data.split import stratified_counts
from zoo.errors import UsageError

sizes_lists = st.lists(st.integers(2, 40), min_size=1, max_size=8)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    sizes = draw(sizes_lists)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(labels))
    # At most half, so that no class can lose all its images.
    return labels[order], draw(st.integers(1, len(labels) // 2))


@given(labelled(), st.integers(0, 2**63))
def test_both_parts_together_are_everything_once(case: tuple[np.ndarray, int], seed: int) -> None:
    labels, count = case
    train, validation = hold_out(labels, count, seed)
    assert len(validation) == count
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()


@given(labelled(), st.integers(0, 1000))
def test_every_class_gives_its_share(case: tuple[np.ndarray, int], seed: int) -> None:
    labels, count = case
    _, validation = hold_out(labels, count, seed)
    sizes = np.bincount(labels)
    given_up = np.bincount(labels[validation], minlength=len(sizes))
    assert (np.abs(given_up - sizes * count / len(labels)) < 1).all()


@given(sizes_lists, st.data())
def test_shares_add_up(sizes: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, sum(sizes)))
    shares = stratified_counts(np.array(sizes), count)
    assert shares.sum() == count
    assert (shares >= 0).all()
    assert (shares <= sizes).all()


def test_the_seed_decides() -> None:
    labels = np.arange(200) % 10
    first, again, other = (hold_out(labels, 50, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_split_is_the_same_on_every_machine() -> None:
    _, validation = hold_out(np.arange(20) % 4, 8, seed=7)
    assert validation.tolist() == [3, 4, 6, 9, 10, 11, 12, 13]


def test_label_values_need_not_be_consecutive() -> None:
    train, validation = hold_out(np.array([3, 3, 9, 9]), 2, seed=0)
    assert len(train) == len(validation) == 2


@pytest.mark.parametrize("count", [0, -1, 10, 11])
def test_an_impossible_count_is_wrong_usage(count: int) -> None:
    with pytest.raises(UsageError, match="1 to 9"):
        hold_out(np.arange(10) % 2, count, seed=0)


def test_a_class_must_keep_a_training_image() -> None:
    with pytest.raises(UsageError, match="class 1"):
        hold_out(np.array([0, 0, 0, 0, 0, 0, 0, 1]), 6, seed=0)
