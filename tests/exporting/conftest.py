"""What the tests of the export share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.networks import MEAN, STD, converted, converted_once, images, net
from zoo.data import Split
from zoo.exporting.gate import Reference
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.evaluate import logits_of
from zoo.ort.signature import PIXELS
from zoo.specs.recipe import Recipe

__all__ = ["converted", "converted_once", "images", "net"]

NAMES = tuple("abcde")
RECIPE = Recipe(epochs=1, quick_epochs=1, batch=32, lr=0.1)


@pytest.fixture
def reference_of(images: NDArray[np.uint8]) -> Callable[..., Reference]:
    """What a network says of the images; what it says is taken for the truth, too."""

    def make(network: nn.Module, form: str = PIXELS, **parts: Any) -> Reference:
        shown = torch.from_numpy(images)
        maker = BatchMaker(shown, MEAN, STD, RECIPE, torch.device("cpu"))
        logits = logits_of(network, shown, maker).numpy()
        facts: dict[str, Any] = {
            "test": Split(images, logits.argmax(axis=1)),
            "logits": logits,
            "class_names": NAMES,
            "form": form,
        }
        return Reference(**(facts | parts))

    return make
