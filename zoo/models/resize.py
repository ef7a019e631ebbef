"""Resize images inside a network, with the same result in every runtime.

A separable resize is one matrix from the left and one from the right. Written this way, it has no
half-pixel convention that runtimes could interpret differently: onnxruntime's Resize differs from
torch's a hundred times more than these products do, and is up to a hundred times slower for
bicubic.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

INTERPOLATIONS = ("bilinear", "bicubic")


class Resize(nn.Module):
    """From float [N, C, height, width] to [N, C, *size]: the whole image, not cropped.

    Antialiased when shrinking, like Pillow, but without rounding to whole numbers.
    """

    def __init__(
        self, source: tuple[int, int], size: tuple[int, int], interpolation: str = "bilinear"
    ) -> None:
        super().__init__()
        self.rows: Tensor
        self.columns: Tensor
        rows = weights_of(source[0], size[0], interpolation)
        columns = weights_of(source[1], size[1], interpolation).T.contiguous()
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)

    @property
    def growth(self) -> float:
        """Output pixels per input pixel."""
        (rows, height), (width, columns) = self.rows.shape, self.columns.shape
        return rows * columns / (height * width)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows @ x @ self.columns


def weights_of(source: int, size: int, interpolation: str) -> Tensor:
    """The weight of each `source` pixel in each pixel of a line: float [size, source]."""
    each = torch.eye(source)[None, None]
    mixed = interpolate(
        each, size=(size, source), mode=interpolation, align_corners=False, antialias=True
    )
    return mixed[0, 0].contiguous()
