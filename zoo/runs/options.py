"""The options of a training run, and how they become a recipe."""

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo import data as datasets
from zoo.data import Dataset
from zoo.data.dataset import Labels
from zoo.errors import UsageError, ZooError
from zoo.progress import Progress
from zoo.records import check_values
from zoo.specs.recipe import Recipe

DEFAULT_DATA = "cifar10"
LATENTS_RUNTIMES = ("torch", "onnxruntime")
LATENTS_BY = ("torch fp32", "torch bf16", "onnxruntime fp32")  # as a card names it
# On resume the framework looks after them.
MAY_CHANGE_ON_RESUME = ("device", "precision", "latents_runtime", "cuda_graph")
# Options that every model takes, in any framework.
COMMON = frozenset({"data", "size", "grey", "skip_bad", "seed", "device"})
OF_TRANSFER = frozenset(
    {
        *("backbone", "backbone_size", "backbone_resize", "backbone_layer", "backbone_grid"),
        *("backbone_init", "weights", "flip_average", "head", "finetune", "latents_runtime"),
    }
)
VALIDATION_SEED = 0  # the same images are held out for every training seed, so that seeds compare


@dataclass(frozen=True)
class TrainOptions:
    """None leaves the choice to the recipe, or to the run that is resumed.

    Fields from `backbone` on are for transfer only. What computes the latents is chosen by
    measuring unless `latents_runtime` and `precision` pin it, so the same seed may give other
    weights in another run.
    """

    data: str | None = None  # a dataset's name or path
    size: tuple[int, int] | None = None  # height and width that images are scaled to
    grey: bool | None = None  # convert images to greyscale
    skip_bad: bool | None = None  # leave unreadable images out
    validate: float | None = None  # images to hold out: a count, or a share when below 1
    epochs: float | None = None  # instead of the recipe's
    batch: int | None = None  # likewise
    lr: float | None = None  # likewise
    quick: bool | None = None  # the recipe's shorter schedule
    flip: bool | None = None  # train on mirror images too; not where they change the class
    seed: int | None = None
    device: str | None = None  # cpu or cuda
    precision: str | None = None  # auto, fp32, bf16 or fp16
    sub_batches: int | None = None  # parts that each batch is computed in, to save memory
    compile: bool | None = None  # through torch.compile
    cuda_graph: bool | None = None  # on a GPU, replay each step from one CUDA graph
    keras_backend: str | None = None  # `torch`, `tensorflow` or `jax`
    backbone: str | None = None  # of torchvision or Keras, or a run or artifact of this zoo
    backbone_size: int | None = None  # side of the images shown to the backbone
    backbone_resize: str | None = None  # `bilinear` or `bicubic`
    # `pooled`: what its last layer took; `maps`: what its last pooling took; else a layer's name
    backbone_layer: str | None = None
    backbone_grid: int | None = None  # average maps to that many values a side
    backbone_init: str | None = None  # `random`, for a baseline
    weights: str | None = None  # the file that holds the backbone's weights
    flip_average: bool | None = None  # average the latents of an image and its mirror image
    # `linear`, `hidden` or a number of hidden units; else the better of the first two
    head: str | None = None
    # Then train the whole network; epochs, batch and lr apply to that stage
    finetune: bool | None = None
    latents_runtime: str | None = None  # `torch` or `onnxruntime`

    def __post_init__(self) -> None:
        """Refuse a value of the wrong type here, where the traceback shows the caller's line."""
        check_values(self)

    def filled(self, other: "TrainOptions") -> "TrainOptions":
        """These options, with unset ones taken from `other`."""
        return replace(other, **{name: getattr(self, name) for name in self.said()})

    def said(self) -> list[str]:
        """The names of the options that are set."""
        return [name for name, value in vars(self).items() if value is not None]

    def only(self, names: Collection[str]) -> "TrainOptions":
        """Only the options of these names; the others are unset."""
        return replace(self, **{name: None for name in self.said() if name not in names})

    def flags(self) -> list[str]:
        """The command-line flags of `train` that mean these options."""
        words = []
        for name, value in vars(self).items():
            if value is False:
                words += ["--no-flip"] if name == "flip" else []
            elif value is True:
                words.append(flag(name))
            elif value is not None and value != getattr(DEFAULTS, name):
                words += [flag(name), "x".join(map(str, value)) if name == "size" else str(value)]
        return words

    def load_data(self, data_dir: Path | None, progress: Progress) -> Dataset:
        """Load the dataset that these options name."""
        return datasets.load(
            self.data or DEFAULT_DATA,
            data_dir=data_dir,
            size=self.size,
            grey=bool(self.grey),
            skip_bad=bool(self.skip_bad),
            progress=progress,
        )


DEFAULTS = TrainOptions(
    data=DEFAULT_DATA,
    grey=False,
    skip_bad=False,
    validate=0,
    quick=False,
    seed=0,
    precision="auto",
    sub_batches=1,
    compile=False,
    cuda_graph=False,
    keras_backend="torch",
)


def flag(name: str) -> str:
    """The option of `train` that a field is."""
    return f"--{name.replace('_', '-')}"


def held_out(validate: float, images: int) -> int:
    """The number of images to hold out of `images`: a count, or a share below 1."""
    count = round(validate * images) if validate < 1 else int(validate)
    if not 0 <= count < images or (validate and not count):
        raise UsageError(f"--validate {validate:g} cannot be held out of {images} training images.")
    return count


def split_of(
    labels: Labels, options: TrainOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Indices of the images to train on, and of those to hold out, if any."""
    if not options.validate:
        return np.arange(len(labels)), None
    return datasets.hold_out(labels, int(options.validate), VALIDATION_SEED)


def fitted_recipe(recipe: Recipe, options: TrainOptions, data: Dataset) -> Recipe:
    """The model's recipe for this data, overridden by the options."""
    images = len(data.train) - held_out(options.validate or 0, len(data.train))
    mirror = data.mirror if options.flip is None else options.flip
    recipe = recipe.for_images(images, mirror)
    if options.batch is not None:
        _check_batch(options.batch, images)
        recipe = recipe.with_batch(options.batch)
    if options.quick:
        recipe = replace(recipe, epochs=recipe.quick_epochs)
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    if options.lr is not None:
        recipe = replace(recipe, lr=options.lr)
    if not (0 < recipe.epochs < math.inf and 0 < recipe.lr < math.inf):
        raise UsageError("--epochs and --lr must be above 0 and finite.")
    if images < recipe.batch:
        raise ZooError(
            f"{images} training images do not fill a batch of {recipe.batch}. "
            f"Add images or name a smaller --batch."
        )
    _check_parts(1 if options.sub_batches is None else options.sub_batches, recipe.batch)
    return recipe


def _check_parts(parts: int, batch: int) -> None:
    if not 1 <= parts <= batch:
        raise UsageError(f"--sub-batches must lie between 1 and the batch size, {batch}.")
    size = -(-batch // parts)  # like torch.chunk: equal parts and a remainder
    if 1 in (size, batch % size):
        raise UsageError(
            f"--sub-batches {parts} cuts a batch of {batch} so that a part has one image: batch "
            "normalisation needs two. Name fewer parts, or a --batch that they divide."
        )


def _check_batch(batch: int, images: int) -> None:
    if batch < 2:
        raise UsageError("--batch must be 2 or more: batch normalisation needs two images.")
    if batch > images:
        raise ZooError(
            f"--batch {batch} is larger than the data, {images} training images. "
            f"Name a --batch of {images} or less."
        )


def refuse_changes(asked: TrainOptions, begun: TrainOptions) -> None:
    """Refuse options that change a resumed run: name the first one."""
    for field in dataclasses.fields(TrainOptions):
        now, then = getattr(asked, field.name), getattr(begun, field.name)
        if now is not None and now != then and field.name not in MAY_CHANGE_ON_RESUME:
            told = flag(field.name)
            raise UsageError(
                f"this run was started with {told[2:]} {then}, so --resume cannot take {told} "
                f"{now}. "
                "Leave it out, or train another run with --run."
            )
