"""How a Keras model is trained: on images, unless the catalog names another way."""

from dataclasses import replace
from importlib import import_module

from zoo.errors import UsageError
from zoo.frameworks.framework import Trained
from zoo.frameworks.keras.backend import versions
from zoo.frameworks.keras.network import built, fill, weights_of
from zoo.frameworks.keras.trained import TrainedKeras
from zoo.frameworks.keras.training import train
from zoo.frameworks.lesson import Lesson
from zoo.machine import devices
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import OF_TRANSFER, TrainOptions, fitted_recipe, flag
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model


class Way:
    """Train from scratch, on images; the base class of other ways, with `Framework`'s methods."""

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        """Refuse invalid combinations of options, before anything is loaded."""
        others = [name for name in options.said() if name in OF_TRANSFER]
        if others:
            raise UsageError(f"{flag(others[0])} is for transfer-keras, not for {spec.name}.")

    def resolved(self, options: TrainOptions) -> TrainOptions:
        """The options with full names."""
        return options

    def train(self, training: Training) -> Arrays:
        """Train to the last step."""
        if training.fresh:
            training.card = completed(training)
        card, lesson = training.card, Lesson.of(training.card, training.data)

        def begun() -> object:
            return built(training.spec, card.image_shape, len(card.class_names), lesson.seed)

        return weights_of(train(training, lesson, card.image_shape, begun))

    def load(self, card: RunCard, weights: Arrays) -> Trained:
        """The finished model."""
        spec, classes = find_model(card.model), len(card.class_names)
        model = built(spec, card.image_shape, classes, card.options.seed or 0)
        fill(model, weights)
        return TrainedKeras(card, model)


def way_of(spec: ModelSpec) -> Way:
    """A new instance of the model's way."""
    if not spec.way:
        return Way()
    module, _, kind = spec.way.partition(":")
    way: Way = getattr(import_module(module), kind)()
    return way


def completed(training: Training) -> RunCard:
    """The card with all defaults filled in."""
    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(
        card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr, device="cpu"
    )
    machine = devices.describe(devices.choose_device("cpu"))
    return replace(
        card,
        recipe=recipe,
        options=options,
        machine=machine,
        versions=card.versions | versions(),
    )
