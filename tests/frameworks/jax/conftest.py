"""A training of the CNN in JAX on small digits, once for all tests."""

import pytest

import zoo
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

DIGITS = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=2, validate=100)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained without a break; not to be changed."""
    return zoo.train("cnn-jax", DIGITS, run=tmp_path_factory.mktemp("jax") / "run")
