"""A trained Flax network: its logits, and its ONNX graph."""

import numpy as np
import onnx

from zoo.data.dataset import Images
from zoo.frameworks.batches import Batches
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.jax.graph import to_onnx
from zoo.frameworks.jax.network import Network
from zoo.frameworks.lesson import EVALUATION_BATCH
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedJax(Trained):
    """A network after the pixel normalisation that it was trained with."""

    def __init__(self, card: RunCard, network: Network) -> None:
        self.card = card
        self.network = network

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        batches = Batches(images, self.card.mean, self.card.std)
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance:
            for start in range(0, len(images), EVALUATION_BATCH):
                rows = batches.plain(slice(start, start + EVALUATION_BATCH))
                parts.append(self.network.logits(rows))
                advance(len(rows))
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        return to_onnx(self.network, self.card, form, opset)
