"""A training of the CNN of Keras on small digits, once for all tests."""

import os

import pytest

import zoo
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

os.environ["KERAS_BACKEND"] = "torch"  # before `importorskip` imports it

DIGITS = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=2, validate=100)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained without a break; not to be changed."""
    return zoo.train("cnn-keras", DIGITS, run=tmp_path_factory.mktemp("keras") / "run")
