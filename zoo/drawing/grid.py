"""Images in rows, with words above and below each, in one plot area for all of them.

An area for each, laid out by measuring all texts, takes several times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zoo.data.dataset import Images

CAPTION, NOTE = 8, 7  # points
_LINE = 1.3 / 72  # inches of a line of text, for each point of its letters
_SIDE, _GAP, _PAD, _TITLE = 1.45, 0.12, 0.07, 0.4  # inches
_LETTER = 0.1  # inches of a letter of the title
_LONGEST = 25  # letters of a line above an image; what is longer runs into the next one


@dataclass(frozen=True)
class Cell:
    """An image with its words, which the font can draw."""

    image: Images  # uint8 [H, W, C]
    caption: str
    note: str = ""
    colour: str = "black"  # of caption and frame
    frame: float = 0.0  # points


def grid(cells: Sequence[Cell], columns: int, title: str) -> Figure:
    """A figure of the cells, in rows of so many."""
    rows = -(-len(cells) // columns)
    head = _PAD + max(_height(cell.caption, CAPTION) for cell in cells)
    foot = _PAD + max(_height(cell.note, NOTE) for cell in cells)
    inner = columns * (_SIDE + _GAP) + _GAP
    width = max(inner, len(title) * _LETTER)
    left = (width - inner) / 2 + _GAP
    height = _TITLE + rows * (head + _SIDE + foot + _PAD)
    figure = Figure(figsize=(width, height))
    figure.suptitle(title, y=1 - 0.1 / height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        top = _TITLE + head + row * (head + _SIDE + foot + _PAD)
        _draw(axes, cell, left + column * (_SIDE + _GAP), top)
    axes.set(xlim=(0, width), ylim=(height, 0))  # in inches, downwards
    return figure


def _draw(axes: Axes, cell: Cell, left: float, top: float) -> None:
    """A cell whose image fills a square that begins there, along its longer side."""
    tall, wide = (_SIDE * size / max(cell.image.shape[:2]) for size in cell.image.shape[:2])
    left += (_SIDE - wide) / 2
    top += (_SIDE - tall) / 2
    show(axes, cell.image, (left, left + wide, top + tall, top))
    if cell.frame:
        frame = Rectangle((left, top), wide, tall, fill=False)
        frame.set(edgecolor=cell.colour, linewidth=cell.frame)
        axes.add_patch(frame)
    centre = left + wide / 2
    axes.text(
        *(centre, top - _PAD, _shortened(cell.caption)),
        ha="center",
        va="bottom",
        fontsize=CAPTION,
        color=cell.colour,
    )
    axes.text(centre, top + tall + _PAD, cell.note, ha="center", va="top", fontsize=NOTE)


def show(
    axes: Axes, image: Images, extent: tuple[float, float, float, float] | None = None
) -> None:
    """An image in its own colours, at its place: left, right, bottom and top."""
    grey = image.shape[-1] == 1
    look: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if grey else {}
    shown = image[..., 0] if grey else image
    axes.imshow(shown, extent=extent, aspect="equal" if extent is None else "auto", **look)


def _shortened(words: str) -> str:
    lines = words.split("\n")
    return "\n".join(one if len(one) <= _LONGEST else f"{one[: _LONGEST - 1]}…" for one in lines)


def _height(words: str, size: float) -> float:
    return (words.count("\n") + 1) * size * _LINE if words else 0.0
