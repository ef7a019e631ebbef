"""Scores of classes and of the top against scikit-learn, and calibration against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

from zoo.drawing.confusion import confusion_counts
from zoo.scores import Bin, Calibration, among_top, class_scores

seeds = st.integers(0, 10_000)


@given(seeds, st.integers(1, 7), st.integers(1, 60))
def test_scores_of_classes_are_those_of_scikit_learn(seed: int, classes: int, images: int) -> None:
    draw = np.random.default_rng(seed)
    labels, predictions = draw.integers(0, classes, (2, images))
    found = class_scores(confusion_counts(labels, predictions, classes).tolist())
    wanted = precision_recall_fscore_support(
        labels, predictions, labels=range(classes), zero_division=np.nan
    )
    for at, score in enumerate(found):
        told = (score.precision, score.recall, score.f1)
        assert [np.nan if one is None else one for one in told] == pytest.approx(
            [part[at] for part in wanted[:3]], nan_ok=True
        )
        assert score.images == wanted[3][at]
    assert sum(score.predictions for score in found) == images


@given(seeds, st.integers(3, 9), st.integers(1, 2))
def test_the_top_is_that_of_scikit_learn(seed: int, classes: int, top: int) -> None:
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(40, classes)).astype(np.float32)
    labels = draw.integers(0, classes, 40)
    wanted = top_k_accuracy_score(labels, logits, k=top, labels=range(classes))
    assert among_top(logits, labels, top).mean() == pytest.approx(wanted)


@given(seeds)
def test_the_first_of_equal_logits_wins_as_in_argmax(seed: int) -> None:
    logits = np.random.default_rng(seed).integers(0, 3, (50, 4)).astype(np.float32)
    labels = np.random.default_rng(seed + 1).integers(0, 4, 50)
    assert (among_top(logits, labels, 1) == (logits.argmax(axis=1) == labels)).all()


def test_calibration_by_hand() -> None:
    confidences = np.array([0.05, 0.55, 0.58, 0.95, 1.0], np.float32)
    right = np.array([False, True, False, True, True])
    found = Calibration.of(confidences, right, bins=10)
    assert [one.images for one in found.bins] == [1, 2, 2]
    assert found.bins[1] == Bin(2, pytest.approx(0.565), 0.5)
    assert found.error == pytest.approx((0.05 + 2 * 0.065 + 2 * 0.025) / 5)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_error() -> None:
    confidences = np.full(100, 0.8, np.float32)
    assert Calibration.of(confidences, np.arange(100) < 80).error == pytest.approx(0, abs=1e-6)


def test_of_no_images_there_is_nothing() -> None:
    assert Calibration.of(np.empty(0, np.float32), np.empty(0, bool)) == Calibration(0.0, ())
