"""Train with `compile` and `fit`, one epoch per call, with a callback that keeps the run."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ZooError
from zoo.frameworks.batches import Source, plan_epoch
from zoo.frameworks.keras.backend import keras
from zoo.frameworks.keras.network import (
    assign,
    multiply_adds,
    numbers,
    parameters,
    seed_everything,
)
from zoo.frameworks.lesson import EVALUATION_BATCH, Lesson
from zoo.runs.checkpoint import Arrays, State
from zoo.runs.cost import Cost
from zoo.runs.history import EpochRow
from zoo.runs.training import Training
from zoo.specs.recipe import Recipe

Pixels = NDArray[np.float32]  # [N, H, W, C], normalised; of a transfer, latents [N, width]


def train(
    training: Training,
    lesson: Lesson,
    shape: tuple[int, ...],
    begun: Callable[[], Any],
    past_flop: float = 0.0,
) -> Any:
    """Train to the last step, from the first or from where the run was stopped.

    shape: the network's input for one image. begun: makes the initial network. past_flop: for a
    transfer, the cost of its latents; its card has the size of the whole.
    """
    recipe, card = lesson.recipe, training.card
    keeper = Keeper(training, lesson)
    cost = _cost(training, lesson, compiled(begun(), recipe), shape, keeper.step)
    counted = replace(card, train_flop=cost.flop + past_flop) if past_flop else None
    training.tell_cost(cost, counted)
    model = compiled(begun(), recipe)
    keeper.take_up(model)
    with training.running(lesson.steps, keeper.state, keeper.step, recipe.epochs):
        for epoch in range(len(training.history), math.ceil(recipe.epochs)):
            model.fit(
                Epoch(lesson, shape, epoch, keeper.step),
                shuffle=False,
                validation_data=_held_out(lesson, shape),
                validation_batch_size=EVALUATION_BATCH,
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=[keeper],
                verbose=0,
            )
    return model


def compiled(model: Any, recipe: Recipe) -> Any:
    """Compile the network with its loss and optimizer, and create the optimizer's variables."""
    optimizer = _optimizer(recipe)
    variables = model.trainable_variables
    optimizer.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _optimizer(recipe: Recipe) -> Any:
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(recipe.lr, weight_decay=recipe.weight_decay)
    return keras.optimizers.SGD(
        learning_rate=recipe.lr,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
    )


class Epoch(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of an epoch, from a given step of the run on, in the epoch's own order."""

    def __init__(self, lesson: Lesson, shape: tuple[int, ...], epoch: int, step: int) -> None:
        super().__init__()
        self.lesson, self.shape = lesson, shape
        self.plan = plan_epoch(lesson.indices, lesson.recipe, lesson.seed, epoch)
        begun = epoch * lesson.steps_per_epoch
        self.first = step - begun
        self.steps = min(lesson.steps_per_epoch, lesson.steps - begun)

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, index: int) -> tuple[Pixels, Any]:
        batch = self.lesson.recipe.batch
        some = slice((self.first + index) * batch, (self.first + index + 1) * batch)
        rows = self.lesson.batches.augmented(self.plan, some)
        return _images(rows, self.shape), self.lesson.labels[self.plan.order[some]]


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Connects Keras with the run: progress, rates, checkpoints, stop requests and history."""

    def __init__(self, training: Training, lesson: Lesson) -> None:
        super().__init__()
        self.training, self.lesson = training, lesson
        position = training.state[1] if training.state else {"step": 0, "seconds": 0.0}
        self._resumed = training.state[0] if training.state else None
        try:
            self.step, self.seconds = int(position["step"]), float(position["seconds"])
        except (LookupError, TypeError, ValueError) as error:
            raise training.unfit() from error
        begun = len(training.history) * lesson.steps_per_epoch
        # The last step of an epoch is told with its row, so that nothing stops between them.
        if not begun <= self.step < begun + lesson.steps_per_epoch or self.step > lesson.steps:
            raise training.unfit(f" (step {self.step} after {len(training.history)} epochs)")

    def take_up(self, model: Any) -> None:
        """Restore the network and its optimizer from a checkpoint."""
        self.set_model(model)
        if self._resumed is not None:
            self._restore("model", model.variables)
            self._restore("optimizer", model.optimizer.variables)

    def state(self) -> State:
        """Everything that changes during training, so that a resumed run continues exactly."""
        groups = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "metrics": self.model.metrics_variables,
        }
        arrays = {
            f"{group}.{place}": numbers(variable)
            for group, variables in groups.items()
            for place, variable in enumerate(variables)
        }
        return arrays, {"step": self.step, "seconds": self.seconds}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore the sums of an interrupted epoch, which Keras has just reset."""
        if self._resumed is not None and self.step > epoch * self.lesson.steps_per_epoch:
            self._restore("metrics", self.model.metrics_variables)
        self._resumed = None
        self._since = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate and seed of this step, so that a resumed run has the same ones."""
        recipe = self.lesson.recipe
        self.model.optimizer.learning_rate = recipe.rate_at(self.step, self.lesson.steps)
        seed_everything(self.lesson.seed, "step", self.step)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report the step, and stop here if requested."""
        now = time.perf_counter()
        self.seconds += now - self._since
        if not math.isfinite(logs["loss"]):
            raise ZooError(
                f"the loss is no longer a number (step {self.step + 1}). "
                f"Try a smaller --lr (it peaks at {self.lesson.recipe.lr:g})."
            )
        self.step += 1
        if self.step % self.lesson.steps_per_epoch and self.step < self.lesson.steps:
            self.training.stepped(f"loss {logs['loss']:.3f}")
        self._since = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the row of history.csv, then report the epoch's last step."""
        begun = epoch * self.lesson.steps_per_epoch
        row = EpochRow(
            epoch=self.step / self.lesson.steps_per_epoch,
            step=self.step,
            lr=self.lesson.recipe.rate_at(self.step - 1, self.lesson.steps),
            train_loss=logs["loss"],
            train_accuracy=logs["accuracy"],
            validation_loss=logs.get("val_loss"),
            validation_accuracy=logs.get("val_accuracy"),
            seconds=self.seconds,
            images_per_second=(self.step - begun) * self.lesson.recipe.batch / self.seconds,
        )
        self.seconds = 0.0
        self.training.epoch_ended(row)
        self.training.stepped(f"loss {logs['loss']:.3f}")

    def _restore(self, group: str, variables: list[Any]) -> None:
        arrays: Arrays = self._resumed or {}
        try:
            for place, variable in enumerate(variables):
                assign(variable, arrays[f"{group}.{place}"])
        except (LookupError, ValueError) as error:
            raise self.training.unfit() from error


def _images(rows: Pixels, shape: tuple[int, ...]) -> Pixels:
    return rows.reshape(len(rows), *shape)


def normalised(batches: Source, some: Any, shape: tuple[int, ...]) -> Pixels:
    """Stored images, normalised for the network."""
    return _images(batches.plain(some), shape)


def _held_out(lesson: Lesson, shape: tuple[int, ...]) -> tuple[Pixels, Any] | None:
    held = lesson.validation
    if held is None:
        return None
    return normalised(lesson.batches, held, shape), lesson.labels[held]


def _cost(
    training: Training, lesson: Lesson, model: Any, shape: tuple[int, ...], done: int
) -> Cost:
    """Measure a few steps of a temporary network."""
    macs = multiply_adds(model)
    return Cost(
        parameters=parameters(model),
        macs=macs,
        flop=6.0 * macs * lesson.steps * lesson.recipe.batch,  # backward twice as much as forward
        seconds=_seconds_a_step(training, lesson, model, shape, done) * (lesson.steps - done),
    )


def _seconds_a_step(
    training: Training, lesson: Lesson, model: Any, shape: tuple[int, ...], done: int
) -> float:
    epoch = Epoch(lesson, shape, 0, 0)

    def step(number: int) -> None:
        model.train_on_batch(*epoch[number % len(epoch)])

    return training.pace.seconds_a_step(lesson.steps - done, step)
