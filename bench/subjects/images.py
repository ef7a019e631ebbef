"""The images that arms classify: real test images if the test set is available."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.subjects.subject import Subject
from zoo.artifacts.artifact import VECTORS
from zoo.data.dataset import Dataset, Images, Split
from zoo.data.local import load_local
from zoo.data.pixels import shown
from zoo.errors import ZooError
from zoo.files import atomic
from zoo.progress import Progress

LEAST_BATCHES = 8  # different ones, so that no runtime can answer from memory
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class ImageFiles:
    """Image files of one shape."""

    name: str  # of its files
    few: Images  # those for timed calls
    source: str  # what they are, in words
    test: Path | None = None  # .npy of the whole test set, where it is at hand
    labels: NDArray[np.int64] | None = None  # of the test set
    class_names: tuple[str, ...] = ()
    reason: str | None = None  # why there is no test set

    def batches(self, batch: int, folder: Path) -> Path:
        """A file of several different batches of this size."""
        path = folder / f"{self.name}-{batch}.npy"
        if not path.exists():
            image = self.few[0].nbytes
            count = max(1, min(LEAST_BATCHES, _MOST_BYTES // (batch * image)))
            order = np.random.default_rng(0).permutation(max(count * batch, len(self.few)))
            with atomic(path) as temporary, temporary.open("wb") as handle:
                np.save(handle, self.few[order[: count * batch] % len(self.few)])
        return path


class Gallery:
    """Makes the images for each dataset and shape once, in a folder that is removed with the sweep.

    Another gallery in that folder reuses them. whole: write the whole test set, not only images for
    timed calls.
    """

    def __init__(
        self, folder: Path, data_dir: Path | None, progress: Progress, *, whole: bool = False
    ) -> None:
        self.folder = folder
        self.whole = whole
        self.data_dir = data_dir
        self.progress = progress
        self._made: dict[tuple[object, ...], ImageFiles] = {}

    def of(self, subject: Subject, shape: tuple[int, int, int]) -> ImageFiles:
        """The images for a subject whose file takes [height, width, channels]."""
        # From one place, each uses only the images that its card describes.
        key = (subject.place, subject.card.fingerprint if subject.card else None, shape)
        if key not in self._made:
            name = f"images-{hashlib.sha256(repr(key).encode()).hexdigest()[:12]}"
            self._made[key] = self._make(subject, shape, name)
        return self._made[key]

    def _make(self, subject: Subject, shape: tuple[int, int, int], name: str) -> ImageFiles:
        data = data_of(subject, self.data_dir, self.progress)
        if not isinstance(data, str):
            few = 64 * LEAST_BATCHES
            path = self.folder / f"{name}.npy"
            if not path.exists():
                _write(data.test, shape, path, None if self.whole else few)
            shown_to: Images = np.load(path, mmap_mode="r")
            return ImageFiles(
                name=name,
                few=shown_to[:few],
                source=f"test set of {subject.dataset}",
                test=path if self.whole else None,
                labels=np.asarray(data.test.labels),
                class_names=data.class_names,
            )
        vectors = _vectors(subject, shape)
        if vectors is not None:
            return ImageFiles(name, vectors, "test vectors of the artifact", reason=data)
        random = np.random.default_rng(0).integers(0, 256, (64, *shape), dtype=np.uint8)
        return ImageFiles(name, random, "random pixels", reason=data)


def data_of(subject: Subject, data_dir: Path | None, progress: Progress) -> Dataset | str:
    """The data whose test set measures a subject's accuracy, or a message why there is none."""
    if not subject.place:
        return "no dataset is named for it; add --data"
    fingerprint = subject.card.fingerprint if subject.card else None
    try:
        data = load_local(subject.place, fingerprint, data_dir, progress)
    except ZooError as error:  # a damaged copy is as good as none
        data = str(error)
    if isinstance(data, str) and subject.is_of_own_folder and subject.data is None:
        return f"{data}: name its folder or zip with --data"
    return data


def _write(test: Split, shape: tuple[int, int, int], path: Path, most: int | None) -> None:
    """Write images in that shape, one by one, because a test set may be larger than memory."""
    height, width, channels = shape
    count = len(test) if most is None else min(most, len(test))
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    with atomic(path) as temporary, temporary.open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        for at in range(count):
            handle.write(shown(test.images[at], (height, width), channels).tobytes())


def _vectors(subject: Subject, shape: tuple[int, int, int]) -> Images | None:
    """The real images stored with an artifact, if its file takes pixels."""
    if not subject.artifact:
        return None
    import onnx

    content = subject.artifact.content(f"{VECTORS}/input_0.pb")
    stored: Images = onnx.numpy_helper.to_array(onnx.TensorProto.FromString(content))
    return stored if stored.dtype == np.uint8 and stored.shape[1:] == shape else None
