"""`samples`: look at a dataset before training on it."""

from pathlib import Path

import numpy as np

from zoo.data import Dataset, load
from zoo.drawing import plots
from zoo.errors import UsageError
from zoo.marks import refuse_others
from zoo.progress import Progress


def samples(
    name: str,
    out: Path | None = None,
    *,
    data_dir: Path | None = None,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    skip_bad: bool = False,
    image: int | None = None,
    count: int = 40,
    progress: Progress | None = None,
) -> Path:
    """Write a PNG of `count` training images with their classes, or only of image `image`.

    A file that this project did not write is not replaced.
    """
    out = out or Path("samples.png" if image is None else f"sample-{image}.png")
    refuse_others([out], "name another --out")
    data = load(
        name,
        data_dir=data_dir,
        size=size,
        grey=grey,
        skip_bad=skip_bad,
        progress=progress or Progress(),
    )
    if image is None:
        _draw_grid(data, count, out)
        return out
    if image >= len(data.train):
        raise UsageError(
            f"--image {image}: {data.name} has training images 0 to {len(data.train) - 1}."
        )
    plots.draw_image(data, image, out)
    return out


def _draw_grid(data: Dataset, count: int, out: Path) -> None:
    """Draw classes in turn, so that each appears before any appears twice."""
    labels = data.train.labels
    rank = np.zeros(len(labels), dtype=np.int64)
    for label in range(len(data.class_names)):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    chosen = np.lexsort((labels, rank))[:count]
    height, width, channels = data.image_shape
    title = f"{data.name}: {len(data.train):,} training images, {height}x{width}x{channels}"
    captions = [f"{data.class_names[int(labels[index])]}\nimage {index}" for index in chosen]
    plots.draw_grid(data.train.images[chosen], captions, out, title=title)
