"""Trainings of both models on small digits, once for all tests."""

from collections.abc import Callable

import pytest

import zoo
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

MLP, LOGREG = "mlp-sklearn", "logreg-sklearn"
NAMES = (MLP, LOGREG)
EPOCHS = {MLP: 2.0, LOGREG: 25.0}  # the second ends inside a round of ten iterations


def options_of(name: str) -> TrainOptions:
    return TrainOptions(data="digits", size=(16, 16), grey=True, epochs=EPOCHS[name])


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Trained without a break; not to be changed."""
    made: dict[str, Run] = {}

    def run(name: str) -> Run:
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            made[name] = zoo.train(name, options_of(name), run=folder)
        return made[name]

    return run
