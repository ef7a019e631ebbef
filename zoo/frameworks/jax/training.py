"""The training loop in JAX; each step is one compiled function."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zoo.frameworks.batches import Plan, plan_epoch
from zoo.frameworks.jax.network import Network, arrays_of, filled
from zoo.frameworks.jax.optimizer import optimizer_of, smoothed, step
from zoo.frameworks.lesson import EVALUATION_BATCH, Lesson, Tally
from zoo.runs.checkpoint import State
from zoo.runs.cost import Cost
from zoo.runs.training import Training


@dataclass
class Learner(Tally):
    """Everything that changes during training, so that a resumed run continues exactly."""

    network: Network
    moments: Any  # of the optimizer

    def state(self) -> State:
        """The state as stored in a checkpoint."""
        return arrays_of(self._changing()), self.position()

    def resume(self, state: State) -> None:
        """Continue from a checkpoint; refuse one that does not fit this network."""
        arrays, position = state
        found = filled(self._changing(), arrays)
        self.moments = found.pop("moments")
        self.network = replace(self.network, **found)
        self.take_up(position)

    def _changing(self) -> dict[str, Any]:
        network = self.network
        trees = {"weights": network.weights, "averages": network.averages}
        return trees | {"moments": self.moments}


def begun(training: Training, lesson: Lesson) -> Learner:
    """The state at the start of a training run."""
    card = training.card
    network = Network.begun(training.spec, card.image_shape, len(card.class_names), lesson.seed)
    return Learner(network, optimizer_of(lesson.recipe).init(network.weights))


def learner_of(training: Training, lesson: Lesson) -> Learner:
    """The state at the start, or where the run was stopped."""
    learner = begun(training, lesson)
    if training.state is None:
        return learner
    try:
        learner.resume(training.state)
    except (LookupError, TypeError, ValueError) as error:
        raise training.unfit() from error
    learner.check(training, lesson)
    return learner


def train(training: Training, lesson: Lesson) -> Network:
    """Train to the last step, from the first or from where the run was stopped."""
    learner = learner_of(training, lesson)
    training.tell_cost(_cost(training, lesson, learner.step))
    per_epoch, steps = lesson.steps_per_epoch, lesson.steps
    with training.running(steps, learner.state, learner.step, lesson.recipe.epochs):
        while (epoch := len(training.history)) * per_epoch < steps:
            first, shown = epoch * per_epoch, min(per_epoch, steps - epoch * per_epoch)
            plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, epoch)
            while learner.step < first + shown:
                with learner.clock():
                    train_step(lesson, learner, plan, learner.step - first)
                images = (learner.step - first) * lesson.recipe.batch
                training.stepped(f"loss {learner.loss / images:.3f}")
            held = validate(lesson, learner.network)
            training.epoch_ended(learner.ended(lesson, shown * lesson.recipe.batch, *held))
    return learner.network


def train_step(lesson: Lesson, learner: Learner, plan: Plan, position: int) -> None:
    """One update of the weights, from batch `position` of the epoch."""
    recipe, network = lesson.recipe, learner.network
    some = slice(position * recipe.batch, (position + 1) * recipe.batch)
    pixels = network.pixels(lesson.batches.augmented(plan, some))
    labels = lesson.labels[plan.order[some]]
    weights, averages, learner.moments, loss, correct = step(
        network.learning,
        recipe,
        network.weights,
        network.averages,
        learner.moments,
        pixels,
        labels.astype(np.int32),
        np.float32(recipe.rate_at(learner.step, lesson.steps)),
    )
    learner.network = replace(network, weights=weights, averages=averages)
    learner.stepped(recipe, float(loss), recipe.batch, int(correct))


def validate(lesson: Lesson, network: Network) -> tuple[float | None, float | None]:
    """Loss and accuracy on the held-out images, if any."""
    held = lesson.validation
    if held is None:
        return None, None
    parts = [
        network.logits(lesson.batches.plain(some))
        for some in np.split(held, range(EVALUATION_BATCH, len(held), EVALUATION_BATCH))
    ]
    logits, labels = np.concatenate(parts), lesson.labels[held]
    loss = smoothed(logits, labels, lesson.recipe.label_smoothing)
    return float(loss), float((logits.argmax(axis=1) == labels).mean())


def _cost(training: Training, lesson: Lesson, done: int) -> Cost:
    """Measure a few steps of a temporary network; the first of them compiles the step."""
    copy = begun(training, lesson)
    weights = arrays_of(copy.network.weights)
    macs = copy.network.multiply_adds()
    plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, 0)

    def one(number: int) -> None:
        train_step(lesson, copy, plan, number % lesson.steps_per_epoch)

    return Cost(
        parameters=sum(array.size for array in weights.values()),
        macs=macs,
        flop=6.0 * macs * lesson.steps * lesson.recipe.batch,  # backward twice as much as forward
        seconds=training.pace.seconds_a_step(lesson.steps - done, one) * (lesson.steps - done),
    )
