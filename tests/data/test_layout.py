"""Folders and zips that are laid out wrong, each told in words that name the fix."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data import load
from zoo.data.pixels import LARGEST_FILE

Refused = Callable[..., str]


@pytest.fixture
def farm(make: Any, tmp_path: Path) -> Path:
    return make.folder(tmp_path / "farm", make.images())


def test_nothing_there(tmp_path: Path, refused: Refused) -> None:
    assert "no folder or zip" in refused(tmp_path / "nowhere")
    assert "no folder or zip" in refused(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_is_missing(farm: Path, refused: Refused, split: str) -> None:
    shutil.rmtree(farm / split)
    text = refused(farm)
    assert f"no {split}/ folder" in text
    assert "train/<class>/" in text


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_is_missing_in_a_zip(
    make: Any, tmp_path: Path, refused: Refused, split: str
) -> None:
    images = make.images()
    images[split] = {}
    path = make.zip(tmp_path / "farm.zip", images)
    assert f"no class folders in {split}/" in refused(path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_class_without_images(farm: Path, refused: Refused, split: str) -> None:
    load(str(farm))  # a cached copy must not hide what changed since
    for path in (farm / split / "bee").iterdir():
        path.rename(path.with_suffix(".tiff"))
    text = refused(farm)
    assert "bee" in text
    assert f"{split}/" in text


def test_an_empty_class_folder_is_seen_after_caching(farm: Path, refused: Refused) -> None:
    load(str(farm))
    (farm / "train" / "emu").mkdir()
    (farm / "test" / "emu").mkdir()
    assert "emu" in refused(farm)


def test_a_test_class_that_training_does_not_know(farm: Path, refused: Refused) -> None:
    (farm / "test" / "bee").rename(farm / "test" / "wasp")
    assert "wasp is in test/ but not in train/" in refused(farm)


def test_only_one_class(make: Any, tmp_path: Path, refused: Refused) -> None:
    root = make.folder(tmp_path / "one", make.images(classes=("ant",)))
    assert "only one class ('ant')" in refused(root)


def test_a_zip_that_is_none(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "farm.zip"
    path.write_bytes(b"no zip")
    assert "not a zip archive" in refused(path)


def test_a_truncated_zip(make: Any, tmp_path: Path, refused: Refused) -> None:
    path = make.zip(tmp_path / "farm.zip", make.images())
    os.truncate(path, path.stat().st_size // 2)
    assert "truncated" in refused(path)


def test_a_file_that_is_no_zip(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(b"")
    assert "--data-dir" in refused(path)


def test_strangers_between_the_images_are_ignored(make: Any, tmp_path: Path) -> None:
    images = make.images()
    plain = load(str(make.folder(tmp_path / "plain", images)))
    root = make.folder(tmp_path / "mixed", images)
    (root / "train" / "bee" / "0.png").rename(root / "train" / "bee" / "A.PNG")
    (root / "train" / "bee" / "Thumbs.db").write_bytes(b"")
    (root / "train" / "bee" / ".hidden.png").write_bytes(b"")
    (root / "train" / ".cache").mkdir()
    (root / "train" / "notes.txt").write_text("these are animals")
    (root / "train" / "bee" / "deeper").mkdir()
    assert load(str(root)).fingerprint == plain.fingerprint


def test_names_in_other_encodings_work(make: Any, tmp_path: Path) -> None:
    root = make.folder(tmp_path / "farm", make.images(classes=("ant", "be\u0301e", "cow")))
    (root / "train/ant/0.png").rename(root / "train/ant" / os.fsdecode(b"\xe9.png"))
    data = load(str(root))
    assert data.class_names == ("ant", "b\u00e9e", "cow")
    assert len(data.train) == 15


@pytest.mark.parametrize(
    ("target", "reason"),
    [(None, "a named pipe"), ("/dev/zero", "a device")],
    ids=["pipe", "device"],
)
def test_what_is_no_regular_file_is_no_image(
    farm: Path, refused: Refused, target: str | None, reason: str
) -> None:
    """Neither is waited for, or read without end."""
    odd = farm / "train" / "bee" / "odd.png"
    os.mkfifo(odd) if target is None else odd.symlink_to(target)
    text = refused(farm)
    assert "odd.png" in text
    assert f"it is {reason}, not a regular file" in text
    assert load(str(farm), skip_bad=True).skipped == (str(odd),)


def test_official_files_that_are_pipes(make: Any, tmp_path: Path, refused: Refused) -> None:
    os.mkfifo(tmp_path / "cifar-10-python.tar.gz")
    assert "it is a named pipe" in refused("cifar10", data_dir=tmp_path)
    (tmp_path / "cifar-10-python.tar.gz").unlink()
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    os.mkfifo(folder / "test_batch")
    assert "it is a named pipe" in refused("cifar10", data_dir=tmp_path)


def test_an_image_that_a_zip_packs_too_well(make: Any, tmp_path: Path, refused: Refused) -> None:
    """It is not unpacked to find out: the archive says how large it would become."""
    path = make.zip(tmp_path / "farm.zip", make.images())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/bee/bomb.png", bytes(2 << 20))
        archive.getinfo("train/bee/bomb.png").file_size = LARGEST_FILE + 1
    assert path.stat().st_size < 100_000
    text = refused(path)
    assert "bomb.png: it is larger than 1,024 MiB" in text
