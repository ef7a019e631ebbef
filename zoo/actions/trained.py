"""The network of a finished run, and what it says of the test set, in fp32."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data import Dataset
from zoo.drawing.projection import Projection, project
from zoo.errors import ZooError
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.checkpoint import load_checkpoint
from zoo.frameworks.pytorch.evaluate import logits_of
from zoo.models.filling import fill
from zoo.progress import Progress
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import find_model
from zoo.transfer.network import Transfer

PROJECTED = 2000  # images on the map of latents


def trained_network(run: Run, card: RunCard) -> nn.Module:
    """The network of a finished run, on the CPU."""
    spec = find_model(card.model)
    network = spec.build(card.image_shape, len(card.class_names), card.design)
    tensors, _ = load_checkpoint(run.weights)
    run.check_weights(card.weights)
    try:
        fill(network, tensors)
    except RuntimeError as error:
        raise ZooError(
            f"{run.weights} does not fit today's {card.model}: the model has changed since. "
            "Train it again with --overwrite."
        ) from error
    return network


def test_logits(
    network: nn.Module, card: RunCard, data: Dataset, device: torch.device, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Logits [N, classes] of the test set in fp32: plain, and with the recipe's test-time views."""
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.from_numpy(data.test.images)
    maker = BatchMaker(images, card.mean, card.std, card.recipe, device)
    plain = logits_of(network, images, maker, progress=progress)
    if card.recipe.views == "none":
        return plain.numpy(), None
    views = logits_of(network, images, maker, views=card.recipe.views, progress=progress)
    return plain.numpy(), views.numpy()


class _Latents(nn.Module):
    """What the head of a transfer gets, as a network of its own."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self.transfer = transfer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.transfer.latents(x)


def test_projection(
    network: nn.Module, card: RunCard, data: Dataset, device: torch.device
) -> Projection | None:
    """The map of a transfer's latents of test images; None for what has no latents.

    Of many images it shows the first of the canonical order, which is as good as random.
    """
    if not isinstance(network, Transfer):
        return None
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.from_numpy(data.test.images)
    maker = BatchMaker(images, card.mean, card.std, card.recipe, device)
    indices = torch.arange(min(PROJECTED, len(images)))
    latents = logits_of(_Latents(network), images, maker, indices=indices).numpy()
    return project(latents, data.test.labels[: len(latents)], data.class_names)
