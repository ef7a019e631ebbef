"""Which images are meant by files and folders, and what is said of those that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.factories import Told
from zoo.data import loose
from zoo.data.loose import find_images, read_image
from zoo.errors import ZooError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images at two depths, and what is not one: hidden, of a Mac's zip, a text."""
    folder = tmp_path / "images"
    places = ("c.JPG", "b/a.png", "b/z.png", ".hidden/a.png", "__MACOSX/a.png", ".a.png")
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 2), (200, 100, 0)).save(folder / place)
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_folder_is_walked_in_order_without_what_is_hidden(folder: Path) -> None:
    told = Told()
    found = find_images([folder], told)
    assert [path.relative_to(folder).as_posix() for path in found] == [
        "c.JPG",
        "b/a.png",
        "b/z.png",
    ]
    (line,) = told.lines
    assert line.startswith(f"{folder}: 1 of 4 files skipped, which are not .bmp")


def test_files_keep_their_order_whatever_they_are_called(folder: Path) -> None:
    asked = [folder / "notes.txt", folder / "c.JPG", folder / "c.JPG"]
    assert find_images(asked, Told()) == asked


def test_an_empty_folder_stands_for_itself_beside_others(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert find_images([empty, folder / "c.JPG"], Told()) == [empty, folder / "c.JPG"]
    with pytest.raises(ZooError, match=r"there is no image file, and no folder .* named .*empty"):
        find_images([empty], Told())


def test_an_image_is_shown_in_the_shape_that_is_asked_for(folder: Path) -> None:
    found = read_image(folder / "b" / "a.png", (4, 5, 3))
    assert found.problem == ""
    assert found.pixels is not None
    assert (found.pixels.dtype, found.pixels.shape) == (np.uint8, (4, 5, 3))
    grey = read_image(folder / "b" / "a.png", (4, 5, 1)).pixels
    assert grey is not None
    assert grey.shape == (4, 5, 1)


def test_what_cannot_be_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, problem in (
        (folder / "notes.txt", "not an image (BMP, JPEG, PNG, WEBP)"),
        (folder / "b", "no images in this folder"),
        (folder / "gone.png", "No such file or directory"),
    ):
        found = read_image(path, (4, 5, 3))
        assert found.pixels is None
        assert problem in found.problem

    def full(encoded: bytes, channels: int) -> None:
        raise MemoryError

    monkeypatch.setattr(loose, "decode", full)
    assert "memory" in read_image(folder / "c.JPG", (4, 5, 3)).problem
