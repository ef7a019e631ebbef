"""The interface of a framework: train a model, and open a trained one.

docs/how-to/adding-a-framework.md writes one, step by step.
"""

from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.data.dataset import Images
from zoo.machine.finding import Finding
from zoo.ort.signature import FORMS
from zoo.progress import Progress
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec

Values = NDArray[np.float32]  # [N, classes], or [N, width]


class Trained(ABC):
    """A trained model. Images are always uint8 [N, H, W, C]."""

    forms: tuple[str, ...] = FORMS  # the input forms that its files can have

    @abstractmethod
    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        """One value per class, float32 [N, classes], in fp32: the largest is the answer."""

    @abstractmethod
    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        """The model in fp32, from `image` to `logits`, in the given form, for any batch size.

        form: `uint8-nhwc` for raw pixels, `float32-nchw` for images normalised by the card's mean
        and std. Initializers that no node computes are the weights, under their own names.
        """

    def with_views(
        self, images: Images, progress: Progress | None = None
    ) -> tuple[Values, Values | None]:
        """`logits`, and the same with the recipe's test-time views, if it has any."""
        return self.logits(images, progress), None

    def latents(self, images: Images) -> Values | None:
        """The input of the head, float32 [N, width], in a model that has a backbone and a head."""
        return None

    def head(self, opset: int) -> onnx.ModelProto | None:
        """Only the head, from `latents` to `logits`."""
        return None


class Framework(ABC):
    """Trains and opens the models of a framework. One instance is made for each command."""

    options: frozenset[str] = frozenset()  # of `TrainOptions`, beside those that all models take
    devices: tuple[str, ...] = ("cpu",)  # that it computes on
    packages: tuple[str, ...] = ()  # whose versions stand in cards and files

    @abstractmethod
    def train(self, training: Training) -> Arrays:
        """Train from the start, or from `training.state`, and return the weights by name.

        The same seed, data and options give the same weights, no matter how often training was
        stopped.
        """

    @abstractmethod
    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Trained:
        """The trained model; a `ValueError` if the weights do not fit the current model.

        device: one of `devices`; None for the best that works.
        """

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:  # noqa: B027
        """Refuse invalid combinations of options, before anything is loaded."""

    def resolved(
        self, spec: ModelSpec, options: TrainOptions, exports: Path | None
    ) -> TrainOptions:
        """The options with other models named in full; the run's id is made from them."""
        return options

    def resumed(self, card: RunCard, asked: TrainOptions) -> RunCard:
        """The card of a resumed run, with the options of `asked` that may change on resume."""
        return card

    def versions(self) -> dict[str, str]:
        """The versions of the packages that compute."""
        return {package: version(package) for package in self.packages}

    def findings(self) -> list[Finding]:
        """What `doctor` should report about it."""
        return []
