"""Every image opens and shows what it should, also to those who see no colours."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from zoo.data import Dataset, Split
from zoo.drawing import plots
from zoo.drawing.latents import MOST_COLOURED
from zoo.drawing.projection import Projection
from zoo.errors import ZooError
from zoo.runs.history import EpochRow

EPOCH = EpochRow(
    epoch=1,
    step=10,
    lr=0.1,
    train_loss=2.0,
    train_accuracy=0.25,
    validation_loss=None,
    validation_accuracy=None,
    seconds=1.0,
    images_per_second=100.0,
)


@pytest.fixture
def png(tmp_path: Path) -> Path:
    return tmp_path / "image.png"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures behind the files: their texts and lines can be asked for."""
    figures: list[Figure] = []
    save = plots.save

    def keep(figure: Figure, path: Path) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(plots, "save", keep)
    return figures


def plain_images(*colours: tuple[int, ...]) -> np.ndarray:
    """One image of a single colour each, uint8 [N, 8, 8, C]."""
    return np.array(colours, dtype=np.uint8)[:, None, None, :].repeat(8, 1).repeat(8, 2)


def pixels(path: Path) -> np.ndarray:
    """uint8 [H, W, 3]; opening it fully is the proof that the file is whole."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def shows(path: Path, colour: tuple[int, int, int]) -> bool:
    """Whether a patch of exactly this colour is in the file."""
    return int((pixels(path) == colour).all(axis=2).sum()) > 100


def captions(figure: Figure) -> list[str]:
    """The words above its images, or above its parts."""
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    return titles or [text.get_text() for text in words(figure) if text.get_va() == "bottom"]


def words(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in axes.texts if text.get_text()]


def numbers_in(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def curve(axes: Axes, label: str) -> list[tuple[float, float]]:
    (line,) = [line for line in axes.get_lines() if line.get_label() == label]
    return [(float(x), float(y)) for x, y in line.get_xydata()]


def test_curves_hold_the_history(png: Path, drawn: list[Figure]) -> None:
    held = replace(EPOCH, validation_loss=1.5, validation_accuracy=0.5)
    later = replace(held, epoch=1.5, train_loss=1.0, train_accuracy=0.75, validation_accuracy=0.0)
    plots.draw_curves([held, later], png)
    accuracy, loss = drawn[0].axes
    assert curve(accuracy, "train (augmented)") == [(1, 25), (1.5, 75)]
    assert curve(accuracy, "validation") == [(1, 50), (1.5, 0)]
    assert curve(loss, "train (augmented)") == [(1, 2), (1.5, 1)]
    assert curve(loss, "validation") == [(1, 1.5), (1.5, 1.5)]
    assert pixels(png).std() > 0


def test_curves_are_told_apart_without_colour(png: Path, drawn: list[Figure]) -> None:
    plots.draw_curves([replace(EPOCH, validation_loss=1.0, validation_accuracy=0.5)], png)
    for axes in drawn[0].axes:
        styles = {line.get_linestyle() for line in axes.get_lines()}
        assert len(styles) == len(axes.get_lines()) == 2


def test_curves_without_validation_show_training_alone(png: Path, drawn: list[Figure]) -> None:
    plots.draw_curves([EPOCH], png)
    for axes in drawn[0].axes:
        (line,) = axes.get_lines()
        assert line.get_label() == "train (augmented)"
        assert line.get_marker() != "None"  # a line through one point would be invisible


def test_every_count_stands_in_its_cell(png: Path, drawn: list[Figure]) -> None:
    plots.draw_confusion(np.array([[90, 3], [0, 7]]), ["cat", "dog"], png)
    (axes,) = drawn[0].axes
    found = {text.get_position(): text.get_text() for text in axes.texts}
    assert found == {(0, 0): "90", (1, 0): "3", (1, 1): "7"}
    assert axes.get_title().startswith("Confusion matrix\n")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["cat", "dog"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    pixels(png)


def test_counts_stand_out_from_their_cells(png: Path, drawn: list[Figure]) -> None:
    plots.draw_confusion(np.array([[90, 10], [5, 5]]), ["cat", "dog"], png)
    colours = {text.get_text(): text.get_color() for text in drawn[0].axes[0].texts}
    assert colours == {"90": "white", "10": "black", "5": "black"}


def test_a_class_nobody_tested_is_an_empty_row(png: Path, drawn: list[Figure]) -> None:
    plots.draw_confusion(np.array([[4, 0], [0, 0]]), ["cat", "dog"], png)
    assert numbers_in(drawn[0].axes[0]) == ["4"]


def test_a_hundred_classes_make_a_map_without_words(png: Path, drawn: list[Figure]) -> None:
    names = [f"class {index}" for index in range(100)]
    plots.draw_confusion(np.diag(np.arange(1, 101)), names, png)
    (axes,) = drawn[0].axes
    assert numbers_in(axes) == []
    ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    assert not {tick.get_text() for tick in ticks} & set(names)
    assert max(pixels(png).shape) < 2500


NAMES = ["a$x^$", "price in $ and $\\bad$", "under_score", "{brace}", "100 %", "a\\b"]


def test_class_names_are_text_not_formulas(png: Path, drawn: list[Figure]) -> None:
    plots.draw_confusion(np.eye(len(NAMES), dtype=np.int64), NAMES, png)
    some = plain_images((9, 9, 9)).repeat(len(NAMES), axis=0)
    plots.draw_grid(some, NAMES, png, title=NAMES[0])
    plots.draw_predictions(some, NAMES, NAMES[::-1], png, title=NAMES[0])
    plots.draw_image(dataset(some[:1], NAMES[0]), 0, png)
    assert len(drawn) == 4


def test_letters_that_the_font_lacks_are_numbers_and_no_boxes(
    png: Path, drawn: list[Figure]
) -> None:
    """Matplotlib warns of each box, and a warning is an error here."""
    names, shown = ["猫", "été"], ["\\u732b", "été"]
    plots.draw_confusion(np.eye(2, dtype=np.int64), names, png)
    assert [tick.get_text() for tick in drawn[0].axes[0].get_yticklabels()] == shown
    some = plain_images((9, 9, 9), (9, 9, 9))
    plots.draw_grid(some, names, png, title=names[0])
    assert captions(drawn[1]) == shown
    assert drawn[1].get_suptitle() == shown[0]
    plots.draw_predictions(some, names, names[::-1], png, title=names[0])
    assert captions(drawn[2])[0] == f"✗ {shown[1]}\nis {shown[0]}"
    plots.draw_image(dataset(some[:1], names[0]), 0, png)
    assert shown[0] in captions(drawn[3])[0]


def test_a_grid_shows_every_image_under_its_caption(png: Path, drawn: list[Figure]) -> None:
    colours = [(200, 10, 10), (10, 200, 10), (10, 10, 200)]
    names = ["red", "green", "blue"]
    plots.draw_grid(plain_images(*colours), names, png, title="Colours", columns=2)
    assert captions(drawn[0]) == names
    assert drawn[0].get_suptitle() == "Colours"
    assert all(shows(png, colour) for colour in colours)


def test_a_grid_of_one_image(png: Path, drawn: list[Figure]) -> None:
    plots.draw_grid(plain_images((200, 10, 10)), ["red"], png)
    assert captions(drawn[0]) == ["red"]
    assert shows(png, (200, 10, 10))


def test_a_title_is_not_cut_off_by_a_single_image(png: Path, drawn: list[Figure]) -> None:
    title = "cnn-cifar10: images as the model sees them, 32x32"
    plots.draw_grid(plain_images((0, 128, 0)), ["frog"], png, title=title)
    (figure,) = drawn
    assert figure.texts[0].get_text() == title
    extent = figure.texts[0].get_window_extent()
    assert 0 < extent.x0 < extent.x1 < figure.bbox.width
    assert shows(png, (0, 128, 0))


def test_long_class_names_do_not_run_into_each_other(png: Path, drawn: list[Figure]) -> None:
    names = ["a class of things with a very long name", "another class with a very long name"]
    images = plain_images((0,), (1,))
    plots.draw_predictions(images, names, names[::-1], png, title="two", columns=2)
    (figure,) = drawn
    left, right = (text.get_window_extent() for text in words(figure) if text.get_va() == "bottom")
    assert 0 < left.x0 < left.x1 < right.x0 < right.x1 < figure.bbox.width
    assert captions(figure)[0] == "✗ another class with a v…\nis a class of things wit…"


def test_grey_images_keep_their_grey(png: Path) -> None:
    """Left to itself, matplotlib would stretch each image to black and white, in colours."""
    plots.draw_grid(plain_images((100,), (160,)), ["dark", "light"], png)
    assert shows(png, (100, 100, 100))
    assert shows(png, (160, 160, 160))


def test_right_and_wrong_are_told_apart_without_colour(png: Path, drawn: list[Figure]) -> None:
    some = plain_images((9, 9, 9), (9, 9, 9))
    notes = ["98%, image 0", "60%, image 7"]
    plots.draw_predictions(
        some, ["cat", "cat"], ["cat", "dog"], png, title="Test images", notes=notes
    )
    assert captions(drawn[0]) == ["✓ cat", "✗ dog\nis cat"]
    assert [text.get_text() for text in words(drawn[0]) if text.get_va() == "top"] == notes
    right, wrong = drawn[0].axes[0].patches
    assert wrong.get_linewidth() >= 2 * right.get_linewidth()
    assert to_hex(right.get_edgecolor()) != to_hex(wrong.get_edgecolor())
    pixels(png)


def test_one_grey_prediction_leaves_the_other_cells_empty(png: Path, drawn: list[Figure]) -> None:
    plots.draw_predictions(plain_images((160,)), ["7"], ["7"], png, title="Test images")
    assert captions(drawn[0]) == ["✓ 7"]
    (axes,) = drawn[0].axes
    assert (len(axes.images), len(axes.patches), len(words(drawn[0]))) == (1, 1, 1)
    assert shows(png, (160, 160, 160))


def test_words_and_images_of_a_grid_lie_apart(png: Path, drawn: list[Figure]) -> None:
    """Also where classes have names of several lines and images are no squares."""
    some = plain_images(*[(9, 9, 9)] * 10)[:, :5]
    labels = ["cat", "a name\nof lines"] * 5
    plots.draw_predictions(some, labels, ["cat"] * 10, png, title="T", notes=["99%, image 1"] * 10)
    figure = drawn[0]
    renderer = FigureCanvasAgg(figure).get_renderer()
    artists = [*words(figure), *figure.axes[0].images, figure._suptitle]
    boxes = [artist.get_window_extent(renderer) for artist in artists]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])
        assert figure.bbox.contains(box.x0, box.y0)
        assert figure.bbox.contains(box.x1, box.y1)


def dataset(images: np.ndarray, name: str = "cat") -> Dataset:
    split = Split(images, np.zeros(len(images), dtype=np.int64))
    blank = (0.0,) * images.shape[3]
    return Dataset("pets", (name, "other"), split, split, "", blank, blank)


def test_one_image_is_enlarged_beside_its_histogram(png: Path, drawn: list[Figure]) -> None:
    plots.draw_image(dataset(plain_images((0, 0, 0), (200, 10, 100))), 1, png)
    image, histogram = drawn[0].axes
    assert image.get_title() == "pets, training image 1: cat (8x8)"
    heights = {patch.get_label(): patch.get_data().values.tolist() for patch in histogram.patches}
    # 64 bins of 4 values: every one of the 64 pixels is in the bin of its value.
    assert {
        label: (np.flatnonzero(counts).tolist(), sum(counts)) for label, counts in heights.items()
    } == {
        "red": ([50], 64),
        "green": ([2], 64),
        "blue": ([25], 64),
    }
    assert len({patch.get_linestyle() for patch in histogram.patches}) == 3
    assert shows(png, (200, 10, 100))


def test_a_grey_image_has_one_histogram(png: Path, drawn: list[Figure]) -> None:
    plots.draw_image(dataset(plain_images((255,))), 0, png)
    assert [patch.get_label() for patch in drawn[0].axes[1].patches] == ["grey"]
    assert drawn[0].axes[1].patches[0].get_data().values[-1] == 64


def draw_a_grid(path: Path) -> None:
    plots.draw_grid(plain_images((9, 9, 9)), ["one"], path)


@pytest.mark.parametrize(
    "draw",
    [
        draw_a_grid,
        lambda path: plots.draw_curves([EPOCH], path),
        lambda path: plots.draw_confusion(np.eye(2, dtype=np.int64), ["a", "b"], path),
        lambda path: plots.draw_image(dataset(plain_images((9, 9, 9))), 0, path),
        lambda path: plots.draw_predictions(plain_images((9, 9, 9)), ["a"], ["a"], path, title=""),
    ],
    ids=["grid", "curves", "confusion", "image", "predictions"],
)
def test_a_full_disk_keeps_the_old_image(
    png: Path, monkeypatch: pytest.MonkeyPatch, draw: Callable[[Path], None]
) -> None:
    def half(figure: Figure, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    draw(png)
    before = png.read_bytes()
    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(ZooError, match="disk is full"):
        draw(png)
    assert png.read_bytes() == before
    assert list(png.parent.iterdir()) == [png]


def test_the_same_image_gives_the_same_bytes(png: Path) -> None:
    draw_a_grid(png)
    before = png.read_bytes()
    draw_a_grid(png)
    assert png.read_bytes() == before


def a_map(classes: int) -> Projection:
    """An image or more of each class, on a spiral."""
    labels = np.arange(max(classes, 40)) % classes
    turn = np.arange(len(labels)) / 7
    points = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1)
    return Projection(points, labels, tuple(f"_class ${n}$" for n in range(classes)), ("x", "y"))


@pytest.mark.parametrize(("classes", "entries"), [(1, 1), (10, 10), (100, MOST_COLOURED + 1)])
def test_a_map_names_each_class_that_it_shows_in_a_look_of_its_own(
    png: Path, drawn: list[Figure], classes: int, entries: int
) -> None:
    plots.draw_projection(a_map(classes), 9000, png)
    (figure,) = drawn
    (axes,) = figure.axes
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert len(words) == len(set(words)) == entries
    assert words[0].startswith("_class $")
    if classes == 100:
        assert words[-1] == f"{100 - MOST_COLOURED} other classes"
    looks = {
        (to_hex(mark.get_edgecolor()[0]), len(mark.get_facecolor()))
        for mark in axes.collections
        if len(mark.get_offsets())
    }
    assert len(looks) == entries
    shown = sum(len(mark.get_offsets()) for mark in axes.collections)
    assert shown == max(classes, 40)
    assert f"{max(classes, 40)} of 9,000 test images" in axes.get_title()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    before = png.read_bytes()
    plots.draw_projection(a_map(classes), 9000, png)
    assert png.read_bytes() == before
