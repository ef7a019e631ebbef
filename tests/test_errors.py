"""Errors carry the exit code of their kind, and an unknown name brings its neighbours along."""

import pytest

from zoo.errors import UnavailableError, UsageError, ZooError, unknown_name
from zoo.training.hooks import InterruptedRunError


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
