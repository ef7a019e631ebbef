"""scikit-learn as a framework: models train by `partial_fit` or with a warm start."""

from dataclasses import replace

from zoo.errors import UsageError
from zoo.frameworks.framework import Framework
from zoo.frameworks.numpy.blas import described, our_threads, threads
from zoo.frameworks.numpy.network import Layer, arrays_of, network_of
from zoo.frameworks.sklearn import in_batches, in_rounds
from zoo.frameworks.sklearn.estimators import layers_of, predictor
from zoo.frameworks.sklearn.trained import TrainedEstimator
from zoo.machine.cpu import cpu_name
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions, flag
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model

WAYS = {"mlp-sklearn": in_batches, "logreg-sklearn": in_rounds}
_OF_BATCHES = ("batch", "lr", "flip")


class Sklearn(Framework):
    """Classifiers that can continue training: by `partial_fit`, or with a warm start."""

    options = frozenset({"validate", "epochs", "quick", *_OF_BATCHES})
    packages = ("scikit-learn", "numpy")

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        if WAYS[spec.name] is in_batches:
            return
        for name in sorted(set(_OF_BATCHES) & set(options.said())):
            raise UsageError(
                f"{flag(name)} is not for {spec.name}: L-BFGS looks at all images, as they are, in "
                "every iteration. It takes --epochs, the number of iterations."
            )

    def train(self, training: Training) -> Arrays:
        with our_threads():
            way = WAYS[training.spec.name]
            if training.fresh:
                card = way.completed(training)
                machine = f"{cpu_name()}, {threads()} threads, {described()}"
                options = replace(card.options, device="cpu")
                training.card = replace(card, machine=machine, options=options)
            return arrays_of(way.train(training))

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> TrainedEstimator:
        layers = network_of(weights)
        empty = layers_of(find_model(card.model).build(card.image_shape, len(card.class_names)))
        if [_shapes(layer) for layer in layers] != [_shapes(layer) for layer in empty]:
            raise ValueError("its layers have other sizes")
        return TrainedEstimator(card, layers, predictor(card, layers))


def _shapes(layer: Layer) -> tuple[tuple[int, ...], ...]:
    return layer.weight.shape, layer.bias.shape
