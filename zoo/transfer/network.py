"""The network of a transfer: a frozen pretrained backbone with a small head on it.

The head is trained on latents, which the backbone computes once (see `zoo.transfer.latents`). What
is tested and exported is the whole network, from pixels at their own size to logits. Finetuning,
where it is asked for, then trains all of it on images.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from zoo.models.resize import Resize
from zoo.specs.design import Backbone, Design, hidden_units
from zoo.specs.recipe import Recipe
from zoo.transfer.backbones import Trunk, build_trunk

DROPOUT = 0.5

RECIPE = Recipe(
    epochs=20,
    quick_epochs=3,
    batch=512,
    optimizer="adamw",
    lr=5e-3,
    weight_decay=0.05,
    warmup=0.1,
    label_smoothing=0.1,
    views="mirror",
)

# Keras's loss by class numbers has no label smoothing; mirror images are not averaged.
KERAS_RECIPE = replace(RECIPE, label_smoothing=0.0, flip="none", views="none")

FINETUNING = Recipe(
    epochs=3,
    quick_epochs=1,
    batch=64,
    optimizer="adamw",
    lr=1e-4,
    weight_decay=0.05,
    warmup=0.1,
    label_smoothing=0.1,
    shift=2,
    views="mirror",
)


class Transfer(nn.Module):
    """From normalised pixels float [N, C, H, W] to what the head makes of their latents.

    Pixels are normalised before they are resized: both are linear, and a small image has fewer.
    """

    def __init__(
        self,
        backbone: Backbone,
        trunk: Trunk,
        image_shape: tuple[int, int, int],
        head: nn.Module,
        flip_average: bool = False,
    ) -> None:
        super().__init__()
        height, width, channels = image_shape
        same = (height, width) == backbone.size
        self.tint = Tint(backbone) if channels < backbone.channels else nn.Identity()
        self.resize = (
            nn.Identity()
            if same
            else Resize((height, width), backbone.size, backbone.interpolation)
        )
        self.backbone = trunk.network
        self.head = head
        self.flip_average = flip_average

    def train(self, mode: bool = True) -> "Transfer":
        """Switch the head's dropout on or off; the backbone always computes as in evaluation."""
        # So finetuning begins as the very function that the head was trained on. It would not with
        # statistics of a batch, which small ones make noisy and weights with folded normalisations
        # do not survive, nor with dropout right before the head.
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.head(self.latents(x))
        return answer

    def latents(self, x: Tensor) -> Tensor:
        """What the head was trained on: float [N, width]."""
        if not self.flip_average:
            return self._seen(x)
        # As one batch: a second pass would be a second copy of the backbone in a file.
        both = self._seen(torch.cat([x, x.flip(-1)]))
        return both.reshape(2, -1, both.shape[1]).mean(0)

    def _seen(self, x: Tensor) -> Tensor:
        seen: Tensor = self.backbone(self.resize(self.tint(x)))
        return seen.flatten(1)


class Tint(nn.Module):
    """Grey pixels on the 0..1 scale as a backbone for colours wants them."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        std = torch.tensor(backbone.std)
        self.gain: Tensor
        self.shift: Tensor
        self.register_buffer("gain", (1 / std).view(-1, 1, 1), persistent=False)
        shift = (-torch.tensor(backbone.mean) / std).view(-1, 1, 1)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain + self.shift


def normalisation(backbone: Backbone, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std of the pixels that the network takes; grey ones are normalised inside it."""
    return (backbone.mean, backbone.std) if channels == backbone.channels else ((0.0,), (1.0,))


def make_head(kind: str, width: int, classes: int) -> nn.Sequential:
    """From latents float [N, width] to logits [N, classes]."""
    if kind == "linear":
        return nn.Sequential(nn.Linear(width, classes))
    units = hidden_units(kind)
    return nn.Sequential(
        nn.Linear(width, units), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(units, classes)
    )


class Standard(nn.Module):
    """Latents float [N, width] as the head was trained on them: each with mean 0 and spread 1.

    A step of its own, for within the head's weights numbers of little spread would be lost in the
    few steps that an int8 file has for all of them.
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def build(design: Design, image_shape: tuple[int, int, int], classes: int) -> Transfer:
    """The whole network, its weights still to be loaded."""
    trunk = build_trunk(design.backbone)
    standard = Standard(torch.zeros(trunk.width), torch.ones(trunk.width))
    head = nn.Sequential(standard, make_head(design.head, trunk.width, classes))
    return Transfer(design.backbone, trunk, image_shape, head, design.flip_average)
