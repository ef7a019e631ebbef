"""Keras as a framework: how a training run starts and is stored. Keras itself is loaded late."""

from importlib.util import find_spec
from pathlib import Path

from zoo.errors import UsageError
from zoo.frameworks.framework import Framework, Trained
from zoo.frameworks.keras.chosen import DEFAULT, here, require
from zoo.machine import devices
from zoo.machine.finding import Finding
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model


class Keras(Framework):
    """Keras 3 networks, by default on its torch backend."""

    options = frozenset(
        {
            *("validate", "epochs", "batch", "lr", "quick", "flip", "keras_backend"),
            *("backbone", "backbone_size", "backbone_resize", "backbone_init", "weights", "head"),
        }
    )
    packages = ("keras", "torch")

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        from zoo.frameworks.keras.way import way_of  # refuses where Keras is missing

        backend = _backend(options)
        if spec.way and backend != DEFAULT:
            raise UsageError(
                f"--keras-backend {backend} is not for {spec.name}: its latents are computed and "
                f"converted with {DEFAULT}. Leave it out."
            )
        require(backend)
        way_of(spec).check(spec, options)

    def resolved(
        self, spec: ModelSpec, options: TrainOptions, exports: Path | None
    ) -> TrainOptions:
        from zoo.frameworks.keras.way import way_of

        return way_of(spec).resolved(options)

    def train(self, training: Training) -> Arrays:
        backend = _backend(training.card.options)
        if backend != here():
            from zoo.frameworks.keras.elsewhere import train

            return train(training, backend)
        from zoo.frameworks.keras.backend import on_cpu
        from zoo.frameworks.keras.way import way_of

        devices.settle()
        with on_cpu():
            return way_of(training.spec).train(training)

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Trained:
        from zoo.frameworks.keras.backend import on_cpu
        from zoo.frameworks.keras.way import way_of

        devices.settle()
        with on_cpu():
            trained = way_of(find_model(card.model)).load(card, weights)
        backend = _backend(card.options)
        if backend == here():
            return trained
        from zoo.frameworks.keras.elsewhere import TrainedElsewhere

        return TrainedElsewhere(card, weights, trained, backend)

    def findings(self) -> list[Finding]:
        if find_spec("keras") is None:
            return [Finding("keras", "note", "is not installed: pip install -e '.[keras]'")]
        return [Finding("keras", "ok", f"{self.versions()['keras']}, on torch")]


def _backend(options: TrainOptions) -> str:
    return options.keras_backend or DEFAULT
