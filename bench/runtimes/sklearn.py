"""scikit-learn: the estimator itself, with the weights of an artifact's fp32 file."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench.runtimes.adapter import Logits
from bench.runtimes.numpy import Held, Numpy

if TYPE_CHECKING:
    from zoo.frameworks.numpy.network import Numbers


class Sklearn(Numpy):
    """An estimator's own prediction, after standardising pixels; it uses numpy's BLAS."""

    about = "networks of this zoo that scikit-learn trained, with the weights of the fp32 file"
    packages = ("scikit-learn",)
    framework = "sklearn"
    start_seconds = 2.0

    def _forward(self, held: Held) -> "Callable[[Numbers], Logits]":
        """The estimator's prediction, including its input checks."""
        from zoo.frameworks.sklearn.estimators import logits_of, with_layers
        from zoo.specs.catalog import find_model

        classes = len(json.loads(held.told["class_names"]))
        empty = find_model(held.told["model"]).build(held.shape, classes)
        estimator = with_layers(empty, held.network)
        return lambda rows: logits_of(estimator, rows)

    def what_ran(self) -> dict[str, Any]:
        """scikit-learn, and the kernels that compute for it, read back."""
        import sklearn

        told = super().what_ran()
        numpy, settings = told["runtime_version"], told["settings"]
        return told | {
            "runtime_version": f"scikit-learn {sklearn.__version__}",
            "settings": f"{numpy}, {settings}",
        }
