"""The nearest class mean, in numpy: docs/how-to/adding-a-framework.md walks through it."""

import time

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from zoo.data.dataset import Images
from zoo.frameworks.framework import Framework, Trained, Values
from zoo.ort.outputs import LOGITS
from zoo.ort.signature import IMAGE, PIXELS
from zoo.progress import Progress
from zoo.runs.checkpoint import Arrays, State
from zoo.runs.history import EpochRow
from zoo.runs.run import RunCard
from zoo.runs.training import Training

BATCH = 64


class NearestMean(Framework):
    """One pass over the images, which adds up those of each class."""

    packages = ("numpy",)

    def train(self, training: Training) -> Arrays:
        images, labels = training.data.train.images, training.data.train.labels
        starts, begun = range(0, len(images), BATCH), time.perf_counter()
        sums = np.zeros((len(training.card.class_names), images[0].size))
        counts, done = np.zeros(len(sums)), 0
        if training.state is not None:
            arrays, position = training.state
            sums, counts, done = arrays["sums"], arrays["counts"], int(position["done"])

        def state() -> State:
            return {"sums": sums, "counts": counts}, {"done": done}

        with training.running(len(starts), state, done, epochs=1):
            for start in starts[done:]:
                some = slice(start, start + BATCH)
                np.add.at(sums, labels[some], images[some].reshape(-1, sums.shape[1]) / 255)
                np.add.at(counts, labels[some], 1)
                done += 1
                training.stepped()
            seconds = time.perf_counter() - begun
            training.epoch_ended(EpochRow(1, done, *[None] * 5, seconds, len(images) / seconds))
        return {"means": sums / counts[:, None]}

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Trained:
        return Means(card, weights["means"])


class Means(Trained):
    """Logits float32 [N, classes]: how much nearer an image is to a mean than to that of all."""

    forms = (PIXELS,)

    def __init__(self, card: RunCard, means: Values) -> None:
        self.card, centre = card, means.mean(axis=0)
        scale = np.sqrt(means.shape[1])  # so that fp16 can hold what comes out
        self.weight = (2 * (means - centre) / scale).astype(np.float32)
        self.bias = ((centre**2 - means**2).sum(axis=1) / scale).astype(np.float32)

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        return images.reshape(len(images), -1) / np.float32(255) @ self.weight.T + self.bias

    def to_onnx(self, form: str, opset: int) -> ModelProto:
        tensors = {"scale": np.float32(1 / 255), "weight": self.weight, "bias": self.bias}
        nodes = [
            helper.make_node("Cast", [IMAGE], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "scale"], ["pixels"]),
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], [LOGITS], transB=1),
        ]
        shape, classes = ("batch", *self.card.image_shape), ("batch", len(self.bias))
        given = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, shape)
        found = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, classes)
        stored = [numpy_helper.from_array(np.asarray(t), name) for name, t in tensors.items()]
        graph = helper.make_graph(nodes, "network", [given], [found], stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
