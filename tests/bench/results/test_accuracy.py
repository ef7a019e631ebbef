"""Accuracy over a test set, and what another runtime changes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.accuracy import accuracy_of, difference
from bench.stats.stats import mcnemar
from zoo.intervals import wilson

LABELS = np.array([0, 1, 2, 0])
RIGHT = np.eye(3, dtype=np.float32)[LABELS]


def answers(*classes: int) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[list(classes)]


def test_it_is_the_share_that_is_right_with_its_wilson_interval() -> None:
    found = accuracy_of(answers(0, 1, 2, 1), LABELS)
    assert (found.correct, found.images, found.share) == (3, 4, 0.75)
    assert (found.low, found.high) == pytest.approx(wilson(3, 4))


def test_the_same_answers_differ_in_nothing() -> None:
    found = difference(RIGHT, RIGHT, LABELS)
    assert (found.agreement, found.mcnemar_p, found.largest) == (1.0, 1.0, 0.0)


def test_what_another_runtime_changes_is_told() -> None:
    reference = answers(0, 1, 0, 1)
    found = difference(answers(0, 0, 2, 0) * 3, reference, LABELS)
    assert found.agreement == 0.25
    assert found.largest == 3
    # Only the one is right about images 2 and 3, only the other about image 1.
    assert found.mcnemar_p == mcnemar(2, 1)


def test_without_labels_there_is_agreement_but_no_test() -> None:
    found = difference(RIGHT, RIGHT, None)
    assert (found.agreement, found.mcnemar_p) == (1.0, None)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30))
def test_it_is_symmetric(images: list[tuple[int, int, int]]) -> None:
    first, second, labels = (np.array(column) for column in zip(*images, strict=True))
    one = difference(answers(*first), answers(*second), labels)
    other = difference(answers(*second), answers(*first), labels)
    assert one == other
    assert 0 <= one.agreement <= 1
