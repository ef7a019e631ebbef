"""The dataset type of the whole zoo: pixels, labels, class names and a fingerprint."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One part of a dataset, in canonical order."""

    images: Images  # uint8 [N, H, W, C], usually memory-mapped
    labels: Labels  # int64 [N], each below the number of classes

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A train and a test split of one source."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    fingerprint: str  # hash of images and class names, independent of container, order and view
    mean: tuple[float, ...]  # per channel, of the training pixels, on the 0..1 scale
    std: tuple[float, ...]  # likewise
    view: str = ""  # "" for the images as they are, else the change, such as "28x28-grey"
    # Whether a mirrored image still shows its class (not so for digits and letters)
    mirror: bool = True
    skipped: tuple[str, ...] = ()  # paths of unreadable images that were left out

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape[1:]
        return int(height), int(width), int(channels)
