"""A training of the CNN in JAX on small digits, once for all tests."""

from collections.abc import Callable

import pytest

from tests.frameworks.trainings import TRAININGS
from zoo.runs.run import Run

DIGITS = TRAININGS["cnn-jax"]


@pytest.fixture(scope="session")
def run(run_of: Callable[[str], Run]) -> Run:
    """Trained without a break; not to be changed."""
    return run_of("cnn-jax")
