"""What a loop counts: sums of an epoch, the row that they make, and where a checkpoint stands."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.frameworks.lesson import Lesson, Tally
from zoo.specs.recipe import Recipe


def lesson(recipe: Recipe) -> Lesson:
    images = np.arange(25)
    batches: Any = None
    return Lesson(recipe, batches, images % 3, images, None, seed=0)


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(epochs=1.5, quick_epochs=1.0, batch=10, lr=0.1)


def test_images_that_fill_no_batch_wait_for_another_epoch(recipe: Recipe) -> None:
    assert (lesson(recipe).steps_per_epoch, lesson(recipe).steps) == (2, 3)


def test_an_epoch_is_the_mean_of_its_steps(recipe: Recipe) -> None:
    tally = Tally()
    for loss, correct in ((2.0, 3), (1.0, 5)):
        with tally.clock():
            tally.stepped(recipe, loss, 10, correct)
    row = tally.ended(lesson(recipe), 20, 0.7, 0.8)
    assert (row.epoch, row.step, row.train_loss, row.train_accuracy) == (1.0, 2, 1.5, 0.4)
    assert (row.validation_loss, row.validation_accuracy) == (0.7, 0.8)
    assert row.images_per_second == 20 / row.seconds
    assert (tally.step, tally.loss, tally.correct, tally.seconds) == (2, 0.0, 0, 0.0)


def test_a_framework_that_tells_no_accuracy_has_none(recipe: Recipe) -> None:
    tally = Tally(correct=None)
    with tally.clock():
        tally.stepped(recipe, 1.0, 10)
    assert "correct" not in tally.position()
    assert tally.ended(lesson(recipe), 10, None, None).train_accuracy is None


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_a_number_is_refused(recipe: Recipe, loss: float) -> None:
    with pytest.raises(ZooError, match=r"no longer a number \(step 4\).*smaller --lr .* at 0\.1"):
        Tally(step=3).stepped(recipe, loss, 10)


@pytest.mark.parametrize("correct", [None, 7])
def test_a_checkpoint_gives_the_same_tally(correct: int | None) -> None:
    one = Tally(step=3, loss=1.5, correct=correct, seconds=2.0)
    other = Tally(correct=None if correct is None else 0)
    other.take_up(one.position())
    assert other == one


@pytest.mark.parametrize("step", [2, 3])
def test_a_checkpoint_of_the_next_epoch_is_taken(recipe: Recipe, step: int) -> None:
    Tally(step=step).check(after_one_epoch(), lesson(recipe))


@pytest.mark.parametrize("step", [1, 4])
def test_a_checkpoint_of_another_epoch_is_refused(recipe: Recipe, step: int) -> None:
    with pytest.raises(ZooError, match=f"step {step} after 1 epochs"):
        Tally(step=step).check(after_one_epoch(), lesson(recipe))


def after_one_epoch() -> Any:
    return SimpleNamespace(history=[None], unfit=ZooError)
