"""`mlp-keras`: the perceptron of the Keras tutorials, hidden layers of 500 and 50."""

from typing import Any

from zoo.frameworks.keras.backend import keras
from zoo.specs.recipe import Recipe

RECIPE = Recipe(
    epochs=15,
    quick_epochs=5,
    batch=64,
    lr=0.02,
    momentum=0.9,
    weight_decay=1e-3,
    warmup=0.1,
)


def build(image_shape: tuple[int, int, int], classes: int) -> Any:
    """From normalised pixels [N, H, W, C] to logits [N, classes]."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Flatten(),
            layers.Dense(500, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(50, activation="relu"),
            layers.Dense(classes),
        ]
    )
