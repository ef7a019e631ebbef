"""A training of the CNN of Keras on small digits, once for all tests."""

import os
from collections.abc import Callable

import pytest

from tests.frameworks.trainings import TRAININGS
from zoo.runs.run import Run

os.environ["KERAS_BACKEND"] = "torch"  # before `importorskip` imports it

DIGITS = TRAININGS["cnn-keras"]


@pytest.fixture(scope="session")
def run(run_of: Callable[[str], Run]) -> Run:
    """Trained without a break; not to be changed."""
    return run_of("cnn-keras")
