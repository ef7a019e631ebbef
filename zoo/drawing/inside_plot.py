"""One image on its way through a model as a PNG: a row for each layer."""

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


def draw_layers(view: View, path: Path) -> None:
    """The image and the answer above, then each layer's strongest channels, or its values."""
    steps = view.steps[:_MOST_ROWS]
    height = _HEAD + _ROW * len(steps) + 0.3
    figure = Figure(figsize=(_WIDTH, height))

    def axes_at(left: float, top: float, wide: float, high: float) -> Axes:
        """Inches from the left and from above."""
        bounds = (left / _WIDTH, 1 - (top + high) / height, wide / _WIDTH, high / height)
        axes = figure.add_axes(bounds)
        axes.set_axis_off()
        return axes

    def write(left: float, top: float, text: str, size: float, colour: str = "black") -> None:
        place = (left / _WIDTH, 1 - top / height)
        figure.text(*place, drawable(text), fontsize=size, color=colour, va="top")

    write(0.2, 0.12, view.title, 13)
    write(0.2, 0.4, view.origin, 9, "#57606a")
    grey = view.image.shape[-1] == 1
    axes_at(0.2, 0.65, 1.4, 1.4).imshow(
        view.image[..., 0] if grey else view.image, cmap="gray" if grey else None, vmin=0, vmax=255
    )
    for at, (name, share) in enumerate(view.guesses):
        top = 0.7 + 0.25 * at
        write(_NAMES, top, f"{_short(name)}  {share:.1%}", 9)
        axes = axes_at(_NAMES + 2.4, top, 2.5, 0.15)
        axes.barh([0], [share], color=BLUE)
        axes.set_xlim(0, 1)
    most = min(view.channels, _TILES)
    write(_NAMES, 2.0, f"Up to {most} channels of each: {RULE}.", 8, "#57606a")
    for at, step in enumerate(steps):
        top = _HEAD + _ROW * at
        write(0.2, top, _short(step.name), 9)
        write(0.2, top + 0.18, f"{step.kind}, {step.shape}", 8, "#57606a")
        _draw(axes_at(_NAMES, top, _WIDTH - _NAMES - 0.2, _ROW - 0.14), step, most)
    save(figure, path)


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
        axes.text(0, 0.5, "a tensor of so many axes is not drawn", fontsize=8)
        return
    tiles = sheet(coloured(smaller(chosen[0], _SIDE), most), _TILES)
    axes.imshow(in_colours(tiles), interpolation="nearest")
    axes.set_anchor("W")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
