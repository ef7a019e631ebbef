"""CIFAR as its publisher packs it: the python and binary archives, or their folders."""

import io
import pickle
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from zoo.data.dataset import Images, Labels
from zoo.data.known import CifarForm
from zoo.data.sources import SPLITS, ArraySource, Origin
from zoo.errors import ZooError
from zoo.reading import open_regular, read_bytes

SIDE = 32
IMAGE_BYTES = 3 * SIDE * SIDE
LARGEST_FILE = 1 << 30  # a batch has 30 MB, and all of CIFAR-100 153
Batch = tuple[Images, Labels]


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds only containers, numbers, text and numpy arrays; a pickle can name nothing else."""

    ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which a file of images does not need"
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def python_origin(path: Path, form: CifarForm) -> Origin:
    """The pickled batches of the python archive: a .tar.gz, or its extracted folder."""
    wanted = (form.python_meta, *(file for split in SPLITS for file in form.python_files[split]))

    def load() -> ArraySource:
        batches: dict[str, Batch] = {}
        class_names: tuple[str, ...] = ()
        for name, content in _members(path, wanted):
            record = _unpickled(content, f"{path}: {name}")
            if name == form.python_meta:
                class_names = tuple(
                    str(text) for text in _field(record, form.names_key, name, path)
                )
            else:
                batches[name] = _python_batch(record, form, name, path)
        return _assembled(path, class_names, batches, form.python_files)

    return _origin("cifar-python", path, wanted, load)


def binary_origin(path: Path, form: CifarForm) -> Origin:
    """The fixed-length records of the binary archive: a .tar.gz, or its extracted folder."""
    wanted = (form.binary_names, *(file for split in SPLITS for file in form.binary_files[split]))

    def load() -> ArraySource:
        batches: dict[str, Batch] = {}
        class_names: tuple[str, ...] = ()
        for name, content in _members(path, wanted):
            if name == form.binary_names:
                class_names = tuple(content.decode("ascii", "replace").split())
            else:
                batches[name] = _binary_batch(content, form, name, path)
        return _assembled(path, class_names, batches, form.binary_files)

    return _origin("cifar-binary", path, wanted, load)


def _origin(
    kind: str, path: Path, wanted: tuple[str, ...], load: Callable[[], ArraySource]
) -> Origin:
    @contextmanager
    def opened() -> Iterator[ArraySource]:
        yield load()

    names = tuple(name for name in wanted if (path / name).is_file()) if path.is_dir() else ("",)
    return Origin(kind, path, names, opened)


def _members(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every wanted file in a folder or .tar.gz; all must be there."""
    found = set()
    members = _folder_members if path.is_dir() else _archive_members
    for name, content in members(path, wanted):
        found.add(name)
        yield name, content
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ZooError(f"{path} lacks {', '.join(missing)}; {_FETCH_AGAIN}")


_FETCH_AGAIN = "it is not the complete official archive. Download it again, or remove it."


def _folder_members(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.iterdir()):
        if file.name in wanted:
            try:
                yield file.name, read_bytes(file, LARGEST_FILE)
            except OSError as error:
                raise ZooError(f"cannot read {file}: {error.strerror}.") from error


def _archive_members(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    try:
        with open_regular(path) as packed, tarfile.open(fileobj=packed, mode="r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in wanted and member.isfile():
                    if member.size > LARGEST_FILE:
                        raise tarfile.TarError(f"{name} is larger than {LARGEST_FILE >> 20:,} MiB")
                    file = archive.extractfile(member)
                    assert file is not None
                    yield name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ZooError(f"{path} cannot be read to its end ({error}); {_FETCH_AGAIN}") from error


def _unpickled(content: bytes, title: str) -> dict[str, Any]:
    try:
        # latin1 is how numpy says that arrays pickled by Python 2 are to be read.
        record = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle raises nearly every built-in exception
        raise ZooError(f"{title} is refused: {error}. {_FETCH_AGAIN}") from error
    if not isinstance(record, dict):
        raise ZooError(f"{title} holds no table of images; {_FETCH_AGAIN}")
    return record


def _field(record: dict[str, Any], key: str, name: str, path: Path) -> Any:
    if key not in record:
        raise ZooError(f"{path}: {name} has no '{key}'; {_FETCH_AGAIN}")
    return record[key]


def _python_batch(record: dict[str, Any], form: CifarForm, name: str, path: Path) -> Batch:
    data = _field(record, "data", name, path)
    try:
        labels = np.asarray(_field(record, form.labels_key, name, path), dtype=np.int64)
    except (TypeError, ValueError) as error:
        raise ZooError(f"{path}: the labels of {name} are not numbers; {_FETCH_AGAIN}") from error
    shaped = isinstance(data, np.ndarray) and data.dtype == np.uint8
    if not shaped or data.shape != (len(labels), IMAGE_BYTES):
        raise ZooError(f"{path}: {name} does not hold one 32x32 image per label; {_FETCH_AGAIN}")
    return _images(data), labels


def _binary_batch(content: bytes, form: CifarForm, name: str, path: Path) -> Batch:
    record_bytes = form.label_bytes + IMAGE_BYTES
    if not content or len(content) % record_bytes:
        raise ZooError(f"{path}: {name} is not made of {record_bytes}-byte records; {_FETCH_AGAIN}")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, record_bytes)
    # CIFAR-100 puts the coarse label first; the last label byte is the class in both.
    labels = records[:, form.label_bytes - 1].astype(np.int64)
    return _images(records[:, form.label_bytes :]), labels


def _images(planes: Images) -> Images:
    """From uint8 [N, 3072], the red, green and blue planes in turn, to [N, 32, 32, 3]."""
    return np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _assembled(
    path: Path,
    class_names: tuple[str, ...],
    batches: dict[str, Batch],
    files: dict[str, tuple[str, ...]],
) -> ArraySource:
    images, labels = {}, {}
    for split in SPLITS:
        images[split] = np.concatenate([batches[name][0] for name in files[split]])
        labels[split] = np.concatenate([batches[name][1] for name in files[split]])
        if not ((labels[split] >= 0) & (labels[split] < len(class_names))).all():
            raise ZooError(f"{path}: a {split} label has no class name; {_FETCH_AGAIN}")
    return ArraySource(class_names, images, labels)
