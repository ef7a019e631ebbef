"""What `list datasets` shows, and what importing the package costs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.data import describe_datasets
from zoo.errors import ZooError


def test_every_known_dataset_is_described(own_cache: Path) -> None:
    infos = {info.name: info for info in describe_datasets()}
    assert list(infos) == ["digits", "cifar10", "cifar100", "mnist", "fashion-mnist"]
    assert infos["digits"].where == "embedded"
    assert {info.where for info in infos.values()} == {"embedded", "download"}
    assert infos["cifar100"].classes == 100
    assert infos["mnist"].image_shape == (28, 28, 1)
    assert all(info.about for info in infos.values())
    assert not own_cache.exists()


def test_local_copies_are_shown(make: Any, tmp_path: Path, own_cache: Path) -> None:
    path = make.zip(tmp_path / "cifar10.zip", make.images())
    downloaded = own_cache / "downloads" / "cifar100" / "cifar-100-python.tar.gz"
    downloaded.parent.mkdir(parents=True)
    downloaded.touch()
    infos = {info.name: info.where for info in describe_datasets(tmp_path)}
    assert infos["cifar10"] == str(path)
    assert infos["cifar100"] == str(downloaded)
    assert infos["mnist"] == "download"


def test_the_digits_are_described_as_they_are() -> None:
    from zoo.data import load

    data, info = load("digits"), describe_datasets()[0]
    assert info.images == (len(data.train), len(data.test))
    assert (info.classes, info.image_shape) == (len(data.class_names), data.image_shape)


def test_a_data_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="--data-dir"):
        describe_datasets(tmp_path / "nowhere")


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, zoo.data; zoo.data.describe_datasets(); "
        "print(*{'torch', 'torchvision', 'sklearn', 'pandas', 'matplotlib', 'scipy'}"
        " & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == ""
