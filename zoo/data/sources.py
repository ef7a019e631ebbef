"""The interface of every source: class names, labels, and pixels of one image at a time."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from zoo.data.dataset import Images, Labels
from zoo.errors import ZooError

SPLITS = ("train", "test")


class Source(Protocol):
    """An opened source. `pixels` is called from several threads at once."""

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def channels(self) -> int:
        """Channels of every image as the source gives it: 3, or 1 for grey datasets."""
        ...

    @property
    def labels(self) -> dict[str, Labels]:
        """For each split: int64 [N], in the source's own order."""
        ...

    def pixels(self, split: str, index: int) -> Images:
        """One image at its own size, uint8 [H, W, channels], or `UnreadableError`."""
        ...

    def image_name(self, split: str, index: int) -> str:
        """Where inside the source an image lies, for messages."""
        ...


@dataclass(frozen=True)
class Origin:
    """Where a dataset is, known without reading an image."""

    kind: str  # how the files are read; two kinds never share a cache entry
    path: Path | None  # the folder or file; None for embedded data
    # Files below `path` that hold the content, relative; "" is `path` itself; a name that ends in
    # "/" marks a folder, of which only the name matters
    names: tuple[str, ...]
    # Gives the list of images, usable until the context ends
    open: Callable[[], AbstractContextManager[Source]]

    @property
    def title(self) -> str:
        return str(self.path) if self.path else "the embedded data"


@dataclass(frozen=True)
class ArraySource:
    """A source whose images are arrays in memory."""

    class_names: tuple[str, ...]
    images: dict[str, Images]  # by split, uint8 [N, H, W, C]
    labels: dict[str, Labels]

    @property
    def channels(self) -> int:
        return int(self.images["train"].shape[3])

    def pixels(self, split: str, index: int) -> Images:
        pixels: Images = self.images[split][index]
        return pixels

    def image_name(self, split: str, index: int) -> str:
        return f"{split} image {index}"


def check_classes(class_names: tuple[str, ...], labels: dict[str, Labels], title: str) -> None:
    """Refuse fewer than two classes, or a class without images in either split."""
    if len(class_names) < 2:
        raise ZooError(
            f"{title} has only one class ('{class_names[0]}'); "
            "a classifier needs at least two class folders in train/."
        )
    for split in SPLITS:
        counts = np.bincount(labels[split], minlength=len(class_names))
        empty = [class_names[label] for label in np.flatnonzero(counts == 0)]
        if empty:
            more = f" (and {len(empty) - 5} more classes)" if len(empty) > 5 else ""
            raise ZooError(
                f"{title}: no images in {split}/ of class {', '.join(empty[:5])}{more}. "
                "Every class needs images in train/ and in test/."
            )
