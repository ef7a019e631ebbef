"""numpy as a framework: how a training run of the MLP starts, is stored, and what it costs."""

from dataclasses import replace

import numpy as np

from zoo.frameworks.batches import plan_epoch
from zoo.frameworks.framework import Framework
from zoo.frameworks.lesson import Lesson
from zoo.frameworks.numpy.blas import described, our_threads, threads
from zoo.frameworks.numpy.network import (
    Layer,
    Network,
    arrays_of,
    initialize_network,
    network_of,
)
from zoo.frameworks.numpy.trained import TrainedMlp
from zoo.frameworks.numpy.training import Learner, train, train_step
from zoo.machine.cpu import cpu_name
from zoo.runs.checkpoint import Arrays, State
from zoo.runs.cost import Cost
from zoo.runs.options import fitted_recipe
from zoo.runs.pace import Pace
from zoo.runs.run import RunCard
from zoo.runs.seeds import seed_for
from zoo.runs.training import Training
from zoo.specs.catalog import find_model

_VELOCITY = "velocity."  # before the names of weights, in a checkpoint


class Numpy(Framework):
    """The multilayer perceptron from scratch."""

    options = frozenset({"validate", "epochs", "batch", "lr", "quick", "flip"})
    packages = ("numpy",)

    def train(self, training: Training) -> Arrays:
        with our_threads():
            if training.fresh:
                training.card = _completed(training)
            lesson = Lesson.of(training.card, training.data)
            learner = _learner(training, lesson)
            training.tell_cost(_cost(lesson, learner, training.pace))
            with training.running(
                lesson.steps, lambda: _state(learner), learner.step, lesson.recipe.epochs
            ):
                train(training, lesson, learner)
        return arrays_of(learner.network)

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> TrainedMlp:
        network = network_of(weights)
        if [_shapes(layer) for layer in network] != [_shapes(layer) for layer in _empty(card)]:
            raise ValueError("its layers have other sizes")
        return TrainedMlp(card, network)


def _completed(training: Training) -> RunCard:
    """The card with all defaults filled in."""
    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(
        card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr, device="cpu"
    )
    machine = f"{cpu_name()}, {threads()} threads, {described()}"
    return replace(card, recipe=recipe, options=options, machine=machine)


def _empty(card: RunCard) -> Network:
    """The initial network of a card's training run."""
    sizes = find_model(card.model).build(card.image_shape, len(card.class_names))
    draw = np.random.default_rng(seed_for(card.options.seed or 0, "weights"))
    return initialize_network(sizes, draw)


def _learner(training: Training, lesson: Lesson) -> Learner:
    """The state at the start, or where the run was stopped."""
    learner = Learner.of(_empty(training.card))
    if training.state is None:
        return learner
    arrays, position = training.state
    try:
        for name, array in _state(learner)[0].items():
            if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise ValueError(f"{name} does not fit")
            array[...] = arrays[name]
        learner.take_up(position)
    except (LookupError, TypeError, ValueError) as error:
        raise training.unfit() from error
    learner.check(training, lesson)
    return learner


def _state(learner: Learner) -> State:
    """Everything that changes, as stored in a checkpoint."""
    velocities = arrays_of(learner.velocities).items()
    arrays = arrays_of(learner.network) | {_VELOCITY + name: array for name, array in velocities}
    return arrays, learner.position()


def _shapes(layer: Layer) -> tuple[tuple[int, ...], ...]:
    return layer.weight.shape, layer.bias.shape


def _cost(lesson: Lesson, learner: Learner, pace: Pace) -> Cost:
    """Measure a few steps of a copy."""
    macs = sum(layer.weight.size for layer in learner.network)
    backward = 2 * macs - learner.network[0].weight.size  # nothing flows back into the pixels
    images = lesson.steps * lesson.recipe.batch
    return Cost(
        parameters=sum(array.size for array in arrays_of(learner.network).values()),
        macs=macs,
        flop=2.0 * (macs + backward) * images,
        seconds=_seconds_a_step(lesson, learner, pace) * (lesson.steps - learner.step),
    )


def _copied(network: Network) -> Network:
    return [Layer(layer.weight.copy(), layer.bias.copy()) for layer in network]


def _seconds_a_step(lesson: Lesson, learner: Learner, pace: Pace) -> float:
    copy = Learner(_copied(learner.network), _copied(learner.velocities), step=learner.step)
    plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, 0)

    def step(number: int) -> None:
        train_step(lesson, copy, plan, number % lesson.steps_per_epoch)

    return pace.seconds_a_step(lesson.steps - learner.step, step)
