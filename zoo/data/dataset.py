"""What every part of the zoo means by a dataset: pixels, labels, class names, a fingerprint."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One part of a dataset, in canonical order.

    images: uint8 [N, H, W, C], usually memory-mapped; labels: int64 [N], each < the class count.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A train and a test split of one source.

    fingerprint: of the source's images and class names; the same whatever container or order they
        came in, and whatever view of them is taken.
    view: "" for the images as they are, else the change, such as "28x28-grey".
    mirror: whether a mirrored image still shows its class (false for digits and letters).
    mean, std: per channel, of the training pixels, on the 0..1 scale.
    skipped: unreadable images left out, by path.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    fingerprint: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    view: str = ""
    mirror: bool = True
    skipped: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape[1:]
        return int(height), int(width), int(channels)
