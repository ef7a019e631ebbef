"""From pixels to rows: standardised, flipped and shifted as the epoch's plan says."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.frameworks.batches import Batches, Plan, plan_epoch
from zoo.specs.recipe import Recipe

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
COUNT, HEIGHT, WIDTH = 20, 6, 8
RECIPE = Recipe(epochs=1, quick_epochs=1, batch=4, lr=1, flip="random", shift=2)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def batches(images: np.ndarray) -> Batches:
    return Batches(images, MEAN, STD)


def test_rows_are_standardised_by_channel(images: np.ndarray, batches: Batches) -> None:
    rows = batches.plain(slice(3, 9))
    assert (rows.shape, rows.dtype) == ((6, HEIGHT * WIDTH * 3), np.float32)
    wanted = (images[3:9] / 255 - MEAN) / STD
    np.testing.assert_allclose(rows.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-6)


def test_an_epoch_shows_each_image_once_and_the_same_way_again() -> None:
    indices = np.arange(3, COUNT)
    one, again, other = (plan_epoch(indices, RECIPE, 5, epoch) for epoch in (1, 1, 2))
    np.testing.assert_array_equal(np.sort(one.order), indices)
    for name in ("order", "flip", "shift"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert (one.order != other.order).any()
    assert 0 < one.flip.sum() < len(indices)
    assert set(np.unique(one.shift)) <= {-2, -1, 0, 1, 2}


def test_images_are_flipped_and_shifted_and_mirrored_at_borders(
    images: np.ndarray, batches: Batches
) -> None:
    plan = plan_epoch(np.arange(COUNT), RECIPE, seed=0, epoch=0)
    rows = batches.augmented(plan, slice(0, COUNT))
    for row, place, flip, (down, right) in zip(
        rows, plan.order, plan.flip, plan.shift, strict=True
    ):
        image = np.pad(images[place], ((2, 2), (2, 2), (0, 0)), mode="reflect")
        image = image[2 + down : 2 + down + HEIGHT, 2 + right : 2 + right + WIDTH]
        image = image[:, ::-1] if flip else image
        wanted = (image / 255 - MEAN) / STD
        np.testing.assert_allclose(row.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-6)


def test_without_augmentation_images_stay_as_they_are(batches: Batches) -> None:
    still = replace(RECIPE, flip="none", shift=0)
    plan = plan_epoch(np.arange(COUNT), still, seed=0, epoch=0)
    assert not plan.flip.any()
    rows = batches.augmented(plan, slice(4, 8))
    np.testing.assert_array_equal(rows, batches.plain(plan.order[4:8]))


def test_the_short_way_without_augmentation_is_the_long_one(batches: Batches) -> None:
    order = np.random.default_rng(1).permutation(COUNT)
    flip, shift = np.zeros(COUNT, bool), np.zeros((COUNT, 2), np.int64)
    flip[-1] = True
    plan, some = Plan(order, flip, shift), slice(0, COUNT - 1)
    np.testing.assert_array_equal(batches.augmented(plan, some), batches.plain(order[some]))
