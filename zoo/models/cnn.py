"""The classic convolutional network: two convolutions with pooling, then three linear layers.

Conv2d, ReLU, MaxPool2d, Conv2d, ReLU, MaxPool2d, Flatten, Linear, ReLU, Linear, ReLU, Linear, with
batch normalisation in between. It comes after the pooling, where only a quarter of the values is
left: on a CPU the convolutions are so fast that this matters.
"""

from torch import nn

from zoo.specs.recipe import Recipe

CHANNELS = (64, 128)
KERNEL = 5
HIDDEN = (256, 192)

RECIPE = Recipe(
    epochs=50,
    quick_epochs=6,
    batch=512,
    lr=0.5,
    weight_decay=5e-4,
    label_smoothing=0.1,
    shift=3,
    cutout=8,
    average=0.999,
    views="mirror",
)


def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A CNN from normalised pixels float [N, C, H, W] to logits [N, classes]."""
    return net(image_shape, classes, CHANNELS)


def net(image_shape: tuple[int, int, int], classes: int, channels: tuple[int, int]) -> nn.Module:
    """The same sequence at other widths."""
    height, width, colours = image_shape
    layers: list[nn.Module] = []
    inputs = colours
    for outputs in channels:
        layers += [
            nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(outputs),
        ]
        inputs = outputs
    layers.append(nn.Flatten())
    inputs *= (height // 4) * (width // 4)
    for outputs in HIDDEN:
        layers += [
            nn.Linear(inputs, outputs, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ReLU(inplace=True),
        ]
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
