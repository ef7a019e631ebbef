"""What is said of two models that should agree, and of errors that are not numbers."""

import json
from dataclasses import replace

import pytest

from tests.drawing.test_differences_in_chromium import made
from zoo.drawing.differences import answers, percent, verdict
from zoo.drawing.differences_page import draw_differences


def test_the_first_layer_above_the_bound_is_named() -> None:
    found = made(6)
    assert found.first is found.layers[3]
    assert verdict(found) == ("Conv_3 is the first above 25% (as told): 30%; 3 of 6 layers are")
    assert verdict(replace(found, bound=0.6)) == "no layer is above 60% (as told)"
    assert verdict(replace(found, bound=0.45)).endswith("45% (as told): 50%")


def test_what_is_not_a_number_is_above_every_bound_and_null_in_json() -> None:
    found = made(4)
    broken = replace(found.layers[1], error=float("inf"), added=float("inf"))
    found = replace(found, layers=(found.layers[0], broken, *found.layers[2:]), bound=1e9)
    assert found.first is broken
    assert "not a number" in verdict(found)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["layers"][1]["error"] is None
    assert told["first"] == "Conv_1"
    page = draw_differences(found, [])
    assert "not a number (above the bound)" in page
    assert 'class="beyond"' in page
    assert "nan" not in page


def test_a_page_without_any_difference() -> None:
    found = made(3, examples=0)
    same = tuple(replace(one, error=0.0, added=0.0, largest=0.0) for one in found.layers)
    page = draw_differences(replace(found, layers=same, alone=()), [])
    assert "Every layer was compared." in page
    assert "adds most" not in page
    assert "Images that get another class" not in page


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1.2e-9, "1.2e-07%"), (0.0429, "4.29%"), (1.04, "104%"), (11.8, "1,180%")],
)
def test_percentages_keep_three_digits(share: float, text: str) -> None:
    assert percent(share) == text


def test_answers_without_labels_have_no_accuracy() -> None:
    effect = replace(made(1).effect, accuracy_a=None, accuracy_b=None, lost=None)
    assert answers(effect) == ["3 of 2 images get another class"]
