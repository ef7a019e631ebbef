"""`mlp-sklearn`: scikit-learn's MLPClassifier, ReLU units in hidden layers of 500 and 50."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from zoo.specs.recipe import Recipe

HIDDEN = (500, 50)
# Of the call that makes the weights, which is a step as well: one that moves no float32.
_STILL = 1e-300

RECIPE = Recipe(
    epochs=40,
    quick_epochs=8,
    batch=128,
    lr=0.02,
    momentum=0.9,
    weight_decay=5e-4,
    warmup=0.05,
    shift=2,
)


def build(
    image_shape: tuple[int, int, int], classes: int, recipe: Recipe = RECIPE, seed: int = 0
) -> MLPClassifier:
    """A classifier with random weights, ready for `partial_fit` to take one step per batch."""
    estimator = MLPClassifier(
        HIDDEN,
        solver="sgd",
        alpha=recipe.weight_decay * recipe.batch,  # it divides by the batch
        batch_size=recipe.batch,
        learning_rate_init=_STILL,
        momentum=recipe.momentum,
        nesterovs_momentum=True,
        shuffle=False,  # batches come in the order of the epoch's plan
        n_iter_no_change=np.inf,
        random_state=seed % (1 << 32),
    )
    blank = np.zeros((recipe.batch, int(np.prod(image_shape))), np.float32)
    return estimator.partial_fit(blank, np.zeros(len(blank), np.int64), classes=np.arange(classes))
