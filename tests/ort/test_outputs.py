"""The output that is taken, how wide it is, and what is said where none can be."""

import re

import numpy as np
import pytest

from tests.ort.faked import faked
from zoo.errors import UsageError
from zoo.ort.given import Given
from zoo.ort.outputs import as_rows, classes_of, find_output
from zoo.ort.session import Session
from zoo.ort.signature import Signature

IMAGES = ("uint8", (1, 4, 4, 3))
SEVERAL = faked(IMAGES, outputs=(("features", (1, 64)), ("probs", (1, 10)), ("map", (1, 10, 4, 4))))


def test_logits_are_chosen_among_several_outputs() -> None:
    session = faked(IMAGES, outputs=(("features", (1, 64, 2, 2)), ("logits", (1, 3))))
    tensor, chosen = find_output(session)
    assert (tensor.name, chosen) == ("logits", "")


@pytest.mark.parametrize(
    ("session", "told", "problem"),
    [
        (
            faked(IMAGES, outputs=(("a", (1, 3)), ("b", (1, 3)))),
            Given(),
            "2 outputs (a: float32 [1, 3]; b: float32 [1, 3]) and none is named logits",
        ),
        (faked(IMAGES, outputs=(("a", (1, 3, 8)),)), Given(), "not a classifier"),
        (SEVERAL, Given(), "--output features"),
        (faked(IMAGES), Given(output="logit"), "there is no output 'logit'. Did you mean logits?"),
    ],
    ids=["several", "no row", "several widths", "a wrong name"],
)
def test_what_cannot_be_known_is_wrong_usage_and_named(
    session: Session, told: Given, problem: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)) as caught:
        find_output(session, told)
    assert "strange.onnx" in str(caught.value)


def test_one_that_is_named_is_taken() -> None:
    named = Signature.of(SEVERAL, Given(output="features"))
    assert (named.output, named.classes, named.chosen) == ("features", 64, "")


@pytest.mark.parametrize("told", [Given(data="digits"), Given(class_names=tuple("abcdefghij"))])
def test_the_only_one_of_the_right_width_is_taken_and_said(told: Given) -> None:
    chosen = Signature.of(SEVERAL, told)
    assert (chosen.output, chosen.classes) == ("probs", 10)
    assert chosen.chosen == "takes its output probs, of features, probs, map"


@pytest.mark.parametrize("shape", [(None, 3, 1, 1), (None, 1, 1, 3), (None, 1, 3)])
def test_sides_of_one_are_no_rows(shape: tuple[int | None, ...]) -> None:
    tensor, _ = find_output(faked(IMAGES, outputs=(("out", shape),)))
    assert classes_of(tensor) == 3
    values = np.arange(6.0).reshape(2, *shape[1:])
    assert as_rows(values).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_width_that_is_free_is_not_known() -> None:
    tensor, _ = find_output(faked(IMAGES, outputs=(("out", (None, "classes")),)))
    assert classes_of(tensor) is None


def test_values_for_each_place_are_left_as_they_are() -> None:
    assert as_rows(np.zeros((2, 3, 4, 4))).shape == (2, 3, 4, 4)
