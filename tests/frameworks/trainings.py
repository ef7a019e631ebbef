"""Short trainings on small digits, one of each model that is not written in PyTorch."""

from dataclasses import replace

from zoo.runs.options import TrainOptions

SMALL = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=2)
TRAININGS = {
    "mlp-numpy": SMALL,
    "mlp-sklearn": SMALL,
    "logreg-sklearn": replace(SMALL, epochs=25),  # it ends inside a round of ten iterations
    "cnn-keras": replace(SMALL, validate=100),
    "cnn-jax": replace(SMALL, validate=100),
}
