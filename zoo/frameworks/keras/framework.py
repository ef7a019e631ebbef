"""Keras as a framework: what a training is begun with and kept as. Keras itself is loaded late."""

from dataclasses import replace
from importlib.util import find_spec

from zoo.frameworks.framework import Framework, Trained
from zoo.machine import devices
from zoo.machine.finding import Finding
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions, fitted_recipe
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model


class Keras(Framework):
    """Networks of Keras 3, on its torch backend."""

    options = frozenset({"validate", "epochs", "batch", "lr", "quick", "flip"})
    packages = ("keras", "torch")

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        from zoo.frameworks.keras import backend  # noqa: F401  (refuses where Keras is missing)

    def train(self, training: Training) -> Arrays:
        from zoo.frameworks.keras.backend import on_cpu
        from zoo.frameworks.keras.network import weights_of
        from zoo.frameworks.keras.training import train
        from zoo.frameworks.numpy.training import Lesson

        devices.settle()
        if training.fresh:
            training.card = _completed(training)
        with on_cpu():
            return weights_of(train(training, Lesson.of(training.card, training.data)))

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Trained:
        from zoo.frameworks.keras.backend import on_cpu
        from zoo.frameworks.keras.network import built, fill
        from zoo.frameworks.keras.trained import TrainedKeras

        devices.settle()
        with on_cpu():
            spec, classes = find_model(card.model), len(card.class_names)
            model = built(spec, card.image_shape, classes, card.options.seed or 0)
            fill(model, weights)
        return TrainedKeras(card, model)

    def findings(self) -> list[Finding]:
        if find_spec("keras") is None:
            return [Finding("keras", "note", "is not installed: pip install -e '.[keras]'")]
        return [Finding("keras", "ok", f"{self.versions()['keras']}, on torch")]


def _completed(training: Training) -> RunCard:
    """The card with everything resolved."""
    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(
        card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr, device="cpu"
    )
    machine = devices.describe(devices.choose_device("cpu"))
    return replace(card, recipe=recipe, options=options, machine=machine)
