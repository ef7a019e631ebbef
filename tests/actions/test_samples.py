"""`samples` shows the images that training would see, each under its own class."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from zoo.actions.samples import samples
from zoo.data import load
from zoo.data.dataset import Images
from zoo.drawing import plots
from zoo.errors import UsageError


class Grid(NamedTuple):
    """What was to be drawn."""

    images: Images
    captions: list[str]
    title: str


@pytest.fixture
def grids(monkeypatch: pytest.MonkeyPatch) -> list[Grid]:
    """What was handed to the grid, in place of a grid."""
    found: list[Grid] = []

    def note(images: Images, captions: list[str], path: Path, *, title: str) -> None:
        found.append(Grid(images, captions, title))

    monkeypatch.setattr(plots, "draw_grid", note)
    return found


def test_it_writes_samples_png_here_by_default(in_folder: Path) -> None:
    assert samples("digits", count=3) == Path("samples.png")
    assert samples("digits", Path("deep/er.png"), count=3) == Path("deep/er.png")
    assert samples("digits", image=7) == Path("sample-7.png")
    assert {path.name for path in in_folder.rglob("*.png")} == {
        "samples.png",
        "er.png",
        "sample-7.png",
    }


def test_captions_belong_to_their_images(grids: list[Grid]) -> None:
    data = load("digits")
    samples("digits", count=30)
    (grid,) = grids
    assert len(grid.captions) == 30
    for image, caption in zip(grid.images, grid.captions, strict=True):
        name, index = caption.split("\nimage ")
        assert np.array_equal(image, data.train.images[int(index)])
        assert name == data.class_names[data.train.labels[int(index)]]


def test_every_class_is_seen_before_one_is_seen_twice(grids: list[Grid]) -> None:
    samples("digits", count=20)
    names = [caption.split("\n")[0] for caption in grids[0].captions]
    assert sorted(names[:10]) == sorted(names[10:]) == list("0123456789")


def test_a_view_is_drawn_as_the_network_would_see_it(grids: list[Grid]) -> None:
    samples("digits", size=(16, 24), grey=True, count=5)
    assert grids[0].images.shape == (5, 16, 24, 1)
    assert grids[0].title == "digits: 1,438 training images, 16x24x1"


def test_more_than_there_is_shows_all(grids: list[Grid]) -> None:
    samples("digits", count=10**6)
    assert len(grids[0].captions) == 1438


def test_one_image_is_inspected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(plots, "draw_image", lambda data, index, path: seen.append((index, path)))
    samples("digits", Path("one.png"), image=1437)
    assert seen == [(1437, Path("one.png"))]


def test_an_image_that_is_not_there_is_wrong_usage(in_folder: Path) -> None:
    with pytest.raises(UsageError, match="images 0 to 1437"):
        samples("digits", image=1438)
    assert list(in_folder.iterdir()) == []
