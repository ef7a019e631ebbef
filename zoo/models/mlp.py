"""The classic multilayer perceptron: flatten, 500 and 50 hidden units.

The sizes are those of `mlp-numpy`, with batch normalisation and ReLU instead of its sigmoids; the
network does not know which pixels are neighbours.
"""

from itertools import pairwise

from torch import nn

from zoo.specs.recipe import Recipe

HIDDEN = (500, 50)

RECIPE = Recipe(
    epochs=200,
    quick_epochs=20,
    batch=512,
    optimizer="adamw",
    lr=3e-3,
    weight_decay=0.3,
    warmup=0.1,
    label_smoothing=0.1,
    shift=4,
    average=0.9995,
    views="mirror",
)


def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """An MLP from normalised pixels float [N, C, H, W] to logits [N, classes]."""
    height, width, channels = image_shape
    sizes = (height * width * channels, *HIDDEN)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))
