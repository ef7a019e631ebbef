"""The publishers' own archives: read whole, equal to any other form, refused when they are not."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data import Dataset, load

Refused = Callable[..., str]
Same = Callable[[Dataset, Dataset], bool]
CIFAR = (32, 32, 3)


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_every_form_of_cifar10_is_the_same_dataset(make: Any, tmp_path: Path, same: Same) -> None:
    images = make.images(shape=CIFAR)
    python, binary = make.python_files(images), make.binary_files(images)
    make.zip(_new(tmp_path / "1") / "cifar10.zip", images, ending="webp")
    make.folder(tmp_path / "2" / "cifar10", images, reverse=True)
    make.archive(tmp_path / "3" / "cifar-10-python.tar.gz", "cifar-10-batches-py", python)
    write_files(tmp_path / "4" / "cifar-10-batches-py", python)
    make.archive(tmp_path / "5" / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", binary)
    write_files(tmp_path / "6" / "cifar-10-batches-bin", binary)
    write_files(tmp_path / "7" / "cifar10" / "cifar-10-batches-py", python)
    first = load("cifar10", data_dir=tmp_path / "1")
    assert first.class_names == ("ant", "bee", "cow")
    assert len(first.train) == 15
    for number in "234567":
        assert same(first, load("cifar10", data_dir=tmp_path / number)), number


def test_every_form_of_cifar100_has_the_fine_labels(make: Any, tmp_path: Path, same: Same) -> None:
    images = make.images(shape=CIFAR)
    python, binary = (make.cifar100_files(images, binary=kind) for kind in (False, True))
    make.zip(_new(tmp_path / "1") / "cifar100.zip", images)
    make.archive(tmp_path / "2" / "cifar-100-python.tar.gz", "cifar-100-python", python)
    write_files(tmp_path / "3" / "cifar-100-python", python)
    make.archive(tmp_path / "4" / "cifar-100-binary.tar.gz", "cifar-100-binary", binary)
    write_files(tmp_path / "5" / "cifar-100-binary", binary)
    first = load("cifar100", data_dir=tmp_path / "1")
    for number in "2345":
        assert same(first, load("cifar100", data_dir=tmp_path / number)), number


def test_every_form_of_mnist_is_the_same_dataset(make: Any, tmp_path: Path, same: Same) -> None:
    digits = tuple("0123456789")
    images = make.images(classes=digits, train=2, test=1, shape=(28, 28, 1))
    make.zip(_new(tmp_path / "1") / "mnist.zip", images)
    make.folder(tmp_path / "2" / "mnist", images)
    make.idx(tmp_path / "3" / "mnist", images)
    make.idx(tmp_path / "4" / "MNIST" / "raw", images, packed=False)
    first = load("mnist", data_dir=tmp_path / "1")
    assert first.image_shape == (28, 28, 1)
    assert not first.mirror
    assert first.view == ""
    for number in "234":
        assert same(first, load("mnist", data_dir=tmp_path / number)), number
    assert load("mnist", data_dir=tmp_path / "1", size=28, grey=True).view == ""


def test_zoo_data_names_the_copies(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    make.zip(_new(tmp_path / "copies") / "cifar10.zip", make.images(shape=CIFAR))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "copies"))
    assert len(load("cifar10").train) == 15
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nowhere"))
    assert refused("cifar10").endswith("nowhere, which ZOO_DATA names.")
    told = refused("cifar10", data_dir=tmp_path / "nowhere")
    assert told.endswith("nowhere, which --data-dir names.")


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch was-run",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Malicious(), "labels": []}, 2),
        pickle.dumps([1, 2]),
        pickle.dumps({"labels": [1]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}),
        pickle.dumps({"data": np.zeros((1, 3072), np.float32), "labels": [1]}),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["x"]}),
        b"no pickle",
    ],
    ids=["code", "list", "no data", "too many", "floats", "text labels", "no pickle"],
)
def test_a_strange_pickle_is_refused(
    make: Any, tmp_path: Path, refused: Refused, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {**make.python_files(make.images(shape=CIFAR)), "data_batch_3": content}
    make.archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    text = refused("cifar10", data_dir=tmp_path)
    assert "data_batch_3" in text
    assert "again" in text
    assert not (tmp_path / "was-run").exists()


def test_a_pickle_that_asks_for_code_is_told_so(
    make: Any, tmp_path: Path, refused: Refused
) -> None:
    files = make.python_files(make.images(shape=CIFAR))
    files["test_batch"] = pickle.dumps(Malicious(), 2)
    make.archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    assert "system, which a file of images does not need" in refused("cifar10", data_dir=tmp_path)


def test_an_archive_cut_short(make: Any, tmp_path: Path, refused: Refused) -> None:
    files = make.python_files(make.images(shape=CIFAR))
    path = make.archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    os.truncate(path, path.stat().st_size * 2 // 3)
    assert "cannot be read to its end" in refused("cifar10", data_dir=tmp_path)


def test_an_archive_without_all_batches(make: Any, tmp_path: Path, refused: Refused) -> None:
    files = make.binary_files(make.images(shape=CIFAR))
    del files["data_batch_4.bin"], files["batches.meta.txt"]
    write_files(tmp_path / "cifar-10-batches-bin", files)
    text = refused("cifar10", data_dir=tmp_path)
    assert "lacks batches.meta.txt, data_batch_4.bin" in text


def test_binary_records_of_another_length(make: Any, tmp_path: Path, refused: Refused) -> None:
    files = make.binary_files(make.images(shape=CIFAR))
    files["test_batch.bin"] += b"x"
    write_files(tmp_path / "cifar-10-batches-bin", files)
    assert "3073-byte records" in refused("cifar10", data_dir=tmp_path)


def test_a_label_without_a_name(make: Any, tmp_path: Path, refused: Refused) -> None:
    files = make.binary_files(make.images(shape=CIFAR))
    files["batches.meta.txt"] = b"ant\nbee\n"
    write_files(tmp_path / "cifar-10-batches-bin", files)
    assert "no class name" in refused("cifar10", data_dir=tmp_path)


@pytest.mark.parametrize("damage", ["lacking", "cut", "strange", "short", "mixed", "label"])
def test_damaged_idx_files(make: Any, tmp_path: Path, refused: Refused, damage: str) -> None:
    digits = tuple("0123456789")
    folder = make.idx(
        tmp_path / "mnist", make.images(classes=digits, train=2, test=1, shape=(28, 28, 1))
    )
    images, labels = folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz"
    if damage == "lacking":
        images.unlink()
    elif damage == "cut":
        os.truncate(images, images.stat().st_size // 2)
    elif damage == "strange":
        images.write_bytes(gzip.compress(b"<html>not found</html>"))
    elif damage == "short":
        images.write_bytes(gzip.compress(gzip.decompress(images.read_bytes())[:-1]))
    elif damage == "mixed":
        labels.write_bytes((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    else:
        labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes())[:-1] + b"\x0a"))
    text = refused("mnist", data_dir=tmp_path)
    assert (labels if damage in ("mixed", "label") else images).name in text


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
