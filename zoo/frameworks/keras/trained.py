"""A trained Keras network: its logits, and its ONNX graph."""

from typing import Any

import numpy as np
import onnx

from zoo.data.dataset import Images
from zoo.frameworks.batches import Batches
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.keras.backend import on_cpu
from zoo.frameworks.keras.convert import to_onnx
from zoo.frameworks.keras.training import normalised
from zoo.frameworks.lesson import EVALUATION_BATCH
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedKeras(Trained):
    """A network after the pixel normalisation that it was trained with."""

    def __init__(self, card: RunCard, model: Any) -> None:
        self.card = card
        self.model = model

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        batches = Batches(images, self.card.mean, self.card.std)
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance, on_cpu():
            for start in range(0, len(images), EVALUATION_BATCH):
                some = slice(start, start + EVALUATION_BATCH)
                pixels = normalised(batches, some, self.card.image_shape)
                parts.append(self.model.predict_on_batch(pixels))
                advance(len(pixels))
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        return to_onnx(self.model, self.card, form, opset)
