"""What is drawn of a training's history, on a plot and on a page alike."""

from dataclasses import replace

from tests.drawing.test_plots import EPOCH
from zoo.drawing.curves import panels

HELD = replace(EPOCH, validation_loss=1.5, validation_accuracy=0.5)


def test_accuracy_in_percent_and_loss_over_epochs() -> None:
    accuracy, loss = panels([HELD, replace(HELD, epoch=1.5, train_accuracy=0.75)])
    assert [curve.points for curve in accuracy.curves] == [
        ((1, 25), (1.5, 75)),
        ((1, 50), (1.5, 50)),
    ]
    assert [curve.points for curve in loss.curves] == [((1, 2), (1.5, 2)), ((1, 1.5), (1.5, 1.5))]


def test_validation_is_shown_where_there_is_one() -> None:
    for panel in panels([EPOCH, HELD]):
        train, validation = panel.curves
        assert (train.name, validation.name) == ("train", "validation")
        assert (len(train.points), len(validation.points)) == (2, 1)
        assert train.slot != validation.slot
        assert (train.dashed, validation.dashed) == (False, True)
    assert [len(panel.curves) for panel in panels([EPOCH])] == [1, 1]


def test_so_few_points_that_no_line_shows_are_marked() -> None:
    for epochs, marked in ((1, True), (2, True), (3, False)):
        history = [replace(EPOCH, epoch=float(epoch)) for epoch in range(epochs)]
        assert panels(history)[0].curves[0].marked == marked
