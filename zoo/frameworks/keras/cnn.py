"""`cnn-keras`: the CNN of the Keras tutorials, with batch normalisation and dropout."""

from typing import Any

from zoo.frameworks.keras.backend import keras
from zoo.specs.recipe import Recipe

RECIPE = Recipe(
    epochs=10,
    quick_epochs=3,
    batch=64,
    lr=0.03,
    momentum=0.9,
    weight_decay=1e-3,
    warmup=0.1,
    shift=2,
)


def build(image_shape: tuple[int, int, int], classes: int) -> Any:
    """From normalised pixels [N, H, W, C] to logits [N, classes]."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(128, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(classes),
        ]
    )
