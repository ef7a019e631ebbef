"""JAX as a framework: how a training run starts and is stored. JAX itself is loaded late."""

from dataclasses import replace
from importlib.util import find_spec

from zoo.frameworks.framework import Framework, Trained
from zoo.machine.cpu import cpu_name
from zoo.machine.finding import Finding
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions, fitted_recipe
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model


class Jax(Framework):
    """Flax networks, trained by a loop over one compiled step."""

    options = frozenset({"validate", "epochs", "batch", "lr", "quick", "flip"})
    packages = ("jax", "flax", "optax")

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        from zoo.frameworks.jax import optimizer  # noqa: F401  (refuses where a package is missing)

    def train(self, training: Training) -> Arrays:
        from zoo.frameworks.jax.training import train
        from zoo.frameworks.lesson import Lesson

        if training.fresh:
            training.card = _completed(training)
        return train(training, Lesson.of(training.card, training.data)).arrays()

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Trained:
        from zoo.frameworks.jax.network import Network
        from zoo.frameworks.jax.trained import TrainedJax

        spec, classes = find_model(card.model), len(card.class_names)
        return TrainedJax(card, Network.empty(spec, card.image_shape, classes).filled(weights))

    def findings(self) -> list[Finding]:
        if any(find_spec(package) is None for package in self.packages):
            return [Finding("jax", "note", "is not installed: pip install -e '.[jax]'")]
        told = self.versions()
        return [Finding("jax", "ok", f"{told['jax']}, flax {told['flax']}, optax {told['optax']}")]


def _completed(training: Training) -> RunCard:
    """The card with all defaults filled in."""
    from zoo.frameworks.jax.backend import threads

    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(
        card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr, device="cpu"
    )
    machine = f"{cpu_name()}, {threads()} threads"
    return replace(card, recipe=recipe, options=options, machine=machine)
