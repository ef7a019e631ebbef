"""What each layer makes of one image, as a PNG with a row for each layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.drawing.inside import RULE, Statistics, Step, View
from zoo.drawing.plots import BLUE, ORANGE, drawable, save
from zoo.drawing.tiles import coloured, in_colours, sheet, smaller

_WIDTH, _HEAD, _ROW = 11.0, 2.3, 0.72  # inches
_NAMES = 2.6  # inches, for what stands before a row
_MOST_ROWS, _TILES, _SIDE, _BARS = 200, 16, 64, 512
_LONGEST_NAME = 28


def draw_layers(views: Sequence[View], path: Path) -> None:
    """The image and the answer above, then each layer's strongest channels, or its values.

    With several models, each has a column.
    """
    height = _HEAD + _ROW * max(len(view.steps[:_MOST_ROWS]) for view in views) + 0.3
    figure = Figure(figsize=(_WIDTH * len(views), height))
    for at, view in enumerate(views):
        _draw_column(_Column(figure, _WIDTH * at), view)
    save(figure, path)


@dataclass(frozen=True)
class _Column:
    """A column of a figure, in inches from its left and top."""

    figure: Figure
    left: float

    def axes_at(self, left: float, top: float, wide: float, high: float) -> Axes:
        """Axes without a frame."""
        width, height = self.figure.get_size_inches()
        bounds = (
            (self.left + left) / width,
            1 - (top + high) / height,
            wide / width,
            high / height,
        )
        axes = self.figure.add_axes(bounds)
        axes.set_axis_off()
        return axes

    def write(self, left: float, top: float, text: str, size: float, colour: str = "black") -> None:
        """Write text below a position."""
        width, height = self.figure.get_size_inches()
        place = ((self.left + left) / width, 1 - top / height)
        self.figure.text(*place, drawable(text), fontsize=size, color=colour, va="top")


def _draw_column(column: _Column, view: View) -> None:
    column.write(0.2, 0.12, f"Inside {view.title}", 13)
    column.write(0.2, 0.4, view.origin, 9, "#57606a")
    if view.image is not None:
        grey = view.image.shape[-1] == 1
        column.axes_at(0.2, 0.65, 1.4, 1.4).imshow(
            view.image[..., 0] if grey else view.image,
            cmap="gray" if grey else None,
            vmin=0,
            vmax=255,
        )
    for at, (name, share) in enumerate(view.guesses):
        top = 0.7 + 0.25 * at
        column.write(_NAMES, top, f"{_short(name)}  {share:.1%}", 9)
        axes = column.axes_at(_NAMES + 2.4, top, 2.5, 0.15)
        axes.barh([0], [share], color=BLUE)
        axes.set_xlim(0, 1)
    most = min(view.channels, _TILES)
    column.write(_NAMES, 2.0, f"Up to {most} channels of each: {RULE}.", 8, "#57606a")
    for at, step in enumerate(view.steps[:_MOST_ROWS]):
        top = _HEAD + _ROW * at
        column.write(0.2, top, _short(step.name), 9)
        column.write(0.2, top + 0.18, f"{step.kind}, {step.shape}", 8, "#57606a")
        _draw(column.axes_at(_NAMES, top, _WIDTH - _NAMES - 0.2, _ROW - 0.14), step, most)


def _draw(axes: Axes, step: Step, channels: int) -> None:
    found = Statistics.of(step.values)
    most = max(abs(found.low), abs(found.high))
    vector = step.vector()
    if vector is not None:
        shown = vector[:_BARS]
        edges = np.arange(len(shown) + 1)
        axes.stairs(np.maximum(shown, 0), edges, fill=True, color=ORANGE)
        axes.stairs(np.minimum(shown, 0), edges, fill=True, color=BLUE)
        axes.set_xlim(0, max(1, len(shown)))
        return
    chosen = step.maps(channels)
    if chosen is None:
        axes.text(0, 0.5, "a tensor with this many axes is not drawn", fontsize=8)
        return
    tiles = sheet(coloured(smaller(chosen[0], _SIDE), most), _TILES)
    axes.imshow(in_colours(tiles), interpolation="nearest")
    axes.set_anchor("W")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
