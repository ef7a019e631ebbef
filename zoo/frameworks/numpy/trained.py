"""A trained MLP: its logits, and its ONNX graph."""

import numpy as np
import onnx

from zoo.data.dataset import Images
from zoo.frameworks.batches import Batches
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.layered import layered
from zoo.frameworks.lesson import EVALUATION_BATCH
from zoo.frameworks.numpy.blas import our_threads
from zoo.frameworks.numpy.network import Network, forward_propagation
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedMlp(Trained):
    """Layers after the pixel standardisation that they were trained with."""

    def __init__(self, card: RunCard, network: Network) -> None:
        self.card = card
        self.network = network

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        batches = Batches(images, self.card.mean, self.card.std)
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance, our_threads():
            for start in range(0, len(images), EVALUATION_BATCH):
                rows = batches.plain(slice(start, start + EVALUATION_BATCH))
                parts.append(forward_propagation(self.network, rows)[-1])
                advance(len(rows))
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        """One node for each step of forward propagation; the weights keep their names."""
        layers = [(layer.weight, layer.bias) for layer in self.network]
        card = self.card
        return layered(
            layers, "Sigmoid", card.image_shape, (card.mean, card.std), form=form, opset=opset
        )
