"""What is shown of a layer: the right channels and filters, in colours that mean something."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from zoo.drawing.inside import MOST_FILTERS, Statistics, Step, View, filter_images
from zoo.drawing.inside_page import draw_inside
from zoo.drawing.tiles import PALETTE, coloured, data_uri, sheet, smaller


def step(values: object, name: str = "a", **more: object) -> Step:
    return Step(name, "activation", "Relu", 0, np.asarray(values, np.float32), **more)


def view(*steps: Step, channels: int = 16) -> View:
    return View(
        title="Inside",
        origin="an image",
        image=np.zeros((8, 8, 3), np.uint8),
        truth="",
        guesses=[("cat", 0.75), ("dog", 0.25)],
        steps=steps,
        left_out=0,
        filters=None,
        filters_of="",
        filters_count=0,
        saliency=np.zeros((8, 8), np.float32),
        classes=("cat", "dog"),
        channels=channels,
    )


def test_the_strongest_channels_come_first() -> None:
    values = np.zeros((4, 2, 2))
    values[1], values[3] = -3, 2
    maps, numbers = step(values).maps(2) or pytest.fail("no maps")
    assert numbers == (1, 3)
    assert maps[0, 0, 0] == -3
    last = step(np.moveaxis(values, 0, -1), image_last=True).maps(2)
    assert last is not None
    assert last[1] == numbers
    assert step(np.zeros((3, 5))).maps(4)[0].shape == (1, 3, 5)
    assert step(np.ones((2, 4, 3, 3))).maps(9)[0].shape == (4, 3, 3)
    assert step(np.ones((2, 4, 3, 3))).channels == 4
    assert step(np.zeros((7, 1, 1))).maps(4) is None
    assert step(np.zeros((7, 1, 1))).channels == 0
    assert step(np.zeros((7, 1, 1))).vector().shape == (7,)


def test_statistics_leave_out_what_is_not_a_number() -> None:
    found = Statistics.of(np.array([0, 4, np.nan, np.inf, 0, -2], np.float32))
    assert (found.mean, found.low, found.high, found.zeros) == (0.5, -2, 4, 0.5)
    assert Statistics.of(np.array([])) == Statistics(0, 0, 0, 0, 0)


def test_filters_are_laid_out_as_the_image_is() -> None:
    kernels = np.random.default_rng(0).normal(size=(100, 3, 5, 4))
    options = {"units_last": False, "before": (3, 5, 4), "image_last": False}
    found = filter_images(kernels, **options)
    assert found is not None
    assert found.shape == (MOST_FILTERS, 5, 4, 3)
    rows = filter_images(kernels.reshape(100, -1), **options)
    np.testing.assert_array_equal(rows, found)
    columns = filter_images(kernels.reshape(100, -1).T, **(options | {"units_last": True}))
    np.testing.assert_array_equal(columns, found)
    moved = kernels.transpose(0, 2, 3, 1).reshape(100, -1)
    last = filter_images(moved, units_last=False, before=(5, 4, 3), image_last=True)
    np.testing.assert_array_equal(last, found)
    peak = np.unravel_index(np.abs(kernels[0]).argmax(), kernels[0].shape)
    assert found[0][peak[1], peak[2], peak[0]] in (0, 255)
    assert filter_images(np.zeros((4, 7, 3, 3)), **options) is None
    assert filter_images(np.zeros((4, 9)), **options) is None


def test_colours_tell_signs_apart_and_zero_from_both() -> None:
    low, zero, high = PALETTE[coloured(np.array([-2.0, 0.0, 2.0], np.float32), 2)].astype(int)
    assert zero.sum() < 60
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert (coloured(np.zeros(3, np.float32), 0) == 127).all()


def test_sheets_have_gaps_and_large_maps_become_small() -> None:
    tiles = sheet(np.zeros((5, 2, 3), np.uint8), columns=2)
    assert tiles.shape == (3 * 3 - 1, 2 * 4 - 1)
    assert (tiles == 255).sum() == tiles.size - 5 * 6
    maps = np.arange(2 * 10 * 6, dtype=np.float32).reshape(2, 10, 6)
    assert smaller(maps, 10) is maps
    assert smaller(maps, 5).shape == (2, 5, 3)
    assert smaller(maps, 5)[0, 0, 0] == maps[0, :2, :2].mean()


def test_a_map_in_the_page_is_the_map() -> None:
    places = coloured(np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), 1)
    uri = data_uri(places, palette=True).removeprefix("data:image/png;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(uri))).convert("RGB")
    np.testing.assert_array_equal(np.asarray(image), PALETTE[places])


@pytest.mark.parametrize(
    ("layers", "shape"), [(60, (64, 64, 64)), (400, (64, 9, 9)), (400, (512,))]
)
def test_pages_of_large_networks_stay_small(layers: int, shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    one = step(noise, name="n" * 500)
    steps = [replace(one, values=np.roll(noise, at)) for at in range(layers)]
    assert len(draw_inside([view(*steps, channels=64)]).encode()) < 5_000_000


def test_class_names_stand_at_the_last_values_alone() -> None:
    page = draw_inside([view(step([1.0, 2.0]), step([-1.0, 0.5], name="<b>"))])
    assert page.count(">dog</text>") == 1
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_of_several_views_the_first_is_named() -> None:
    assert "channels 1, 0 of the first of 2 views<" in draw_inside(
        [view(step(np.arange(16.0).reshape(2, 2, 2, 2)))]
    )
