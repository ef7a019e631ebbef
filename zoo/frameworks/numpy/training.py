"""Step 5 of the multilayer perceptron from scratch: training, epoch by epoch, batch by batch."""

from dataclasses import dataclass

import numpy as np

from zoo.frameworks.batches import Plan, plan_epoch
from zoo.frameworks.lesson import EVALUATION_BATCH, Lesson, Tally
from zoo.frameworks.numpy.network import (
    Layer,
    Network,
    Numbers,
    backward_propagate_error,
    cross_entropy,
    forward_propagation,
    update_weights,
)
from zoo.runs.training import Training


@dataclass
class Learner(Tally):
    """Everything that changes during training, so that a resumed run continues exactly."""

    network: Network
    velocities: Network  # momentum: the accumulated earlier gradients

    @classmethod
    def of(cls, network: Network) -> "Learner":
        """The state at the start of a training run."""
        at_rest = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
        return cls(network, at_rest)


def train(training: Training, lesson: Lesson, learner: Learner) -> None:
    """Train to the last step, from the first or from the learner's current one."""
    per_epoch, steps = lesson.steps_per_epoch, lesson.steps
    while (epoch := len(training.history)) * per_epoch < steps:
        begun, shown = epoch * per_epoch, min(per_epoch, steps - epoch * per_epoch)
        with learner.clock():
            plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, epoch)
        while learner.step < begun + shown:
            with learner.clock():
                train_step(lesson, learner, plan, learner.step - begun)
            images = (learner.step - begun) * lesson.recipe.batch
            training.stepped(f"loss {learner.loss / images:.3f}")
        held = validate(lesson, learner.network)
        training.epoch_ended(learner.ended(lesson, shown * lesson.recipe.batch, *held))


def train_step(lesson: Lesson, learner: Learner, plan: Plan, position: int) -> None:
    """One update of the weights, from batch `position` of the epoch."""
    recipe = lesson.recipe
    some = slice(position * recipe.batch, (position + 1) * recipe.batch)
    inputs, labels = lesson.batches.augmented(plan, some), lesson.labels[plan.order[some]]
    rate = recipe.rate_at(learner.step, lesson.steps)
    with np.errstate(all="ignore"):  # a loss that is not a number is told below, once
        flow = forward_propagation(learner.network, inputs)
        loss = cross_entropy(flow[-1], labels)
        gradients = backward_propagate_error(learner.network, flow, labels)
        update_weights(
            learner.network,
            gradients,
            learner.velocities,
            rate,
            recipe.momentum,
            recipe.weight_decay,
        )
    correct = int((flow[-1].argmax(axis=1) == labels).sum())
    learner.stepped(recipe, loss, len(labels), correct)


def validate(lesson: Lesson, network: Network) -> tuple[float | None, float | None]:
    """Loss and accuracy on the held-out images, if any."""
    held = lesson.validation
    if held is None:
        return None, None
    parts: list[Numbers] = [
        forward_propagation(network, lesson.batches.plain(held[start : start + EVALUATION_BATCH]))[
            -1
        ]
        for start in range(0, len(held), EVALUATION_BATCH)
    ]
    logits, labels = np.concatenate(parts), lesson.labels[held]
    return cross_entropy(logits, labels), float((logits.argmax(axis=1) == labels).mean())
