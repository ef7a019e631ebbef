"""Which classes of a map have a look of their own, and in which order its images are drawn."""

import numpy as np
import pytest

from zoo.drawing.latents import COLOURS, MOST_COLOURED, OTHERS, Look, layers, legend, looks
from zoo.drawing.projection import Projection


def a_map(classes: int, images: int) -> Projection:
    """Images on a line, a class further out than the one before."""
    labels = np.arange(images) % classes
    points = np.stack([labels * 1.0, labels * -0.5], axis=1)
    return Projection(points, labels, tuple(f"c{n}" for n in range(classes)), ("x", "y"))


def test_of_many_classes_those_furthest_out_are_coloured() -> None:
    assert list(looks(a_map(4, 8))) == [0, 1, 2, 3]
    last_has_none = a_map(100, 99)
    assert list(looks(last_has_none)) == list(range(99 - MOST_COLOURED, 99))


def test_looks_are_each_colour_filled_then_each_open() -> None:
    found = list(looks(a_map(30, 60)).values())
    assert found[:COLOURS] == [Look(slot) for slot in range(COLOURS)]
    assert found[COLOURS:] == [Look(slot, filled=False) for slot in range(COLOURS)]


@pytest.mark.parametrize("classes", [1, 10, 100])
def test_every_image_is_drawn_once_with_the_look_of_its_class(classes: int) -> None:
    projection = a_map(classes, 300)
    of_class = looks(projection)
    seen: list[int] = []
    for look, chosen in layers(projection):
        assert {of_class.get(label, OTHERS) for label in projection.labels[chosen]} <= {look}
        seen += chosen.tolist()
    assert sorted(seen) == list(range(300))


def test_no_class_lies_wholly_on_top() -> None:
    drawn = [look for look, chosen in layers(a_map(3, 300)) for _ in chosen]
    assert len(set(drawn[:90])) == len(set(drawn[-90:])) == 3


def test_the_legend_names_each_class_and_counts_the_others() -> None:
    assert legend(a_map(2, 4)) == [(Look(0), "c0"), (Look(1), "c1")]
    *_, last = legend(a_map(100, 200))
    assert last == (OTHERS, "88 other classes")
