"""Train with `partial_fit`, one batch per call: MLPClassifier."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.neural_network import MLPClassifier

from zoo.frameworks.batches import Plan, plan_epoch
from zoo.frameworks.lesson import Lesson, Tally
from zoo.frameworks.numpy.network import Network
from zoo.frameworks.sklearn.estimators import layers_of, predictor, score
from zoo.frameworks.sklearn.mlp import build
from zoo.runs.checkpoint import Arrays, State
from zoo.runs.cost import Cost
from zoo.runs.options import fitted_recipe
from zoo.runs.pace import Pace
from zoo.runs.run import RunCard
from zoo.runs.seeds import seed_for
from zoo.runs.training import Training


@dataclass
class Learner(Tally):
    """Everything that changes during training, so that a resumed run continues exactly."""

    estimator: MLPClassifier
    correct: int | None = field(default=None, kw_only=True)  # `partial_fit` does not tell

    def arrays(self) -> Arrays:
        """The arrays that a step changes, not copies: weights, biases and momentum."""
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
        """The state as stored in a checkpoint."""
        return self.arrays(), self.position()


def completed(training: Training) -> RunCard:
    """The card with all defaults filled in."""
    card = training.card
    recipe = fitted_recipe(training.spec.recipe, card.options, training.data)
    options = replace(card.options, epochs=recipe.epochs, batch=recipe.batch, lr=recipe.lr)
    return replace(card, recipe=recipe, options=options)


def train(training: Training) -> Network:
    """Train to the last step, from the first or from where the run was stopped."""
    lesson = Lesson.of(training.card, training.data)
    learner = _learner(training, lesson)
    training.tell_cost(_cost(training, lesson, learner))
    per_epoch, steps = lesson.steps_per_epoch, lesson.steps
    with training.running(steps, learner.state, learner.step, lesson.recipe.epochs):
        while (epoch := len(training.history)) * per_epoch < steps:
            begun, shown = epoch * per_epoch, min(per_epoch, steps - epoch * per_epoch)
            plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, epoch)
            while learner.step < begun + shown:
                with learner.clock():
                    _step(lesson, learner, plan, learner.step - begun)
                images = (learner.step - begun) * lesson.recipe.batch
                training.stepped(f"loss {learner.loss / images:.3f}")
            held = _validate(training.card, lesson, learner)
            training.epoch_ended(learner.ended(lesson, shown * lesson.recipe.batch, *held))
    return layers_of(learner.estimator)


def _begun(card: RunCard, seed: int) -> Learner:
    return Learner(build(card.image_shape, len(card.class_names), card.schedule, seed))


def _learner(training: Training, lesson: Lesson) -> Learner:
    """The state at the start, or where the run was stopped."""
    learner = _begun(training.card, seed_for(lesson.seed, "weights"))
    if training.state is None:
        return learner
    arrays, position = training.state
    try:
        for name, array in learner.arrays().items():
            if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise ValueError(f"{name} does not fit")
            array[...] = arrays[name]
        learner.take_up(position)
    except (LookupError, TypeError, ValueError) as error:
        raise training.unfit() from error
    learner.check(training, lesson)
    return learner


def _step(lesson: Lesson, learner: Learner, plan: Plan, position: int) -> None:
    """One update of the weights, from batch `position` of the epoch."""
    recipe, estimator = lesson.recipe, learner.estimator
    some = slice(position * recipe.batch, (position + 1) * recipe.batch)
    inputs, labels = lesson.batches.augmented(plan, some), lesson.labels[plan.order[some]]
    estimator._optimizer.learning_rate = recipe.rate_at(learner.step, lesson.steps)
    try:
        with np.errstate(all="ignore"):  # a loss that is not a number is told below, once
            estimator.partial_fit(inputs, labels)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        estimator.loss_ = math.nan
    learner.stepped(recipe, float(estimator.loss_), len(labels))


def _validate(card: RunCard, lesson: Lesson, learner: Learner) -> tuple[float | None, float | None]:
    """Loss and accuracy on the held-out images, if any."""
    if lesson.validation is None:
        return None, None
    judged = predictor(card, layers_of(learner.estimator))
    return score(judged, lesson.batches, lesson.labels, lesson.validation)


def _cost(training: Training, lesson: Lesson, learner: Learner) -> Cost:
    """Measure a few steps of another classifier."""
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
