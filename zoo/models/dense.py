"""Densely connected networks: every layer sees the outputs of all before it (DenseNet-BC).

`densenet-bc-100-12` is the network of the paper. `dense` has fewer and wider layers behind an early
pooling: on a CPU narrow layers leave the matrix units idle, and concatenations at full size cost
memory traffic.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.specs.recipe import Recipe

BOTTLENECK = 4  # channels between a layer's two convolutions, in units of the growth

RECIPE = Recipe(
    epochs=25,
    quick_epochs=4,
    batch=512,
    lr=0.8,
    weight_decay=5e-4,
    label_smoothing=0.1,
    flip="alternating",
    shift=3,
    cutout=8,
    average=0.998,
    views="mirror",
)

# The paper's schedule, with a straight descent in the place of its two drops; meant for a GPU.
PAPER_RECIPE = Recipe(
    epochs=300,
    quick_epochs=40,
    batch=64,
    lr=0.1,
    weight_decay=1e-4,
    warmup=0.05,
    shift=4,
    views="mirror",
)


def unit(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Normalisation, ReLU and a convolution that keeps the size."""
    return [
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
    ]


class Layer(nn.Module):
    """Appends `growth` channels to its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        width = BOTTLENECK * growth
        self.grow = nn.Sequential(*unit(inputs, width, 1), *unit(width, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.grow(x)], 1)


def densenet(
    classes: int, stem: Sequence[nn.Module], growth: int, blocks: Sequence[int]
) -> nn.Module:
    """From normalised pixels float [N, C, H, W] to logits [N, classes].

    stem: the layers before the first block, starting with the first convolution; blocks: the number
    of layers in each. Between blocks, channels and size are halved.
    """
    layers = list(stem)
    channels = next(m.out_channels for m in stem if isinstance(m, nn.Conv2d))
    for index, count in enumerate(blocks):
        if index:
            layers += [*unit(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(count):
            layers.append(Layer(channels, growth))
            channels += growth
    head = [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(channels, classes))


def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """`dense`: growth 32 in blocks of 4, 6 and 6 layers, after a pooling."""
    stem = [nn.Conv2d(image_shape[2], 64, 3, padding=1, bias=False), nn.MaxPool2d(2)]
    return densenet(classes, stem, growth=32, blocks=(4, 6, 6))


def build_paper(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """`densenet-bc-100-12`: growth 12 in three blocks of 16 layers."""
    stem = [nn.Conv2d(image_shape[2], 24, 3, padding=1, bias=False)]
    return densenet(classes, stem, growth=12, blocks=(16, 16, 16))
