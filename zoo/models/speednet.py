"""A small network that reaches 94% on CIFAR-10 quickly, after the published recipe airbench94.

A frozen layer that whitens 2x2 patches, three groups of two convolutions, a linear head. The
convolutions start as the identity on their first channels, and Muon turns each of their updates
into an orthogonal one, so a few hundred large steps suffice.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from zoo.specs.recipe import Recipe

WIDTHS = (64, 256, 256)
PATCH = 2
WHITENING_FLOOR = 5e-4  # added to the variances, so that noise is not blown up

RECIPE = Recipe(
    epochs=9.0,
    quick_epochs=2,
    batch=1000,
    optimizer="muon",
    lr=0.17,
    momentum=0.6,
    bias_lr=53.0,
    head_lr=0.01025,
    weight_decay=0.002,
    warmup=0.0,
    label_smoothing=0.2,
    flip="alternating",
    shift=2,
    views="six",
)


class Group(nn.Module):
    """Convolution, pooling, convolution; normalised and through a GELU after each."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.norm1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = norm(outputs)
        for conv in (self.conv1, self.conv2):
            nn.init.dirac_(conv.weight[: conv.in_channels])

    def forward(self, x: Tensor) -> Tensor:
        x = gelu(self.norm1(self.pool(self.conv1(x))))
        return gelu(self.norm2(self.conv2(x)))


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation without a gain, which there are too few steps to learn."""
    layer = nn.BatchNorm2d(channels, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


class MaxPool(nn.Module):
    """The largest value of each map; a module, so that a backbone can end before it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax((2, 3))


class SpeedNet(nn.Module):
    """From normalised pixels float [N, C, H, W] to logits [N, classes]."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        whitened = 2 * channels * PATCH**2
        self.whiten = nn.Conv2d(channels, whitened, PATCH, bias=False)
        self.whiten.weight.requires_grad_(False)
        inputs = (whitened, *WIDTHS)
        self.groups = nn.Sequential(*(Group(*pair) for pair in zip(inputs, WIDTHS, strict=False)))
        self.pool = MaxPool()
        self.head = nn.Linear(WIDTHS[-1], classes, bias=False)
        with torch.no_grad():
            self.head.weight.div_(WIDTHS[-1])

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(gelu(self.whiten(x)))
        logits: Tensor = self.head(self.pool(x))
        return logits

    @torch.no_grad()
    def calibrate(self, pixels: Tensor) -> None:
        """Set the first layer to the whitening of these pixels' patches, and its negation."""
        patches = pixels.unfold(2, PATCH, 1).unfold(3, PATCH, 1).permute(0, 2, 3, 1, 4, 5)
        flat = patches.reshape(-1, self.whiten.weight[0].numel()).double()
        variances, axes = torch.linalg.eigh(flat.T @ flat / len(flat))
        filters = (axes / (variances + WHITENING_FLOOR).sqrt()).T.flip(0)
        shaped = filters.reshape(-1, *self.whiten.weight.shape[1:])
        self.whiten.weight.copy_(torch.cat([shaped, -shaped]))


def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A speednet for images [height, width, channels]."""
    return SpeedNet(image_shape[2], classes)
