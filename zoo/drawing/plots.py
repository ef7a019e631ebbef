"""The PNG plots of the zoo, one function each: curves, confusion matrices, grids of images.

Figures are made without pyplot, so there is no global state and no display is needed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zoo.data import Dataset
from zoo.data.dataset import Images
from zoo.drawing import confusion, curves, latents, palette
from zoo.drawing.grid import Cell, grid, show
from zoo.drawing.projection import Projection
from zoo.files import atomic
from zoo.marks import MARK
from zoo.runs.history import EpochRow

COLOURS = palette.ON_LIGHT
BLUE, ORANGE = COLOURS[palette.BLUE], COLOURS[palette.ORANGE]
_LONGEST_NAME = 24


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a class may be called "$5 and $10"
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": MARK})


def drawable(text: str) -> str:
    """The text; what the font lacks, or what only steers, as numbers such as `\\u732b`.

    A box tells no class apart. Whatever a file brought goes through here on its way into a plot.
    """
    font = get_font(findfont(FontProperties()))
    return "".join(
        letter
        if letter == "\n" or (letter.isprintable() and font.get_char_index(ord(letter)))
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def draw_curves(rows: Sequence[EpochRow], path: Path) -> None:
    """Accuracy and loss against epochs, beside each other."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = curves.panels(rows)
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for curve in panel.curves:
            _curve(axes, curve)
        axes.set(xlabel=curves.EPOCHS, ylabel=panel.unit, title=panel.title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    save(figure, path)


def _curve(axes: Axes, curve: curves.Curve) -> None:
    axes.plot(
        [x for x, _ in curve.points],
        [y for _, y in curve.points],
        "--" if curve.dashed else "-",
        color=COLOURS[curve.slot],
        label=f"{curve.name} ({curve.note})" if curve.note else curve.name,
        marker="o" if curve.marked else None,
    )


def draw_confusion(
    counts: NDArray[np.int64], names: Sequence[str], path: Path, title: str = "Confusion matrix"
) -> None:
    """A confusion matrix, counts [true, predicted]; with numbers where they are readable."""
    matrix = confusion.Confusion.of(names, counts.tolist())
    side = max(5.0, min(16.0, 0.62 * len(names) + 2))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    cells = list(matrix.cells())
    shades = np.array([cell.shade for cell in cells]).reshape(counts.shape)
    blues = LinearSegmentedColormap.from_list("blues", ["white", BLUE])
    axes.imshow(shades, cmap=blues, vmin=0, vmax=1)
    axes.set(xlabel=confusion.PREDICTED, ylabel=confusion.TRUE)
    axes.set_title(drawable(f"{title}\n{confusion.SHADES}"), fontsize=9)
    if matrix.is_named:
        ticks = range(len(names))
        shown = list(map(drawable, names))
        axes.set_xticks(ticks, shown, rotation=45, ha="right")
        axes.set_yticks(ticks, shown)
        for cell in filter(lambda cell: cell.count, cells):
            axes.text(
                *(cell.predicted, cell.true, str(cell.count)),
                ha="center",
                va="center",
                color="white" if cell.is_dark else "black",
                fontsize=8,
            )
    save(figure, path)


def draw_projection(projection: Projection, images: int, path: Path) -> None:
    """A map of latents, one marker per image, coloured by class; images: size of the test set."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots()
    for look, chosen in latents.layers(projection):
        points = projection.points[chosen]
        axes.scatter(points[:, 0], points[:, 1], **_mark(look))
    keys = latents.legend(projection)
    handles = [axes.scatter([], [], **_mark(look)) for look, _ in keys]
    legend = figure.legend(
        handles, [" "] * len(keys), loc="outside right upper", frameon=False, markerscale=1.5
    )
    for text, (_, words) in zip(legend.get_texts(), keys, strict=True):
        # Afterwards, as a legend leaves out names that begin with "_".
        text.set_text(drawable(_short(words)))
    axes.set(xlabel=drawable(projection.axes[0]), ylabel=drawable(projection.axes[1]))
    title = (
        f"Latents of {len(projection.labels):,} of {images:,} test images: "
        "their first two principal components"
    )
    coloured = [look for look, _ in keys if look != latents.OTHERS]
    if len(coloured) < len(keys):
        title += f"\nIn colours: the {len(coloured)} classes whose centres are farthest out"
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    save(figure, path)


def _mark(look: latents.Look) -> dict[str, Any]:
    if look.slot is None:
        return {"s": 8, "color": palette.QUIET_ON_LIGHT, "linewidths": 0, "zorder": 1}
    colour = COLOURS[look.slot]
    mark = {"s": 14, "zorder": 2, "edgecolors": colour}
    if look.filled:
        return mark | {"marker": "o", "facecolors": colour, "linewidths": 0}
    return mark | {"marker": "s", "facecolors": "none", "linewidths": 1}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def draw_grid(
    images: Images, captions: Sequence[str], path: Path, *, title: str = "", columns: int = 8
) -> None:
    """Images uint8 [N, H, W, C] in rows, each with its caption above."""
    shown = zip(images, captions, strict=False)
    cells = [Cell(image, drawable(caption)) for image, caption in shown]
    save(grid(cells, min(columns, len(cells)), drawable(title)), path)


def draw_predictions(
    images: Images,
    labels: Sequence[str],
    predictions: Sequence[str],
    path: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    columns: int = 8,
) -> None:
    """Images with their predictions; a wrong one has a cross, a thick frame and its label.

    notes: a line below each image.
    """
    told = zip(images, labels, predictions, notes or [""] * len(images), strict=True)
    cells = [_predicted(*one) for one in told]
    save(grid(cells, columns, drawable(title)), path)


def _predicted(image: Images, label: str, predicted: str, note: str) -> Cell:
    if label == predicted:
        return Cell(image, drawable(f"✓ {predicted}"), drawable(note), BLUE, frame=1)
    words = drawable(f"✗ {predicted}\nis {label}")
    return Cell(image, words, drawable(note), ORANGE, frame=3)


def draw_image(data: Dataset, index: int, path: Path) -> None:
    """One training image enlarged, with its label and a histogram of each channel."""
    image = data.train.images[index]
    name = data.class_names[int(data.train.labels[index])]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panel, histogram = figure.subplots(1, 2)
    show(panel, image)
    height, width, channels = image.shape
    title = f"{data.name}, training image {index}: {name} ({width}x{height})"
    panel.set_title(drawable(title))
    panel.set_axis_off()
    # A line style each: the channels are told apart without their colours too.
    looks = (
        [("red", ORANGE, "-"), ("green", "#009e73", "--"), ("blue", BLUE, ":")]
        if channels == 3
        else [("grey", "black", "-")]
    )
    for channel, (label, colour, style) in enumerate(looks):
        counts = np.bincount(image[..., channel].ravel(), minlength=256)
        bins = counts.reshape(64, 4).sum(axis=1)
        histogram.stairs(bins, np.arange(0, 257, 4), color=colour, linestyle=style, label=label)
    histogram.set(xlabel="pixel value", ylabel="pixels", title="Histogram of each channel")
    histogram.legend()
    histogram.grid(alpha=0.3)
    save(figure, path)
