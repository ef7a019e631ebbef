"""The training curves, prepared from the history for every kind of drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.drawing.markup import Markup
from zoo.drawing.palette import BLUE, ORANGE
from zoo.drawing.series import Series, draw_series
from zoo.drawing.svg import symbol
from zoo.runs.history import EpochRow

LOSS = "cross-entropy, with the label smoothing of the recipe"
EPOCHS = "epoch"  # what both panels go along
_FEW = 3  # below this many points, a line without markers is hard to see


@dataclass(frozen=True)
class Curve:
    """A line of a panel."""

    name: str
    note: str  # what its figures are of, where that does not go without saying
    points: tuple[tuple[float, float], ...]  # epoch and value
    slot: int  # of its colour
    dashed: bool  # so that it is told apart without its colour

    @property
    def marked(self) -> bool:
        """Whether each point has a marker."""
        return len(self.points) < _FEW


@dataclass(frozen=True)
class Panel:
    """Curves over one scale."""

    title: str
    unit: str  # what its vertical axis counts
    curves: tuple[Curve, ...]


def panels(history: Sequence[EpochRow]) -> tuple[Panel, Panel]:
    """Accuracy and loss over epochs, for training and, where there is one, validation."""
    return (
        Panel("Accuracy", "accuracy, %", _curves(history, "accuracy", 100)),
        Panel("Loss", LOSS, _curves(history, "loss", 1)),
    )


def _curves(history: Sequence[EpochRow], what: str, scale: float) -> tuple[Curve, ...]:
    train, validation = (
        tuple(
            (row.epoch, scale * value)
            for row in history
            if (value := getattr(row, f"{part}_{what}")) is not None
        )
        for part in ("train", "validation")
    )
    shown = [Curve("train", "augmented", train, BLUE, dashed=False)]
    if validation:
        shown.append(Curve("validation", "", validation, ORANGE, dashed=True))
    return tuple(shown)


def draw_panel(panel: Panel) -> Markup:
    """In SVG, for a page."""
    about = f"Training: {panel.title.lower()} over epochs"
    series = [_series(curve) for curve in panel.curves]
    return draw_series(series, about=about, x_label=EPOCHS, y_label=panel.unit)


def _series(curve: Curve) -> Series:
    colour = f"s{curve.slot}"

    def mark(x: float, y: float) -> Markup:
        return symbol("circle", x, y, f"mark solid {colour}", 2.5)

    return Series(
        curve.name, curve.points, colour, curve.dashed, mark=mark if curve.marked else None
    )
