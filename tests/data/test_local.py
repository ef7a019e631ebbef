"""Datasets that are at hand are opened; of others it is said why not, and nothing is downloaded."""

from pathlib import Path
from typing import Any

import pytest

from zoo.data import Dataset, load
from zoo.data import download as downloads
from zoo.data.local import load_local
from zoo.progress import Progress

NAMES = ("blue", "red")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr(downloads, "download", refuse)
    monkeypatch.setattr("zoo.data.catalog.download", refuse)


def found(name: str, fingerprint: str | None = None, data_dir: Path | None = None) -> Dataset | str:
    return load_local(name, fingerprint, data_dir, Progress())


def test_embedded_data_is_always_here() -> None:
    data = found("digits")
    assert isinstance(data, Dataset)
    assert data.name == "digits"
    assert isinstance(found("digits", data.fingerprint), Dataset)


def test_other_images_of_that_name_are_not_meant() -> None:
    assert (
        found("digits", "0" * 64) == "the digits in this zoo is not the one that the card refers to"
    )
    told = load_local("digits", "0" * 64, None, Progress(), "the file")
    assert told == "the digits in this zoo is not the one that the file refers to"


def test_what_would_be_downloaded_is_not_here() -> None:
    assert found("cifar10") == (
        "no local copy of cifar10; name its folder with --data-dir or ZOO_DATA"
    )


def test_a_name_that_nothing_places_is_told() -> None:
    assert found("flowers") == "it is unknown where the dataset 'flowers' is"


def test_a_local_copy_is_opened(tmp_path: Path, make: Any) -> None:
    make.folder(tmp_path / "mnist", make.images(NAMES, shape=(28, 28, 1)))
    data = found("mnist", data_dir=tmp_path)
    assert isinstance(data, Dataset)
    assert data.name == "mnist"


def test_a_path_is_opened(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "colours"
    make.folder(path, make.images(NAMES))
    data = found(str(path))
    assert isinstance(data, Dataset)
    assert data.fingerprint == load(str(path)).fingerprint
