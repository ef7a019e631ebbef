"""Write all images of a source as .npy arrays in canonical order, in bounded memory.

They are decoded in parallel into a flat file in the order they come, hashed, and copied from there
into their final place, so no more than a few chunks of pixels are ever in memory.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.dataset import Images, Labels
from zoo.data.pixels import UnreadableError, View, content_hash, shown
from zoo.data.sources import SPLITS, Source
from zoo.data.threads import over_chunks
from zoo.errors import ZooError
from zoo.files import writing
from zoo.progress import Advance, Progress

CHUNK_IMAGES = 256
CHUNK_BYTES = 1 << 20
SIZE_SAMPLE = 32


@dataclass(frozen=True)
class Decoded:
    """One split as it was read. Rows of `digests` and `sizes` are valid only where `readable`."""

    digests: NDArray[np.uint8]  # [N, 32], content hashes
    sizes: NDArray[np.int32]  # [N, 2], native height and width
    readable: NDArray[np.bool_]  # [N]
    failures: list[tuple[int, str]]  # index and reason of those that are not readable


@dataclass(frozen=True)
class DataFacts:
    """What is known of a dataset once its arrays are written."""

    class_names: tuple[str, ...]
    fingerprint: str
    mean: tuple[float, ...]  # as in `Dataset`
    std: tuple[float, ...]
    skipped: tuple[tuple[str, str], ...]  # images that are unreadable, and why


def write_arrays(source: Source, view: View, folder: Path, progress: Progress) -> DataFacts:
    """Write `train-images.npy`, `train-labels.npy` and the same for test into `folder`.

    Without a size in `view`, images get the size that most training images have (the larger of
    equally frequent ones). Unreadable images are left out and listed in the result.
    """
    with writing(folder), warnings.catch_warnings():
        # Pillow warns of large images and odd metadata, once a thread and without their name.
        warnings.filterwarnings("ignore", module=r"PIL\..*")
        size = view.size or commonest_size(sample_sizes(source))
        decoded = decode_all(source, size, view, folder, progress)
        if view.size is None:
            train = decoded["train"]
            true_size = commonest_size(train.sizes[train.readable])
            if true_size != size:
                size = true_size
                decoded = decode_all(source, size, view, folder, progress)
            if any((part.sizes[part.readable] != size).any() for part in decoded.values()):
                progress.say(
                    f"images of different sizes: all scaled to {size[0]}x{size[1]}, the most "
                    "common; "
                    "--size chooses another"
                )
        return arrange(source, decoded, size, view, folder)


def sample_sizes(source: Source) -> NDArray[np.int32]:
    """Native (height, width) of some training images: a first guess of the commonest one."""
    total = len(source.labels["train"])
    sizes = []
    for index in range(0, total, max(1, total // SIZE_SAMPLE)):
        try:
            sizes.append(source.pixels("train", index).shape[:2])
        except UnreadableError:
            continue
    return np.array(sizes, dtype=np.int32).reshape(-1, 2)


def commonest_size(sizes: NDArray[np.int32]) -> tuple[int, int]:
    """The most frequent row of `sizes` (int [N, 2]); of equally frequent ones the larger."""
    if len(sizes) == 0:
        return 1, 1  # nothing is readable, which is told once everything was tried
    rows, counts = np.unique(sizes, axis=0, return_counts=True)
    best = max(range(len(rows)), key=lambda i: (counts[i], rows[i].prod(), rows[i][0]))
    return int(rows[best][0]), int(rows[best][1])


def decode_all(
    source: Source, size: tuple[int, int], view: View, folder: Path, progress: Progress
) -> dict[str, Decoded]:
    """Decode both splits at `size` (height, width) into flat files in `folder`."""
    total = sum(len(source.labels[split]) for split in SPLITS)
    _check_room(source, size, view, folder)
    with progress.task(f"decoding to {size[0]}x{size[1]}", total) as advance:
        return {
            split: decode_split(source, split, (*size, _channels(source, view)), folder, advance)
            for split in SPLITS
        }


def decode_split(
    source: Source, split: str, shape: tuple[int, int, int], folder: Path, advance: Advance
) -> Decoded:
    """Decode one split: image i of `shape` (H, W, C) becomes record i of a flat file."""
    total, image_bytes = len(source.labels[split]), int(np.prod(shape))
    result = Decoded(
        digests=np.zeros((total, 32), dtype=np.uint8),
        sizes=np.zeros((total, 2), dtype=np.int32),
        readable=np.zeros(total, dtype=bool),
        failures=[],
    )
    with _flat_file(folder, split).open("wb", buffering=0) as handle:

        def work(span: range) -> tuple[int, list[tuple[int, str]]]:
            block = np.zeros((len(span), *shape), dtype=np.uint8)
            failures = []
            for row, index in enumerate(span):
                try:
                    pixels = source.pixels(split, index)
                    block[row] = shown(pixels, shape[:2], shape[2])
                except UnreadableError as error:
                    failures.append((index, str(error)))
                    continue
                result.digests[index] = np.frombuffer(content_hash(pixels), dtype=np.uint8)
                result.sizes[index] = pixels.shape[:2]
                result.readable[index] = True
            _write_at(handle.fileno(), block, span.start * image_bytes)
            return len(span), failures

        for count, failures in over_chunks(work, total, _chunk(image_bytes)):
            result.failures.extend(failures)
            advance(count)
    return result


def arrange(
    source: Source, decoded: dict[str, Decoded], size: tuple[int, int], view: View, folder: Path
) -> DataFacts:
    """Copy the flat files into canonical order, and compute the statistics on the way."""
    channels = _channels(source, view)
    identity = hashlib.sha256(json.dumps(source.class_names).encode())
    histogram = np.zeros((channels, 256), dtype=np.int64)
    for split in SPLITS:
        labels, part = source.labels[split], decoded[split]
        order = canonical_order(part, labels, source.class_names)
        identity.update(split.encode())
        identity.update(labels[order].astype("<i8").data)
        identity.update(part.digests[order].data)
        flat = _flat_file(folder, split)
        shape = (len(labels), *size, channels)
        blocks = _rows(np.memmap(flat, dtype=np.uint8, mode="r", shape=shape), order)
        if split == "train":
            blocks = _counted(blocks, histogram)
        _write_npy(folder / f"{split}-images.npy", (len(order), *shape[1:]), np.uint8, blocks)
        _write_npy(folder / f"{split}-labels.npy", (len(order),), np.int64, iter([labels[order]]))
        flat.unlink()
    mean, std = moments(histogram)
    skipped = tuple(
        (source.image_name(split, index), reason)
        for split in SPLITS
        for index, reason in decoded[split].failures
    )
    return DataFacts(source.class_names, identity.hexdigest(), mean, std, skipped)


def canonical_order(
    part: Decoded, labels: Labels, class_names: tuple[str, ...]
) -> NDArray[np.int64]:
    """Indices of the readable images, sorted by content hash, then by class name."""
    rank = np.argsort(np.argsort(np.array(class_names)))
    words = part.digests.view(">u8")
    order = np.lexsort((rank[labels], words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    return np.asarray(order[part.readable[order]], dtype=np.int64)


def moments(histogram: NDArray[np.int64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation on the 0..1 scale of each channel's counts, int64 [C, 256].

    Exact: sums are Python integers, rounded once at the end.
    """
    means, deviations = [], []
    for counts in histogram.tolist():
        n = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        means.append(total / (255 * n) if n else 0.0)
        deviations.append((n * squares - total * total) ** 0.5 / (255 * n) if n else 0.0)
    return tuple(means), tuple(deviations)


def _channels(source: Source, view: View) -> int:
    return 1 if view.grey else source.channels


def _check_room(source: Source, size: tuple[int, int], view: View, folder: Path) -> None:
    """Report a disk that is too small before the work, not after it.

    Both flat files and the first sorted one are there at the same time.
    """
    counts = [len(source.labels[split]) for split in SPLITS]
    needed = (sum(counts) + max(counts)) * size[0] * size[1] * _channels(source, view)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ZooError(
            f"decoding to {size[0]}x{size[1]} needs {needed / 1e9:.1f} GB in {folder.parent}, "
            f"which has {free / 1e9:.1f} GB left. Free some, name another folder in ZOO_CACHE, "
            "or train on a smaller --size."
        )


def _chunk(image_bytes: int) -> int:
    return max(1, min(CHUNK_IMAGES, CHUNK_BYTES // image_bytes))


def _flat_file(folder: Path, split: str) -> Path:
    return folder / f"{split}.unsorted"


def _write_at(handle: int, block: Images, offset: int) -> None:
    left = block.reshape(-1).data
    while left:
        written = os.pwrite(handle, left, offset)
        left, offset = left[written:], offset + written


def _rows(images: Images, order: NDArray[np.int64]) -> Iterator[Images]:
    step = _chunk(int(np.prod(images.shape[1:])))
    for start in range(0, len(order), step):
        yield np.asarray(images[order[start : start + step]])


def _counted(blocks: Iterator[Images], histogram: NDArray[np.int64]) -> Iterator[Images]:
    for block in blocks:
        for channel, counts in enumerate(histogram):
            counts += np.bincount(block[..., channel].ravel(), minlength=256)
        yield block


def _write_npy(
    path: Path, shape: tuple[int, ...], dtype: type, blocks: Iterator[NDArray[Any]]
) -> None:
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        for block in blocks:
            handle.write(np.ascontiguousarray(block).data)
        handle.flush()
        os.fsync(handle.fileno())
