"""Training by `partial_fit`, a batch a call: MLPClassifier."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from sklearn.neural_network import MLPClassifier

from zoo.errors import ZooError
from zoo.frameworks.numpy.batches import Plan, plan_epoch
from zoo.frameworks.numpy.network import Network
from zoo.frameworks.numpy.training import Lesson
from zoo.frameworks.sklearn.estimators import layers_of, predictor, score
from zoo.frameworks.sklearn.mlp import build
from zoo.runs.checkpoint import Arrays, State
from zoo.runs.cost import Cost
from zoo.runs.history import EpochRow
from zoo.runs.options import fitted_recipe
from zoo.runs.pace import Pace
from zoo.runs.run import RunCard
from zoo.runs.seeds import seed_for
from zoo.runs.training import Training


@dataclass
class Learner:
    """What changes while it learns: with it, a training goes on as if it had not been stopped."""

    estimator: MLPClassifier
    step: int = 0
    # Of the epoch under way:
    loss: float = 0.0  # summed over its images
    seconds: float = 0.0

    def arrays(self) -> Arrays:
        """All numbers that a step changes, the very arrays: weights, biases, and momentum's."""
        parts = {
            "coefs": self.estimator.coefs_,
            "intercepts": self.estimator.intercepts_,
            "velocities": self.estimator._optimizer.velocities,
        }
        return {
            f"{name}.{place}": array
            for name, arrays in parts.items()
            for place, array in enumerate(arrays)
        }

    def state(self) -> State:
        """As a checkpoint keeps it."""
        return self.arrays(), {name: getattr(self, name) for name in ("step", "loss", "seconds")}


def completed(training: Training) -> RunCard:
    """The card with everything resolved."""
    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr)
    return replace(card, recipe=recipe, options=options)


def train(training: Training) -> Network:
    """Train to the last step, from the first or from where it was stopped."""
    lesson = Lesson.of(training.card, training.data)
    learner = _learner(training, lesson)
    training.tell_cost(_cost(training, lesson, learner))
    per_epoch, steps = lesson.steps_per_epoch, lesson.steps
    with training.running(steps, learner.state, learner.step, lesson.recipe.epochs):
        while (epoch := len(training.history)) * per_epoch < steps:
            begun, shown = epoch * per_epoch, min(per_epoch, steps - epoch * per_epoch)
            plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, epoch)
            while learner.step < begun + shown:
                started = time.perf_counter()
                _step(lesson, learner, plan, learner.step - begun)
                learner.seconds += time.perf_counter() - started
                images = (learner.step - begun) * lesson.recipe.batch
                training.stepped(f"loss {learner.loss / images:.3f}")
            row = _end_epoch(training.card, lesson, learner, shown * lesson.recipe.batch)
            training.epoch_ended(row)
    return layers_of(learner.estimator)


def _begun(card: RunCard, seed: int) -> Learner:
    return Learner(build(card.image_shape, len(card.class_names), card.schedule, seed))


def _learner(training: Training, lesson: Lesson) -> Learner:
    """At the start, or where the training was stopped."""
    learner = _begun(training.card, seed_for(lesson.seed, "weights"))
    if training.state is None:
        return learner
    arrays, position = training.state
    try:
        for name, array in learner.arrays().items():
            if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise ValueError(f"{name} does not fit")
            array[...] = arrays[name]
        learner.step = int(position["step"])
        learner.loss, learner.seconds = float(position["loss"]), float(position["seconds"])
    except (LookupError, TypeError, ValueError) as error:
        raise training.unfit() from error
    begun = len(training.history) * lesson.steps_per_epoch
    if not begun <= learner.step <= min(begun + lesson.steps_per_epoch, lesson.steps):
        raise training.unfit(f" (step {learner.step} after {len(training.history)} epochs)")
    return learner


def _step(lesson: Lesson, learner: Learner, plan: Plan, position: int) -> None:
    """One update of the weights, from batch `position` of the epoch."""
    recipe, estimator = lesson.recipe, learner.estimator
    some = slice(position * recipe.batch, (position + 1) * recipe.batch)
    inputs, labels = lesson.batches.augmented(plan, some), lesson.labels[plan.order[some]]
    estimator._optimizer.learning_rate = recipe.rate_at(learner.step, lesson.steps)
    try:
        with np.errstate(all="ignore"):  # a loss that is no number is told below, once
            estimator.partial_fit(inputs, labels)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        estimator.loss_ = math.nan
    if not math.isfinite(estimator.loss_):
        raise ZooError(
            f"the loss is no longer a number (step {learner.step + 1}). "
            f"Try a smaller --lr (it peaks at {recipe.lr:g})."
        )
    learner.loss += float(estimator.loss_) * len(labels)
    learner.step += 1


def _end_epoch(card: RunCard, lesson: Lesson, learner: Learner, images: int) -> EpochRow:
    """The row of history.csv, and the sums begin anew. `partial_fit` tells no accuracy."""
    loss, accuracy = None, None
    if lesson.validation is not None:
        judged = predictor(card, layers_of(learner.estimator))
        loss, accuracy = score(judged, lesson.batches, lesson.labels, lesson.validation)
    row = EpochRow(
        epoch=learner.step / lesson.steps_per_epoch,
        step=learner.step,
        lr=lesson.recipe.rate_at(learner.step - 1, lesson.steps),
        train_loss=learner.loss / images,
        train_accuracy=None,
        validation_loss=loss,
        validation_accuracy=accuracy,
        seconds=learner.seconds,
        images_per_second=images / learner.seconds,
    )
    learner.loss, learner.seconds = 0.0, 0.0
    return row


def _cost(training: Training, lesson: Lesson, learner: Learner) -> Cost:
    """By a few steps of another classifier."""
    layers = layers_of(learner.estimator)
    macs = sum(layer.weight.size for layer in layers)
    backward = 2 * macs - layers[0].weight.size  # nothing flows back into the pixels
    left = lesson.steps - learner.step
    return Cost(
        parameters=macs + sum(layer.bias.size for layer in layers),
        macs=macs,
        flop=2.0 * (macs + backward) * lesson.steps * lesson.recipe.batch,
        seconds=_seconds_a_step(training.card, lesson, left, training.pace) * left,
    )


def _seconds_a_step(card: RunCard, lesson: Lesson, left: int, pace: Pace) -> float:
    other, plan = _begun(card, 0), plan_epoch(lesson.indices, lesson.recipe, lesson.seed, 0)

    def step(number: int) -> None:
        _step(lesson, other, plan, number % lesson.steps_per_epoch)

    return pace.seconds_a_step(left, step)
