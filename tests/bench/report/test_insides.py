"""Charts of how the measured models came to be: what they show comes from `zoo.drawing`."""

import re
from pathlib import Path

import pytest

from bench.report.insides import confusions, curves
from bench.report.models import Training
from zoo.drawing.confusion import Confusion
from zoo.runs.history import EpochRow


def history(epochs: int) -> list[EpochRow]:
    return [
        EpochRow(float(epoch), epoch, 0.1, 2 / epoch, 0.5, 1.0, 0.6, 1.0, 100.0)
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize(("epochs", "marks"), [(1, 2), (2, 4), (3, 0)])
def test_a_training_of_so_few_epochs_that_no_line_shows_has_marks(epochs: int, marks: int) -> None:
    section = curves([Training("mlp-digits", history(epochs), None, None)])
    assert section is not None
    accuracy, loss = section.body.split("<figcaption>")[1:]
    assert accuracy.startswith("mlp-digits: accuracy")
    for drawn in (accuracy, loss):
        assert drawn.count("<circle") == marks
        assert re.findall(r'class="label name (s\d)', drawn) == ["s0", "s1"]


def test_a_matrix_is_shaded_by_its_shares() -> None:
    matrix = Confusion.of(("cat", "dog"), [[96, 4], [0, 0]])
    section = confusions([Training("mlp-digits", [], matrix, None)], Path())
    assert section is not None
    shades = re.findall(r'fill-opacity="([\d.]+)"', section.body)
    assert shades == [f"{cell.shade:.2f}" for cell in matrix.cells() if cell.count]
    assert "cat predicted as dog: 4 (4.0%)" in section.body


def test_a_matrix_leads_to_the_page_of_its_test(tmp_path: Path) -> None:
    matrix = Confusion.of(("cat", "dog"), [[96, 4], [0, 0]])
    page = tmp_path / "results" / "mlp digits" / "test.html"
    section = confusions([Training("mlp", [], matrix, None, page)], tmp_path / "reports")
    assert section is not None
    assert 'href="../results/mlp%20digits/test.html"' in section.body
