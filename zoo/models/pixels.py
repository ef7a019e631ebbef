"""Normalisation in front of every network: from raw pixels to its training input."""

import torch
from torch import Tensor, nn


class FromPixels(nn.Module):
    """The network after the normalisation of raw pixels uint8 [N, H, W, C]."""

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        per_channel = (-1, 1, 1)
        self.pixel_scale: Tensor
        self.pixel_offset: Tensor
        scale, offset = 1 / (255 * torch.tensor(std)), -torch.tensor(mean) / torch.tensor(std)
        self.register_buffer("pixel_scale", scale.view(per_channel))
        self.register_buffer("pixel_offset", offset.view(per_channel))

    def forward(self, image: Tensor) -> Tensor:
        # Moved as bytes, a quarter of the traffic; contiguous, or strides would shape the graph.
        pixels = image.permute(0, 3, 1, 2).contiguous().float()
        logits: Tensor = self.network(pixels * self.pixel_scale + self.pixel_offset)
        return logits
