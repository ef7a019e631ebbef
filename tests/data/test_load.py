"""`load`: one dataset whatever it came in, its views, its statistics, its unreadable images."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.factories import Told
from zoo.data import Dataset, load
from zoo.data.arrays import SIZE_SAMPLE
from zoo.errors import UsageError

Same = Callable[[Dataset, Dataset], bool]


def test_writing_into_the_images_does_not_reach_the_cache(make: Any, tmp_path: Path) -> None:
    folder = str(make.folder(tmp_path / "farm", make.images()))
    before = load(folder).train.images.copy()
    load(folder).train.images[:] = 7
    assert np.array_equal(load(folder).train.images, before)


def test_a_folder_becomes_arrays_in_canonical_order(make: Any, tmp_path: Path) -> None:
    images = make.images()
    data = load(str(make.folder(tmp_path / "farm", images)))
    assert data.name == "farm"
    assert data.class_names == ("ant", "bee", "cow")
    assert data.image_shape == (6, 8, 3)
    assert (len(data.train), len(data.test)) == (15, 6)
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.dtype == np.int64
    for split in ("train", "test"):
        part = getattr(data, split)
        hashes = [_hash(image) for image in part.images]
        assert hashes == sorted(hashes)
        for label, name in enumerate(data.class_names):
            mine = {image.tobytes() for image in part.images[part.labels == label]}
            assert mine == {image.tobytes() for image in images[split][name]}


def _hash(pixels: np.ndarray) -> bytes:
    from zoo.data.pixels import content_hash

    return content_hash(pixels)


def test_neither_container_nor_file_order_matters(make: Any, tmp_path: Path, same: Same) -> None:
    images = make.images()
    first = load(str(make.folder(tmp_path / "a", images)))
    deflated = {"compression": zipfile.ZIP_DEFLATED, "top": "my images/"}
    extra = ("__MACOSX/my images/train/ant/._0.png", ".DS_Store", "my images/.hidden/x.png")
    for other in (
        make.folder(tmp_path / "b", images, ending="bmp", reverse=True),
        make.folder(tmp_path / "c", images, ending="webp"),
        make.zip(tmp_path / "stored.zip", images),
        make.zip(tmp_path / "deflated.zip", images, extra=extra, **deflated),
    ):
        assert same(first, load(str(other))), other


def test_one_image_in_two_classes_is_sorted_by_class_name(make: Any, tmp_path: Path) -> None:
    images = make.images(classes=("cow", "bee", "ant"), shape=(32, 32, 3))
    twin = images["train"]["cow"][0]
    images["train"]["ant"][0] = twin
    files = make.python_files(images)
    make.archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    data = load("cifar10", data_dir=tmp_path)
    twins = [i for i, image in enumerate(data.train.images) if np.array_equal(image, twin)]
    assert twins[1] == twins[0] + 1
    assert [data.class_names[label] for label in data.train.labels[twins]] == ["ant", "cow"]


@pytest.mark.parametrize("change", ["pixel", "label", "split", "name"])
def test_the_fingerprint_knows_every_change(make: Any, tmp_path: Path, change: str) -> None:
    images = make.images(train=4)
    before = load(str(make.folder(tmp_path / "before", images))).fingerprint
    train, test = images["train"], images["test"]
    if change == "pixel":
        train["ant"][0][0, 0, 0] ^= 1
    elif change == "label":
        train["bee"].append(train["ant"].pop())
    elif change == "split":
        test["ant"].append(train["ant"].pop())
    else:
        images = {split: {"emu" if k == "cow" else k: v for k, v in part.items()}
                    for split, part in images.items()}  # fmt: skip
    assert load(str(make.folder(tmp_path / "after", images))).fingerprint != before


def test_views_change_pixels_but_not_order_or_fingerprint(make: Any, tmp_path: Path) -> None:
    path = str(make.folder(tmp_path / "farm", make.images()))
    plain = load(path)
    for options, view, shape in (
        ({"size": 16}, "16x16", (16, 16, 3)),
        ({"size": (4, 10)}, "4x10", (4, 10, 3)),
        ({"grey": True}, "grey", (6, 8, 1)),
        ({"size": 28, "grey": True}, "28x28-grey", (28, 28, 1)),
    ):
        other = load(path, **options)
        assert (other.view, other.image_shape) == (view, shape)
        assert other.fingerprint == plain.fingerprint
        assert np.array_equal(other.train.labels, plain.train.labels)
        assert len(other.mean) == len(other.std) == shape[2]
    grey = np.asarray(Image.fromarray(plain.train.images[7]).convert("L"))
    assert np.array_equal(load(path, grey=True).train.images[7, ..., 0], grey)


def test_statistics_are_those_of_all_training_pixels(make: Any, tmp_path: Path) -> None:
    data = load(str(make.folder(tmp_path / "farm", make.images(train=40))))
    pixels = data.train.images.reshape(-1, 3).astype(np.float64) / 255
    assert data.mean == pytest.approx(pixels.mean(axis=0), abs=1e-14)
    assert data.std == pytest.approx(pixels.std(axis=0), abs=1e-14)


def test_without_a_size_the_commonest_training_size_counts(make: Any, tmp_path: Path) -> None:
    images = make.images(train=3, shape=(6, 8, 3))
    # The first images have the rare size, and in test/ it is the commoner one.
    images["train"]["ant"] = make.images(train=1, shape=(9, 9, 3), seed=1)["train"]["ant"]
    images["test"] = make.images(test=8, shape=(9, 9, 3), seed=2)["test"]
    told = Told()
    data = load(str(make.folder(tmp_path / "mixed", images)), progress=told)
    assert data.image_shape == (6, 8, 3)
    assert any("6x8" in line and "--size" in line for line in told.lines)


def test_a_wrong_first_guess_of_the_size_is_corrected(make: Any, tmp_path: Path) -> None:
    """Of 66 images every second is looked at first: 20 of those have the rare size."""
    images = make.images(classes=("ant", "bee"), train=64, shape=(6, 8, 3))
    rare = make.images(train=20, shape=(9, 9, 3), seed=1)["train"]["ant"]
    by_name = sorted(range(64), key=lambda number: f"{number}.png")
    assert len(images["train"]["ant"]) // SIZE_SAMPLE == 2
    for number, image in zip(by_name[::2], rare, strict=False):
        images["train"]["ant"][number] = image
    images["train"]["bee"] = images["train"]["bee"][:2]
    data = load(str(make.folder(tmp_path / "mixed", images)))
    assert data.image_shape == (6, 8, 3)
    expected = {image.tobytes() for image in images["train"]["bee"]}
    assert {i.tobytes() for i in data.train.images[data.train.labels == 1]} == expected


def test_of_equally_frequent_sizes_the_larger_counts(make: Any, tmp_path: Path) -> None:
    images = make.images(classes=("ant", "bee"), shape=(6, 8, 3))
    images["train"]["bee"] = make.images(shape=(7, 8, 3), seed=1)["train"]["bee"]
    assert load(str(make.folder(tmp_path / "mixed", images))).image_shape == (7, 8, 3)


def test_digits_are_embedded(same: Same) -> None:
    data = load("digits")
    assert data.image_shape == (32, 32, 3)
    assert data.class_names == tuple("0123456789")
    assert len(data.train) + len(data.test) == 1797
    assert len(data.test) == round(0.2 * 1797)
    assert not data.mirror
    assert data.train.images.min() == 0
    assert data.train.images.max() == 255
    assert (data.train.images[..., 0] == data.train.images[..., 2]).all()
    # One and the same on every machine, whatever the versions of numpy, Pillow and scikit-learn.
    assert data.fingerprint == "811ac5e126594506d5c771de64652ba62a6e8b125efa7fee7a36ba8df30650ba"


def test_digits_are_split_by_class() -> None:
    data = load("digits")
    train, test = (np.bincount(part.labels) for part in (data.train, data.test))
    assert (np.abs(test - 0.2 * (train + test)) < 1).all()


def test_enlarging_is_bilinear() -> None:
    from zoo.data.digits import enlarged

    small = np.random.default_rng(0).integers(0, 17, (8, 8))
    place = (np.arange(32) + 0.5) / 4 - 0.5
    rows = np.array([np.interp(place, np.arange(8), row) for row in small])
    expected = np.array([np.interp(place, np.arange(8), column) for column in rows.T]).T * 255 / 16
    large = enlarged(small[None])
    assert large.shape == (1, 32, 32, 3)
    assert np.abs(large[0] - expected[..., None]).max() <= 0.5


def test_a_view_that_changes_nothing_is_no_view() -> None:
    assert load("digits", size=32).view == ""
    assert load("digits", size=(32, 32), grey=True).view == "grey"


def test_unreadable_images_stop_or_are_left_out(
    make: Any, tmp_path: Path, refused: Callable[..., str]
) -> None:
    root = make.folder(tmp_path / "farm", make.images())
    clean = load(str(root))
    for number in range(7):
        (root / "train" / "bee" / f"bad{number}.png").write_bytes(b"no image")
    (root / "test" / "cow" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    for _ in range(2):  # decoded anew, then from the cache
        text = refused(root)
        assert "8 images" in text
        assert "--skip-bad" in text
        assert text.count(str(root / "train" / "bee" / "bad")) == 5
        assert "3 more" in text
        told = Told()
        data = load(str(root), skip_bad=True, progress=told)
        assert len(data.skipped) == 8
        assert str(root / "test" / "cow" / "broken.jpg") in data.skipped
        assert any("8 images" in line for line in told.lines)
        assert data.fingerprint == clean.fingerprint


def test_a_damaged_member_of_a_zip_is_an_unreadable_image(
    make: Any, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = make.zip(tmp_path / "farm.zip", make.images())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("train/bee/3.png")
    content = bytearray(path.read_bytes())
    content[member.header_offset + 60] ^= 0xFF
    path.write_bytes(content)
    assert str(path / "train/bee/3.png") in refused(path)
    assert load(str(path), skip_bad=True).skipped == (str(path / "train/bee/3.png"),)


def test_a_class_of_only_unreadable_images_stops_even_when_skipping(
    make: Any, tmp_path: Path, refused: Callable[..., str]
) -> None:
    root = make.folder(tmp_path / "farm", make.images(test=1))
    (root / "test" / "bee" / "0.png").write_bytes(b"no image")
    text = refused(root, skip_bad=True)
    assert "bee" in text
    assert "test/" in text
    assert "0.png" in text


def test_names_nobody_knows_get_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cifar10"):
        load("cifar-10")
    with pytest.raises(UsageError, match="digits"):
        load("nonsense!")


def test_a_path_gives_a_name_fit_for_ids(make: Any, tmp_path: Path) -> None:
    path = make.zip(tmp_path / "My (red) flowers.zip", make.images())
    assert load(str(path)).name == "My-red-flowers"


def test_fashion_classes_keep_their_official_names_and_order(make: Any, tmp_path: Path) -> None:
    from zoo.data.known import FASHION_NAMES

    images = make.images(classes=FASHION_NAMES, train=1, test=1, shape=(4, 4, 1))
    as_folders = {
        split: {name.replace("/", "_"): images for name, images in part.items()}
        for split, part in images.items()
    }
    make.folder(tmp_path / "copies" / "fashion-mnist", as_folders)
    data = load("fashion-mnist", data_dir=tmp_path / "copies")
    assert data.class_names == FASHION_NAMES
    assert data.mirror
    for label, name in enumerate(FASHION_NAMES):
        image = data.train.images[data.train.labels == label][0]
        assert np.array_equal(image, images["train"][name][0])


def test_class_folders_alike_but_for_case_stay_apart(make: Any, tmp_path: Path) -> None:
    digits = (*"0123456789", "9 ")
    data = load(str(make.folder(tmp_path / "a", make.images(classes=digits, train=1, test=1))))
    assert data.class_names == tuple(sorted(digits))
