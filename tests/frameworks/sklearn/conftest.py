"""The models of scikit-learn, and how the tests train them."""

from tests.frameworks.trainings import TRAININGS
from zoo.runs.options import TrainOptions

MLP, LOGREG = "mlp-sklearn", "logreg-sklearn"
NAMES = (MLP, LOGREG)


def options_of(name: str) -> TrainOptions:
    return TRAININGS[name]
