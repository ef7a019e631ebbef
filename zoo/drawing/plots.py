"""The plots of the zoo: curves, confusion matrices, grids of images; a PNG a function.

Figures are made without pyplot, so that nothing global is touched and no screen is needed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from numpy.typing import NDArray

from zoo.data import Dataset
from zoo.data.dataset import Images
from zoo.drawing.projection import Projection
from zoo.files import atomic
from zoo.marks import MARK
from zoo.runs.history import EpochRow

# Blue and orange of the Okabe-Ito set: told apart by every kind of colour vision.
BLUE, ORANGE = "#0072b2", "#d55e00"
# Told apart by every kind of colour vision; the page of `report` begins with the same.
CLASS_COLOURS = ("#0072b2", "#c24e00", "#007a5a", "#a8447f", "#856200", "#5a4fb0")
GREY = "#cdd3d9"
_MAX_LABELLED_CLASSES = 25
_LAYERS = 10
_OTHERS: dict[str, Any] = {"s": 8, "color": GREY, "linewidths": 0, "zorder": 1}
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
    """Accuracy and loss against epochs, for training and, where there is one, validation."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    accuracy, loss = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    _curve(accuracy, epochs, [100 * row.train_accuracy for row in rows], "train (augmented)", BLUE)
    _curve(loss, epochs, [row.train_loss for row in rows], "train (augmented)", BLUE)
    held = [row for row in rows if row.validation_accuracy is not None]
    if held:
        at = [row.epoch for row in held]
        shares = [100 * (row.validation_accuracy or 0) for row in held]
        _curve(accuracy, at, shares, "validation", ORANGE, dashed=True)
        _curve(
            loss, at, [row.validation_loss or 0 for row in held], "validation", ORANGE, dashed=True
        )
    accuracy.set(xlabel="epoch", ylabel="accuracy, %", title="Accuracy")
    loss.set(xlabel="epoch", ylabel="cross-entropy", title="Loss")
    for axes in (accuracy, loss):
        axes.grid(alpha=0.3)
        axes.legend()
    save(figure, path)


def _curve(
    axes: Axes, x: list[float], y: list[float], label: str, colour: str, dashed: bool = False
) -> None:
    style = "--" if dashed else "-"
    axes.plot(x, y, style, color=colour, label=label, marker="o" if len(x) < 3 else None)


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str], path: Path) -> None:
    """A confusion matrix, counts [true, predicted]; with numbers where they are readable."""
    side = max(5.0, min(16.0, 0.62 * len(names) + 2))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix (counts)")
    if len(names) <= _MAX_LABELLED_CLASSES:
        ticks = range(len(names))
        shown = list(map(drawable, names))
        axes.set_xticks(ticks, shown, rotation=45, ha="right")
        axes.set_yticks(ticks, shown)
        for true, predicted in np.ndindex(counts.shape):
            colour = "white" if shares[true, predicted] > 0.5 else "black"
            text = str(counts[true, predicted])
            axes.text(predicted, true, text, ha="center", va="center", color=colour, fontsize=8)
    save(figure, path)


def draw_projection(projection: Projection, images: int, path: Path) -> None:
    """A map of latents, a mark an image, coloured by class; images: in the whole test set.

    The colours come twice, the second time as open squares; classes beyond that are grey.
    """
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots()
    coloured, names = projection.coloured(), projection.classes
    grey = len(np.unique(projection.labels)) - len(coloured)
    # A layer after the other, so that no class hides what lies under it.
    for layer in np.array_split(np.arange(len(projection.labels)), _LAYERS):
        points, labels = projection.points[layer], projection.labels[layer]
        others = points[~np.isin(labels, coloured)]
        axes.scatter(others[:, 0], others[:, 1], **_OTHERS)
        for slot, label in enumerate(coloured):
            of_class = points[labels == label]
            axes.scatter(of_class[:, 0], of_class[:, 1], **_class_look(slot))
    handles = [axes.scatter([], [], **_class_look(slot)) for slot in range(len(coloured))]
    words = [drawable(_short(names[label])) for label in coloured]
    if grey:
        handles.append(axes.scatter([], [], **_OTHERS))
        words.append(f"{grey} other classes")
    legend = figure.legend(
        handles, [" "] * len(words), loc="outside right upper", frameon=False, markerscale=1.5
    )
    for text, word in zip(legend.get_texts(), words, strict=True):
        text.set_text(word)  # afterwards, as a legend leaves out names that begin with "_"
    axes.set(xlabel=drawable(projection.axes[0]), ylabel=drawable(projection.axes[1]))
    title = (
        f"Latents of {len(projection.labels):,} of {images:,} test images: "
        "their first two principal components"
    )
    if grey:
        title += f"\nIn colours: the {len(coloured)} classes whose middles lie furthest out"
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    save(figure, path)


def _class_look(slot: int) -> dict[str, Any]:
    colour = CLASS_COLOURS[slot % len(CLASS_COLOURS)]
    look = {"s": 14, "zorder": 2, "edgecolors": colour}
    if slot < len(CLASS_COLOURS):
        return look | {"marker": "o", "facecolors": colour, "linewidths": 0}
    return look | {"marker": "s", "facecolors": "none", "linewidths": 1}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def draw_grid(
    images: Images, captions: Sequence[str], path: Path, *, title: str = "", columns: int = 8
) -> None:
    """Images uint8 [N, H, W, C] in rows, each with its caption above."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.45 * columns, 1.75 * rows + 0.5), layout="constrained")
    figure.suptitle(drawable(title))
    cells = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes in cells:
        axes.set_axis_off()
    for axes, image, caption in zip(cells, images, captions, strict=False):
        _show(axes, image)
        axes.set_title(drawable(caption), fontsize=8)
    save(figure, path)


def draw_predictions(
    images: Images,
    labels: Sequence[str],
    predictions: Sequence[str],
    path: Path,
    *,
    title: str,
    columns: int = 8,
) -> None:
    """Images with their predictions; a wrong one has a cross, a thick frame and its label."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.6 * columns, 2.0 * rows + 0.5), layout="constrained")
    figure.suptitle(drawable(title))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells[len(images) :]:
        axes.set_axis_off()
    for axes, image, label, predicted in zip(cells, images, labels, predictions, strict=False):
        right = label == predicted
        colour = BLUE if right else ORANGE
        _show(axes, image)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=colour, linewidth=1 if right else 3)
        text = f"✓ {predicted}" if right else f"✗ {predicted}\nis {label}"
        axes.set_title(drawable(text), fontsize=8, color=colour)
    save(figure, path)


def draw_image(data: Dataset, index: int, path: Path) -> None:
    """One training image enlarged, with its label and a histogram of each channel."""
    image = data.train.images[index]
    name = data.class_names[int(data.train.labels[index])]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panel, histogram = figure.subplots(1, 2)
    _show(panel, image)
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


def _show(axes: Axes, image: Images) -> None:
    if image.shape[-1] == 1:
        axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255)
    else:
        axes.imshow(image)
