"""Enlarging and reducing images inside a network, the same in every runtime.

A resize that keeps to rows and columns is a matrix from the left and one from the right. Written so
it has no half-pixel convention that a runtime could read otherwise: onnxruntime's Resize is a
hundred times further from torch's than these products are, and for bicubic up to a hundred times
slower.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

INTERPOLATIONS = ("bilinear", "bicubic")


class Resize(nn.Module):
    """From float [N, C, height, width] to [N, C, *size]: the whole image, nothing is cropped.

    Antialiased where it gets smaller, as Pillow does it, but without rounding to whole numbers.
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
        """Pixels that come out for one that goes in."""
        (rows, height), (width, columns) = self.rows.shape, self.columns.shape
        return rows * columns / (height * width)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows @ x @ self.columns


def weights_of(source: int, size: int, interpolation: str) -> Tensor:
    """What each of `size` pixels takes of each of `source` in a line: float [size, source]."""
    each = torch.eye(source)[None, None]
    mixed = interpolate(
        each, size=(size, source), mode=interpolation, align_corners=False, antialias=True
    )
    return mixed[0, 0].contiguous()
