"""Step 5 of the multilayer perceptron from scratch: training, epoch by epoch, batch by batch."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from zoo.data import Dataset
from zoo.errors import ZooError
from zoo.frameworks.numpy.batches import Batches, Indices, Plan, Source, plan_epoch
from zoo.frameworks.numpy.network import (
    Labels,
    Layer,
    Network,
    Numbers,
    backward_propagate_error,
    cross_entropy,
    forward_propagation,
    update_weights,
)
from zoo.runs.history import EpochRow
from zoo.runs.options import split_of
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.recipe import Recipe

EVALUATION_BATCH = 500  # images at once


@dataclass(frozen=True)
class Lesson:
    """What is learned from; none of it changes."""

    recipe: Recipe
    batches: Source
    labels: Labels  # of all images
    indices: Indices  # of the images to train on
    validation: Indices | None  # of those to look at after each epoch
    seed: int

    @classmethod
    def of(cls, card: RunCard, data: Dataset) -> "Lesson":
        """By the card's recipe and options."""
        indices, validation = split_of(data.train.labels, card.options)
        return cls(
            recipe=card.schedule,
            batches=Batches(data.train.images, card.mean, card.std),
            labels=np.asarray(data.train.labels),
            indices=indices,
            validation=validation,
            seed=card.options.seed or 0,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches; the images that are left over come in another epoch."""
        return len(self.indices) // self.recipe.batch

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return max(1, math.ceil(self.recipe.epochs * self.steps_per_epoch))


@dataclass
class Learner:
    """What changes while it learns: with it, a training goes on as if it had not been stopped."""

    network: Network
    velocities: Network  # of momentum: what is left of earlier gradients
    step: int = 0
    # Of the epoch under way:
    loss: float = 0.0  # summed over its images
    correct: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, network: Network) -> "Learner":
        """At the start of a training."""
        at_rest = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
        return cls(network, at_rest)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Count the block as training time of the epoch."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started


def train(training: Training, lesson: Lesson, learner: Learner) -> None:
    """Train to the last step, from the first or from where the learner stands."""
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
        row = end_epoch(lesson, learner, shown * lesson.recipe.batch)
        training.epoch_ended(row)


def train_step(lesson: Lesson, learner: Learner, plan: Plan, position: int) -> None:
    """One update of the weights, from batch `position` of the epoch."""
    recipe = lesson.recipe
    some = slice(position * recipe.batch, (position + 1) * recipe.batch)
    inputs, labels = lesson.batches.augmented(plan, some), lesson.labels[plan.order[some]]
    rate = recipe.rate_at(learner.step, lesson.steps)
    with np.errstate(all="ignore"):  # a loss that is no number is told below, once
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
    if not math.isfinite(loss):
        raise ZooError(
            f"the loss is no longer a number (step {learner.step + 1}). "
            f"Try a smaller --lr (it peaks at {recipe.lr:g})."
        )
    learner.loss += loss * len(labels)
    learner.correct += int((flow[-1].argmax(axis=1) == labels).sum())
    learner.step += 1


def end_epoch(lesson: Lesson, learner: Learner, images: int) -> EpochRow:
    """The row of history.csv, and the sums start again."""
    loss, accuracy = validate(lesson, learner.network)
    row = EpochRow(
        epoch=learner.step / lesson.steps_per_epoch,
        step=learner.step,
        lr=lesson.recipe.rate_at(learner.step - 1, lesson.steps),
        train_loss=learner.loss / images,
        train_accuracy=learner.correct / images,
        validation_loss=loss,
        validation_accuracy=accuracy,
        seconds=learner.seconds,
        images_per_second=images / learner.seconds,
    )
    learner.loss, learner.correct, learner.seconds = 0.0, 0, 0.0
    return row


def validate(lesson: Lesson, network: Network) -> tuple[float | None, float | None]:
    """Loss and accuracy on the images that are held out, if any are."""
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
