"""Batches of vectors instead of images, such as the latents of a frozen backbone."""

from typing import Protocol

import torch
from torch import Tensor

from zoo.frameworks.pytorch.augment import BatchMaker, EpochPlan
from zoo.specs.recipe import Recipe


class Maker(Protocol):
    """The source of the loop's batches: `BatchMaker` for images, `VectorMaker` for rows."""

    height: int
    width: int
    device: torch.device

    def augmented(self, plan: EpochPlan, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop` of the plan."""

    def plain(self, images: Tensor) -> Tensor:
        """These as they are, normalised."""

    def sent(self, values: Tensor) -> Tensor:
        """Copy to the device without waiting."""


class VectorMaker:
    """Turns indices into standardised rows float [B, D]; there is nothing to shift or to flip.

    vectors: float [N, D], on the device or on the host; mean, std: of each of the D numbers.
    """

    def __init__(
        self,
        vectors: Tensor,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
    ) -> None:
        self.vectors = vectors
        self.height = self.width = 1
        self.device = device
        self.mean = torch.tensor(mean, device=device)
        self.std = torch.tensor(std, device=device)

    def augmented(self, plan: EpochPlan, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop` of the plan."""
        return self.plain(self.vectors[plan.order[start:stop]])

    def plain(self, images: Tensor) -> Tensor:
        """Rows float [B, D] as they are, standardised."""
        return (self.sent(images) - self.mean) / self.std

    def sent(self, values: Tensor) -> Tensor:
        """Copy to the device without waiting."""
        if values.device.type == self.device.type:
            return values
        return values.pin_memory().to(self.device, non_blocking=True)


def maker_for(
    images: Tensor,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    recipe: Recipe,
    device: torch.device,
) -> Maker:
    """A maker of batches from images uint8 [N, H, W, C], or from vectors float [N, D]."""
    if images.ndim == 2:
        return VectorMaker(images, mean, std, device)
    return BatchMaker(images, mean, std, recipe, device)
