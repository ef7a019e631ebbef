"""The map of latents on the page: every image a mark, every class a look with its name."""

import re

import numpy as np
import pytest

from bench.report.insides import latents
from bench.report.latents import draw_latents, legend
from bench.report.models import Training
from bench.report.sections import NARROW, WIDE
from zoo.drawing.latents import COLOURS, MOST_COLOURED
from zoo.drawing.projection import Projection


def a_map(classes: int, images: int = 300) -> Projection:
    draw = np.random.default_rng(0)
    labels = np.arange(images) % classes
    names = tuple(f"<b>{number}</b>" for number in range(classes))
    return Projection(draw.normal(size=(images, 2)), labels, names, ("first (9%)", "second (<5%)"))


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("classes", [1, 10, 100])
def test_every_image_is_a_mark_inside_the_drawing(classes: int, width: float) -> None:
    drawn = draw_latents(a_map(classes), width)
    assert len(re.findall(r"M[\d.]+ [\d.]+h", drawn)) == 300
    places = [float(x) for x in re.findall(r"M([\d.]+) ", drawn)]
    assert 0 < min(places) <= max(places) < width
    assert "first (9%)" in drawn
    assert "second (&lt;5%)" in drawn


@pytest.mark.parametrize(("classes", "entries"), [(1, 1), (10, 10), (100, MOST_COLOURED + 1)])
def test_every_look_is_in_the_legend_once(classes: int, entries: int) -> None:
    said = legend(a_map(classes))
    assert said.count("<li>") == entries
    looks = re.findall(r'class="(mark [a-z]+ s\d)"', said)
    assert len(looks) == len(set(looks)) == min(classes, MOST_COLOURED)
    assert ("88 other classes" in said) == (classes == 100)
    assert "<b>" not in said
    drawn = draw_latents(a_map(classes), WIDE)
    assert (f'"boxes s{0}"' in drawn) == (classes > COLOURS)
    assert ("others" in drawn) == (classes == 100)


def test_models_without_latents_have_no_section() -> None:
    bare = Training("cnn-cifar10", [], None, None)
    assert latents([bare]) is None
    section = latents([bare, Training("transfer-cifar10", [], None, a_map(3))])
    assert section is not None
    assert section.body.count("<figcaption>") == 1
