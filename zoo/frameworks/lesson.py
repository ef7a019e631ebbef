"""The inputs of a training loop, and the sums that it keeps, shared by several frameworks."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data import Dataset
from zoo.errors import ZooError
from zoo.frameworks.batches import Batches, Indices, Source
from zoo.runs.history import EpochRow
from zoo.runs.options import split_of
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.recipe import Recipe

EVALUATION_BATCH = 500  # images at once


@dataclass(frozen=True)
class Lesson:
    """The inputs of the training loop; none of them change."""

    recipe: Recipe
    batches: Source
    labels: NDArray[np.int64]  # of all images
    indices: Indices  # indices of the images to train on
    validation: Indices | None  # indices of images to evaluate after each epoch
    seed: int

    @classmethod
    def of(cls, card: RunCard, data: Dataset) -> "Lesson":
        """From the card's recipe and options."""
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
        """Whole batches; the remaining images come in another epoch."""
        return len(self.indices) // self.recipe.batch

    @property
    def steps(self) -> int:
        """For the whole training run."""
        return max(1, math.ceil(self.recipe.epochs * self.steps_per_epoch))


@dataclass(kw_only=True)
class Tally:
    """How far a training run is, and the sums of the current epoch."""

    step: int = 0
    loss: float = 0.0  # summed over its images
    correct: int | None = 0  # None where the framework does not tell
    seconds: float = 0.0

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Add the time of the block to the epoch's training time."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    def stepped(self, recipe: Recipe, loss: float, images: int, correct: int = 0) -> None:
        """Count one step: the mean loss over so many images, and how many of them were correct."""
        if not math.isfinite(loss):
            raise ZooError(
                f"the loss is no longer a number (step {self.step + 1}). "
                f"Try a smaller --lr (it peaks at {recipe.lr:g})."
            )
        self.loss += loss * images
        if self.correct is not None:
            self.correct += correct
        self.step += 1

    def ended(
        self, lesson: Lesson, images: int, loss: float | None, accuracy: float | None
    ) -> EpochRow:
        """The row of history.csv; the sums are reset. loss, accuracy: on held-out images."""
        row = EpochRow(
            epoch=self.step / lesson.steps_per_epoch,
            step=self.step,
            lr=lesson.recipe.rate_at(self.step - 1, lesson.steps),
            train_loss=self.loss / images,
            train_accuracy=None if self.correct is None else self.correct / images,
            validation_loss=loss,
            validation_accuracy=accuracy,
            seconds=self.seconds,
            images_per_second=images / self.seconds,
        )
        self.loss, self.seconds = 0.0, 0.0
        self.correct = None if self.correct is None else 0
        return row

    def position(self) -> dict[str, Any]:
        """The position as stored in a checkpoint, next to the arrays."""
        told = {"step": self.step, "loss": self.loss, "seconds": self.seconds}
        return told if self.correct is None else told | {"correct": self.correct}

    def take_up(self, position: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.step = int(position["step"])
        self.loss, self.seconds = float(position["loss"]), float(position["seconds"])
        if self.correct is not None:
            self.correct = int(position["correct"])

    def check(self, training: Training, lesson: Lesson) -> None:
        """Refuse a checkpoint of another epoch than the history's next one."""
        begun = len(training.history) * lesson.steps_per_epoch
        if not begun <= self.step <= min(begun + lesson.steps_per_epoch, lesson.steps):
            raise training.unfit(f" (step {self.step} after {len(training.history)} epochs)")
