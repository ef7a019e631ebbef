"""Errors carry the exit code of their kind, and an unknown name brings its neighbours along."""

from pathlib import Path

import pytest

from zoo.errors import UnavailableError, UsageError, ZooError, missing_file, unknown_name
from zoo.runs.training import InterruptedRunError


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ZooError, 1), (UsageError, 2), (UnavailableError, 3), (InterruptedRunError, 130)],
)
def test_every_kind_has_its_exit_code_and_is_caught_as_one(kind: type[ZooError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, ZooError)


def test_a_near_name_is_suggested() -> None:
    error = unknown_name("model", "mpl", ["cnn", "mlp", "transfer"])
    assert isinstance(error, UsageError)
    assert str(error) == "there is no model 'mpl'. Did you mean mlp?"


def test_several_near_names_are_suggested_the_nearest_first() -> None:
    error = unknown_name("dataset", "cifar1000", ["cifar10", "cifar100", "digits"])
    assert str(error).endswith("Did you mean cifar100 or cifar10?")


def test_without_a_near_name_all_are_listed_in_order() -> None:
    error = unknown_name("model", "xyz", ["mlp", "cnn"])
    assert str(error) == "there is no model 'xyz'. Known: cnn, mlp."


def test_of_a_missing_file_the_nearest_beside_it_of_its_kind_is_suggested(tmp_path: Path) -> None:
    for name in ("base.csv", "bass.json", "other.csv"):
        (tmp_path / name).touch()
    error = missing_file(tmp_path / "bas.csv", "make it")
    assert isinstance(error, UsageError)
    assert str(error).endswith(f"bas.csv. Did you mean {tmp_path / 'base.csv'}?")


def test_of_a_missing_file_without_a_near_one_it_is_said_how_to_make_it(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        told = str(missing_file(folder / "base.csv", "make it"))
        assert told == f"there is no file {folder / 'base.csv'}. Make it with: make it"
