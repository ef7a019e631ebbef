"""A training of the MLP from scratch on small digits, once for all tests."""

import pytest

import zoo
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

DIGITS = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=2)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained without a break; not to be changed."""
    return zoo.train("mlp-numpy", DIGITS, run=tmp_path_factory.mktemp("numpy") / "run")
