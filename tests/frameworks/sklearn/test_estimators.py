"""Layers in and out of estimators: with them one predicts what the trained one does."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from zoo.frameworks.batches import Batches
from zoo.frameworks.numpy.network import softmax
from zoo.frameworks.sklearn import logreg, mlp
from zoo.frameworks.sklearn.estimators import (
    Estimator,
    layers_of,
    logits_of,
    score,
    with_layers,
)

SHAPE, INPUTS = (4, 5, 3), 60
BUILDERS = {"mlp": mlp.build, "logreg": logreg.build}


def trained(kind: str, classes: int) -> tuple[Estimator, np.ndarray, np.ndarray]:
    """By scikit-learn alone, as anybody would, on some numbers."""
    draw = np.random.default_rng(classes)
    rows = draw.standard_normal((300, INPUTS)).astype(np.float32)
    labels = draw.integers(0, classes, 300)
    estimator = BUILDERS[kind](SHAPE, classes)
    if kind == "mlp":
        estimator.set_params(learning_rate_init=0.01, max_iter=3)
    else:
        estimator = LogisticRegression(max_iter=500, C=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(rows, labels)
    return estimator, rows, labels


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("kind", BUILDERS)
def test_the_softmax_of_logits_is_what_predict_proba_says(kind: str, classes: int) -> None:
    estimator, rows, _ = trained(kind, classes)
    layers = layers_of(estimator)
    assert len(layers[-1].bias) == classes
    assert {part.dtype for layer in layers for part in vars(layer).values()} == {
        np.dtype(np.float32)
    }
    wanted = estimator.predict_proba(rows)
    logits = logits_of(with_layers(BUILDERS[kind](SHAPE, classes), layers), rows)
    assert (logits.shape, logits.dtype) == ((300, classes), np.float32)
    np.testing.assert_allclose(softmax(logits), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", BUILDERS)
def test_layers_come_out_as_they_went_in(kind: str) -> None:
    estimator, _, _ = trained(kind, 4)
    layers = layers_of(estimator)
    again = layers_of(with_layers(BUILDERS[kind](SHAPE, 4), layers))
    for one, two in zip(layers, again, strict=True):
        np.testing.assert_array_equal(one.weight, two.weight)
        np.testing.assert_array_equal(one.bias, two.bias)


def test_the_call_that_draws_the_weights_moves_none() -> None:
    estimator = mlp.build(SHAPE, 10, seed=7)
    drawn = np.random.RandomState(7)
    bound = np.sqrt(6 / (INPUTS + 500))
    first = drawn.uniform(-bound, bound, (INPUTS, 500)).astype(np.float32)
    np.testing.assert_array_equal(estimator.coefs_[0], first)
    assert not any(velocity.any() for velocity in estimator._optimizer.velocities)


def test_it_is_scored_as_scikit_learn_scores_it() -> None:
    estimator, _, _ = trained("logreg", 3)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (700, *SHAPE), dtype=np.uint8)
    labels, chosen = draw.integers(0, 3, 700), np.arange(20, 640)
    batches = Batches(images, (0.5,) * 3, (0.3,) * 3)
    loss, accuracy = score(estimator, batches, labels, chosen)
    rows = batches.plain(chosen)
    assert accuracy == pytest.approx(estimator.score(rows, labels[chosen]))
    shares = estimator.predict_proba(rows)[np.arange(len(chosen)), labels[chosen]]
    assert loss == pytest.approx(-np.log(shares).mean(), rel=1e-5)
