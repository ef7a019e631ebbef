"""MNIST's idx files, plain or gzipped, as MNIST and Fashion-MNIST are published."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from zoo.data.dataset import Images
from zoo.data.sources import ArraySource, Origin
from zoo.errors import ZooError
from zoo.reading import read_bytes

TRAIN_IMAGES = "train-images-idx3-ubyte"
FILES = {
    "train": (TRAIN_IMAGES, "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
UINT8_CODE = 8
LARGEST_FILE = 1 << 30


def idx_file(folder: Path, name: str) -> Path | None:
    """The file `name` in `folder`, plain or gzipped."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def idx_origin(folder: Path, class_names: tuple[str, ...]) -> Origin:
    """The four idx files in `folder`."""
    files = {}
    for name in (name for names in FILES.values() for name in names):
        path = idx_file(folder, name)
        if path is None:
            raise ZooError(f"{folder} lacks {name}.gz; fetch the four files again.")
        files[name] = path

    @contextmanager
    def opened() -> Iterator[ArraySource]:
        images, labels = {}, {}
        for split, (image_name, label_name) in FILES.items():
            pixels = read_idx(files[image_name], axes=3)
            marks = read_idx(files[label_name], axes=1)
            if len(pixels) != len(marks) or (marks >= len(class_names)).any():
                raise ZooError(f"{files[label_name]} does not fit {files[image_name].name}.")
            images[split] = pixels[..., None]
            labels[split] = marks.astype(np.int64)
        yield ArraySource(class_names, images, labels)

    return Origin("idx", folder, tuple(path.name for path in files.values()), opened)


def read_idx(path: Path, axes: int) -> Images:
    """The uint8 array of an idx file with `axes` axes."""
    try:
        content = read_bytes(path, LARGEST_FILE)
        if path.suffix == ".gz":
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ZooError(f"{path} cannot be read to its end ({error}); fetch it again.") from error
    header = 4 + 4 * axes
    if content[:4] != bytes((0, 0, UINT8_CODE, axes)) or len(content) < header:
        raise ZooError(f"{path} is not an idx file of {axes} axes; fetch it again.")
    shape = struct.unpack(f">{axes}I", content[4:header])
    # Multiplied as Python integers: a wrong header may claim more than 64 bits hold.
    expected = 1
    for extent in shape:
        expected *= extent
    if len(content) - header != expected:
        raise ZooError(f"{path} is shorter or longer than its header says; fetch it again.")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
