"""The gather against the plain way of doing the same, image by image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from zoo.frameworks.pytorch.augment import BatchMaker, EpochPlan, plan_epoch
from zoo.specs.recipe import Recipe

CPU = torch.device("cpu")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.fixture
def images() -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (40, 18, 20, 3), generator=draw, dtype=torch.uint8)


def plan(recipe: Recipe, epoch: int = 0, seed: int = 0) -> EpochPlan:
    return plan_epoch(torch.arange(40), (18, 20), recipe, seed, epoch, CPU)


def by_hand(images: torch.Tensor, choices: EpochPlan, row: int, recipe: Recipe) -> np.ndarray:
    """One image: mirror, pad by reflection, cut out the shifted window, normalise, blank."""
    image = images[choices.order[row]].numpy()
    height, width, _ = image.shape
    if choices.flip[row]:
        image = image[:, ::-1]
    room = recipe.shift
    padded = np.pad(image, ((room, room), (room, room), (0, 0)), mode="reflect")
    down, right = choices.shift[row].tolist()
    window = padded[room + down :][:height, room + right :][:, :width]
    out = (window / 255 - np.array(MEAN)) / np.array(STD)
    top, left = choices.corner[row].tolist()
    out[top : top + recipe.cutout, left : left + recipe.cutout] = 0
    return np.asarray(out.transpose(2, 0, 1))


@pytest.mark.parametrize("flip", ["none", "random", "alternating"])
@pytest.mark.parametrize(("shift", "cutout"), [(0, 0), (3, 0), (0, 5), (3, 5)])
def test_a_batch_equals_the_plain_way(
    images: torch.Tensor, small_recipe: Recipe, flip: str, shift: int, cutout: int
) -> None:
    recipe = replace(small_recipe, flip=flip, shift=shift, cutout=cutout)  # type: ignore[arg-type]
    choices = plan(recipe)
    batch = BatchMaker(images, MEAN, STD, recipe, CPU).augmented(choices, 8, 24)
    assert batch.shape == (16, 3, 18, 20)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for row in range(16):
        expected = by_hand(images, choices, 8 + row, recipe)
        np.testing.assert_allclose(batch[row].numpy(), expected, atol=1e-5)


def test_plain_images_are_only_normalised(images: torch.Tensor, small_recipe: Recipe) -> None:
    batch = BatchMaker(images, MEAN, STD, small_recipe, CPU).plain(images[:4])
    expected = (images[:4].double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(batch.double(), expected.permute(0, 3, 1, 2), atol=1e-5, rtol=0)


def test_an_epoch_shows_each_image_once_and_differs_from_the_next(small_recipe: Recipe) -> None:
    first, again, second = plan(small_recipe), plan(small_recipe), plan(small_recipe, epoch=1)
    assert sorted(first.order.tolist()) == list(range(40))
    assert torch.equal(first.order, again.order)
    assert torch.equal(first.shift, again.shift)
    assert not torch.equal(first.order, second.order)
    assert not torch.equal(plan(small_recipe, seed=1).order, first.order)


def test_only_the_named_images_are_shown(small_recipe: Recipe) -> None:
    chosen = torch.tensor([3, 8, 30])
    shown = plan_epoch(chosen, (18, 20), small_recipe, 0, 0, CPU).order
    assert sorted(shown.tolist()) == [3, 8, 30]


def test_shifts_reach_every_offset_and_no_further(small_recipe: Recipe) -> None:
    shifts = torch.cat([plan(small_recipe, epoch=epoch).shift for epoch in range(20)])
    assert sorted(set(shifts.flatten().tolist())) == [-2, -1, 0, 1, 2]


def test_alternating_flip_shows_both_sides_of_every_image_in_two_epochs(
    small_recipe: Recipe,
) -> None:
    recipe = replace(small_recipe, flip="alternating")
    sides = [plan(recipe, epoch) for epoch in range(3)]
    flips = [side.flip[side.order.argsort()] for side in sides]
    assert torch.equal(flips[0], ~flips[1])
    assert torch.equal(flips[0], flips[2])
    assert 0 < int(flips[0].sum()) < 40
