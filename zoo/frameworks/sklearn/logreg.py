"""`logreg-sklearn`: scikit-learn's LogisticRegression, one logit per class, by L-BFGS."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

SETTINGS: dict[str, Any] = {
    "solver": "lbfgs",
    "iterations": 100,  # each looks at every image
    "round": 10,  # iterations between two moments at which it may be stopped
    "decay": 0.1,  # weight of the squared weights, relative to the mean loss of an image
}
QUICK_ITERATIONS = 20


def build(
    image_shape: tuple[int, int, int],
    classes: int,
    settings: Mapping[str, Any] = SETTINGS,
    images: int = 1,
) -> LogisticRegression:
    """A classifier of zeros that `fit` can continue from, a round of iterations per call."""
    estimator = LogisticRegression(
        solver=settings["solver"],
        C=1 / (settings["decay"] * images),  # scikit-learn weights the sum of all losses
        max_iter=settings["round"],
        warm_start=True,
    )
    outputs = classes if classes > 2 else 1  # with two classes it computes only the second's logit
    estimator.classes_ = np.arange(classes)
    estimator.coef_ = np.zeros((outputs, int(np.prod(image_shape))), np.float32)
    estimator.intercept_ = np.zeros(outputs, np.float32)
    estimator.n_features_in_ = estimator.coef_.shape[1]
    return estimator
