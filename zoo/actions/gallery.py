"""Images to compare models on: test images of their dataset, or files of a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.actions.opening import Source
from zoo.data.dataset import Images, Labels
from zoo.data.local import load_local
from zoo.data.loose import find_images, read_image
from zoo.data.pixels import shown
from zoo.errors import UsageError, ZooError
from zoo.ort.given import Given, read_sidecar
from zoo.progress import Progress


@dataclass(frozen=True)
class Gallery:
    """Images as a model takes them, read again each time, so that any number fits in memory."""

    origin: str  # in words
    names: Sequence[str]  # one an image
    labels: Labels | None  # None where they are unknown
    class_names: tuple[str, ...]  # of the labels
    take: Callable[[range], Images]  # uint8 [N, H, W, C]

    def __len__(self) -> int:
        return len(self.names)


def gallery(
    folder: Path | None,
    count: int,
    sources: Sequence[Source],
    given: Given,
    shape: tuple[int, int, int],
    data_dir: Path | None,
    progress: Progress,
) -> Gallery:
    """The first images of a folder, else of the models' own test set.

    shape: height, width and channels, as the models take them.
    """
    if folder is not None:
        return _of_folder(folder, count, shape, progress)
    names = [_dataset_of(source, given) for source in sources]
    name, fingerprint = next((one for one in names if one[0] is not None), (None, None))
    if name is None:
        raise UsageError(
            f"{sources[0].title} does not name its dataset. Name one with --data, or a folder of "
            "images with --images."
        )
    data = load_local(name, fingerprint, data_dir, progress)
    if isinstance(data, str):
        raise ZooError(f"there are no test images: {data}. Or name a folder with --images.")
    some = range(min(count, len(data.test)))

    def take(wanted: range) -> Images:
        height, width, channels = shape
        return np.stack(
            [shown(np.asarray(data.test.images[at]), (height, width), channels) for at in wanted]
        )

    return Gallery(
        origin=f"{len(some):,} test images of {data.name}",
        names=[f"test image {at}" for at in some],
        labels=np.asarray(data.test.labels[: len(some)]),
        class_names=data.class_names,
        take=take,
    )


def _dataset_of(source: Source, given: Given) -> tuple[str | None, str | None]:
    """Name and fingerprint."""
    if isinstance(source.file, Path):
        return given.over(read_sidecar(source.file)).data, None
    card = source.file.card
    return given.data or card.dataset, card.fingerprint


def _of_folder(
    folder: Path, count: int, shape: tuple[int, int, int], progress: Progress
) -> Gallery:
    paths = []
    for path in find_images([folder], progress):
        read = read_image(path, shape)
        if read.pixels is None:
            progress.say(f"left out: {path}: {read.problem}")
        else:
            paths.append(path)
        if len(paths) == count:
            break
    if not paths:
        raise ZooError(f"none of the images in {folder} can be read.")

    def take(wanted: range) -> Images:
        pixels = [read_image(paths[at], shape) for at in wanted]
        for image in pixels:
            if image.pixels is None:
                raise ZooError(f"{image.path} can no longer be read: {image.problem}.")
        return np.stack([image.pixels for image in pixels if image.pixels is not None])

    names = [str(path.relative_to(folder)) if path != folder else path.name for path in paths]
    return Gallery(f"{len(paths):,} images of {folder}", names, None, (), take)
