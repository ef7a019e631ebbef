"""The head of `transfer-keras`: a few dense layers of Keras, trained with `fit` on latents."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data import Dataset
from zoo.frameworks.batches import Indices, Plan
from zoo.frameworks.keras.backend import keras
from zoo.frameworks.lesson import Lesson
from zoo.runs.options import split_of
from zoo.runs.run import RunCard
from zoo.specs.design import hidden_units
from zoo.transfer.heads import Latents
from zoo.transfer.latents import Features
from zoo.transfer.network import DROPOUT

HEAD = "hidden"  # unless another is asked for


def make_head(kind: str, width: int, classes: int) -> Any:
    """From standardised latents [N, width] to logits [N, classes]."""
    layers = keras.layers
    hidden = [] if kind == "linear" else [hidden_units(kind)]
    parts = [keras.Input((width,))]
    for units in hidden:
        parts += [layers.Dense(units, activation="relu"), layers.Dropout(DROPOUT)]
    return keras.Sequential([*parts, layers.Dense(classes)])


@dataclass(frozen=True)
class Rows:
    """Latents as the head takes them, a batch at a time; see `zoo.frameworks.batches`."""

    latents: Latents

    def plain(self, chosen: slice | Indices) -> Features:
        """Those of these images, standardised."""
        mean, std = (np.array(part, np.float32) for part in (self.latents.mean, self.latents.std))
        return standardised(self.latents.values[chosen], mean, std)

    def augmented(self, plan: Plan, some: slice) -> Features:
        """Those of the plan: latents have no mirror images."""
        return self.plain(plan.order[some])


def standardised(values: Features, mean: Features, std: Features) -> Features:
    """Each number with mean 0 and spread 1 over the training images."""
    return (values - mean) / std


def lesson_on(card: RunCard, data: Dataset, latents: Latents) -> Lesson:
    """What the head learns from."""
    indices, validation = split_of(data.train.labels, card.options)
    return Lesson(
        recipe=card.schedule,
        batches=Rows(latents),
        labels=np.asarray(data.train.labels),
        indices=indices,
        validation=validation,
        seed=card.options.seed or 0,
    )
