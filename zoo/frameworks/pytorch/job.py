"""The inputs of the training loop: a network, its data, and how to train it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.runs.history import EpochRow
from zoo.specs.recipe import Recipe


@dataclass(frozen=True)
class Past:
    """What earlier stages did; the history continues."""

    rows: tuple[EpochRow, ...] = ()  # of the stages before
    flop: float = 0.0  # spent on them

    @property
    def epochs(self) -> float:
        """All epochs finished."""
        return self.rows[-1].epoch if self.rows else 0.0

    @property
    def steps(self) -> int:
        """All steps done."""
        return self.rows[-1].step if self.rows else 0


@dataclass(frozen=True)
class Job:
    """What to train and how."""

    network: nn.Module
    recipe: Recipe
    images: Tensor  # uint8 [N, H, W, C], or what a frozen backbone made of them, float [N, D]
    labels: Tensor  # int64 [N]
    indices: Tensor  # int64, of the images to train on
    mean: tuple[float, ...]  # a channel on the 0..1 scale, or each of the D numbers
    std: tuple[float, ...]
    device: torch.device
    validation: Tensor | None = None  # indices of the images to look at after each epoch
    precision: str = "fp32"
    seed: int = 0
    sub_batches: int = 1
    compile: bool = False
    cuda_graph: bool = False  # replay the step from one
    past: Past = Past()
