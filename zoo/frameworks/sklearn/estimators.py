"""Convert an estimator to layers, and layers to an estimator that predicts with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from zoo.frameworks.batches import Indices, Source
from zoo.frameworks.numpy.network import Labels, Layer, Network, Numbers, cross_entropy
from zoo.runs.run import RunCard
from zoo.specs.catalog import find_model

EVALUATION_BATCH = 500  # images at once

Estimator = Any  # an MLPClassifier or a LogisticRegression


def layers_of(estimator: Estimator) -> Network:
    """The weights [units, inputs] and biases, float32; the last layer has a logit per class."""
    if isinstance(estimator, MLPClassifier):
        weights, biases = [coef.T for coef in estimator.coefs_], estimator.intercepts_
    else:
        weights, biases = [estimator.coef_], [estimator.intercept_]
    layers = [Layer(_plain(one), _plain(two)) for one, two in zip(weights, biases, strict=True)]
    return [*layers[:-1], _a_logit_each(layers[-1])]


def _plain(values: NDArray[Any]) -> Numbers:
    return np.ascontiguousarray(values, np.float32)


def _a_logit_each(layer: Layer) -> Layer:
    """With two classes, scikit-learn computes only the second's logit; the first's is 0."""
    if len(layer.bias) > 1:
        return layer
    parts = [(np.zeros_like(part), part) for part in (layer.weight, layer.bias)]
    return Layer(*map(np.concatenate, parts))


def predictor(card: RunCard, layers: Network) -> Estimator:
    """An estimator of the card's model that predicts with these layers."""
    return with_layers(
        find_model(card.model).build(card.image_shape, len(card.class_names)), layers
    )


def with_layers(estimator: Estimator, layers: Network) -> Estimator:
    """Make the estimator predict with these layers."""
    if isinstance(estimator, MLPClassifier):
        estimator.coefs_ = [np.ascontiguousarray(layer.weight.T) for layer in layers]
        estimator.intercepts_ = [layer.bias for layer in layers]
        estimator.n_outputs_ = len(layers[-1].bias)
        estimator.out_activation_ = "identity"  # so that it gives logits, before any softmax
    else:
        estimator.coef_, estimator.intercept_ = layers[0].weight, layers[0].bias
    return estimator


def logits_of(estimator: Estimator, rows: Numbers) -> Numbers:
    """The logits of an estimator from `with_layers`, float32 [N, classes]."""
    if isinstance(estimator, MLPClassifier):
        logits = estimator.predict_proba(rows)
    else:
        logits = estimator.decision_function(rows)
    return np.asarray(logits, np.float32)


def score(
    estimator: Estimator, batches: Source, labels: Labels, chosen: Indices
) -> tuple[float, float]:
    """The mean loss, and the share of images classified correctly."""
    starts = range(0, len(chosen), EVALUATION_BATCH)
    parts = [chosen[start : start + EVALUATION_BATCH] for start in starts]
    logits = np.concatenate([logits_of(estimator, batches.plain(part)) for part in parts])
    right = logits.argmax(axis=1) == labels[chosen]
    return cross_entropy(logits, labels[chosen]), float(right.mean())
