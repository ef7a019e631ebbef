"""The image that `show` follows: which one it is, and what the model answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.actions.opening import OpenedSource, Source
from zoo.actions.predict import Guess, probabilities
from zoo.data.dataset import Dataset, Images
from zoo.data.local import load_local
from zoo.data.loose import read_image
from zoo.data.pixels import shown
from zoo.errors import UsageError, ZooError
from zoo.ort.given import Given, read_sidecar
from zoo.ort.signature import Signature, logits
from zoo.progress import Progress

TOP = 5
_GREY = 127
_PARTS = 8  # parts per side of the image, covered one after another


@dataclass(frozen=True)
class Chosen:
    """The image that is shown."""

    pixels: Images
    origin: str  # in words; "" of one that only stands in for an image
    truth: str = ""  # its class


@dataclass(frozen=True)
class Answer:
    """What a model says of an image."""

    guesses: tuple[Guess, ...]  # the likeliest first
    saliency: NDArray[np.float32]  # what covering each part takes from the likeliest class


def find_data(
    source: Source, given: Given, data_dir: Path | None, progress: Progress
) -> Dataset | str | None:
    """The model's own dataset, or why it is unavailable; None if it does not name one."""
    name, fingerprint = given.data, None
    if isinstance(source.file, Path):
        name = given.over(read_sidecar(source.file)).data
    else:
        card = source.file.card
        name, fingerprint = given.data or card.dataset, card.fingerprint
    return None if name is None else load_local(name, fingerprint, data_dir, progress)


def test_images(data: Dataset, signature: Signature, images: slice) -> Images:
    """Some test images, as a model takes them."""
    height, width, channels = signature.image_shape
    taken = np.asarray(data.test.images[images])
    return np.stack([shown(image, (height, width), channels) for image in taken])


def choose(
    image: int | str | Path | None,
    source: Source,
    opened: OpenedSource,
    data: Dataset | str | None,
) -> Chosen:
    """A test image by its number, a file, or a grey image if none is requested."""
    text = str(image)
    if image is None:
        return Chosen(np.full(opened.signature.image_shape, _GREY, np.uint8), "")
    if text.isascii() and text.isdigit():
        return _of_data(int(text), source, opened, data)
    path = Path(text)
    if not path.exists():
        raise UsageError(f"--image {text}: this is neither a file nor a number.")
    read = read_image(path, opened.signature.image_shape)
    if read.pixels is None:
        raise ZooError(f"{path} cannot be shown: {read.problem}.")
    return Chosen(read.pixels, f"image {path.name}")


def _of_data(
    number: int, source: Source, opened: OpenedSource, data: Dataset | str | None
) -> Chosen:
    if data is None:
        raise UsageError(
            f"--image {number}: {source.title} does not name its dataset. Name one with --data, "
            "or give an image file."
        )
    if isinstance(data, str):
        raise ZooError(f"--image {number}: {data}. Or give an image file.")
    if number >= len(data.test):
        raise UsageError(
            f"--image {number}: {data.name} has test images 0 to {len(data.test) - 1}."
        )
    (pixels,) = test_images(data, opened.signature, slice(number, number + 1))
    truth = data.class_names[int(data.test.labels[number])]
    return Chosen(pixels, f"test image {number} of {data.name}: {truth}", truth)


def answer(opened: OpenedSource, image: Images) -> Answer:
    """The likeliest classes, and what covering each part of the image takes from the first."""
    height, width, _ = image.shape
    rows, columns = min(_PARTS, height), min(_PARTS, width)
    cover = np.rint(image.mean(axis=(0, 1))).astype(np.uint8)
    shows = np.repeat(image[None], 1 + rows * columns, axis=0)
    for row in range(rows):
        for column in range(columns):
            high = slice(row * height // rows, (row + 1) * height // rows)
            wide = slice(column * width // columns, (column + 1) * width // columns)
            shows[1 + row * columns + column, high, wide] = cover
    signature = opened.signature
    batch = 16 if image.size < 1 << 18 else 1
    values = logits(opened.session, signature, shows, batch=batch)
    if not np.isfinite(values).all():
        raise ZooError(f"{opened.session.name} gives values that are not numbers.")
    shares = probabilities(values, signature.output)
    order = np.argsort(-shares[0], kind="stable")[:TOP]
    guesses = tuple(
        Guess(signature.class_name(int(label)), float(shares[0, label])) for label in order
    )
    lost = shares[0, order[0]] - shares[1:, order[0]]
    return Answer(guesses, lost.reshape(rows, columns).astype(np.float32))
