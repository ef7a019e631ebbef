"""A transfer network as plain values: its backbone and its head."""

from dataclasses import dataclass
from typing import Any

from zoo.records import read
from zoo.specs.recipe import Recipe

DEFAULT = "inception_v3"
DEFAULT_KERAS = "InceptionV3"
POOLED, MAPS = "pooled", "maps"
LAYERS = (POOLED, MAPS)
HEADS = ("linear", "hidden")
HIDDEN = 512


@dataclass(frozen=True)
class Backbone:
    """A network that was trained before, with its last layer removed."""

    name: str  # as it was asked for
    library: str  # `torchvision`, `keras` or `zoo`
    model: str  # its name there
    size: tuple[int, int]  # height and width of the images it is shown
    channels: int  # that it was built for
    classes: int  # that it was built for
    mean: tuple[float, ...]  # of its pixels, per channel, on the 0..1 scale
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    # `pooled`: what its last layer took; `maps`: what its last pooling took; else a layer's output
    layer: str = POOLED
    grid: int = 0  # maps are averaged to grid x grid values each; 0 leaves them as they are
    origin: str = ""  # where its weights are from
    weights: str = ""  # their sha256, see `zoo.transfer.backbones.fingerprint`


@dataclass(frozen=True)
class Design:
    """Everything that a transfer network is built from, besides image shape and classes."""

    backbone: Backbone
    head: str  # `linear`, `hidden` (a layer of `HIDDEN` units), or a number of hidden units
    flip_average: bool = False  # latents are the mean of those of an image and its mirror image
    finetuning: Recipe | None = None  # of the whole network; its backbone then has its own weights

    @classmethod
    def from_json(cls, value: Any) -> "Design":
        """A design from its JSON value; `ValueError` names what is missing or of the wrong type."""
        design: Design = read(cls, value, "the design")
        return design


def is_head(kind: str) -> bool:
    """Whether `kind` names a head."""
    return kind in HEADS or (kind.isdecimal() and int(kind) > 0)


def hidden_units(kind: str) -> int:
    """Hidden units of a head that has a hidden layer."""
    return HIDDEN if kind == "hidden" else int(kind)


def head_words(kind: str) -> str:
    """The head in words."""
    return "linear head" if kind == "linear" else f"head with {hidden_units(kind)} hidden units"
