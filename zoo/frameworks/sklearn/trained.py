"""A trained scikit-learn classifier: its logits, and its ONNX graph."""

import numpy as np
import onnx

from zoo.data.dataset import Images
from zoo.frameworks.batches import Batches
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.layered import layered
from zoo.frameworks.numpy.blas import our_threads
from zoo.frameworks.numpy.network import Network
from zoo.frameworks.sklearn.estimators import EVALUATION_BATCH, Estimator, logits_of
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedEstimator(Trained):
    """The estimator after the pixel standardisation that it was trained with."""

    def __init__(self, card: RunCard, layers: Network, estimator: Estimator) -> None:
        self.card = card
        self.layers = layers
        self.estimator = estimator

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        batches = Batches(images, self.card.mean, self.card.std)
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance, our_threads():
            for start in range(0, len(images), EVALUATION_BATCH):
                rows = batches.plain(slice(start, start + EVALUATION_BATCH))
                parts.append(logits_of(self.estimator, rows))
                advance(len(rows))
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        """A Gemm for each layer: no ZipMap, no labels, no softmax, only what other models have."""
        layers = [(layer.weight, layer.bias) for layer in self.layers]
        card = self.card
        return layered(
            layers, "Relu", card.image_shape, (card.mean, card.std), form=form, opset=opset
        )
