"""Images as files: `train/<class>/*` and `test/<class>/*` in a folder, or in a zip read in place.

Hidden files, `__MACOSX` and files without an image's extension are ignored. In a zip, everything
may be inside one common folder, as when a folder was zipped.
"""

import io
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from zoo.data.dataset import Images, Labels
from zoo.data.known import official_names
from zoo.data.pixels import LARGEST_FILE, UnreadableError, decode, read_encoded
from zoo.data.sources import SPLITS, Origin, check_classes
from zoo.errors import ZooError
from zoo.reading import open_regular

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
LAYOUT = "Images belong in train/<class>/ and test/<class>/ (png, jpg, webp or bmp)."


@dataclass(frozen=True)
class TreeSource:
    """A source of encoded images."""

    class_names: tuple[str, ...]
    channels: int
    labels: dict[str, Labels]
    names: dict[str, list[str]]  # by split: for each image its path inside the source
    read: Callable[[str], bytes]

    def pixels(self, split: str, index: int) -> Images:
        return decode(self.read(self.names[split][index]), self.channels)

    def image_name(self, split: str, index: int) -> str:
        return _text(self.names[split][index])


def folder_origin(path: Path, channels: int = 3) -> Origin:
    """A folder that holds `train/` and `test/`."""
    names = tuple(_walk(path))

    @contextmanager
    def opened() -> Iterator[TreeSource]:
        def read(name: str) -> bytes:
            return read_encoded(path / name)

        yield _tree(names, "", channels, str(path), read)

    return Origin(f"images-{channels}", path, names, opened)


def zip_origin(path: Path, channels: int = 3) -> Origin:
    """A zip of such a folder; nothing is extracted."""

    @contextmanager
    def opened() -> Iterator[TreeSource]:
        try:
            file = open_regular(path)
        except OSError as error:
            raise ZooError(f"cannot read {path}: {error.strerror}.") from error
        with file, _archive(path, file) as archive:

            def read(name: str) -> bytes:
                if archive.getinfo(name).file_size > LARGEST_FILE:
                    raise UnreadableError(f"it is larger than {LARGEST_FILE >> 20:,} MiB")
                try:
                    return archive.read(name)
                except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                    raise UnreadableError(f"damaged in the archive: {error}") from error
                except (RuntimeError, NotImplementedError) as error:
                    raise UnreadableError(f"the archive cannot be read: {error}") from error

            names = sorted(name for name in archive.namelist() if not _ignored(name))
            yield _tree(names, _common_folder(names), channels, str(path), read)

    return Origin(f"zip-{channels}", path, ("",), opened)


def _archive(path: Path, file: io.BufferedReader) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ZooError(
            f"{path} is not a zip archive, or a truncated one; copy or download it again."
        ) from error


def _walk(path: Path) -> Iterator[str]:
    """Class folders (`train/cat/`) and images (`train/cat/1.png`) below `path`, sorted."""
    for split in SPLITS:
        if not (path / split).is_dir():
            raise ZooError(f"{path} has no {split}/ folder. {LAYOUT}")
        for folder in _entries(path / split, folders=True):
            yield f"{split}/{folder}/"
            for name in _entries(path / split / folder, folders=False):
                if _is_image(name):
                    yield f"{split}/{folder}/{name}"


def _entries(path: Path, folders: bool) -> list[str]:
    try:
        with os.scandir(path) as found:
            return sorted(
                entry.name
                for entry in found
                if entry.is_dir() == folders and not _ignored(entry.name)
            )
    except OSError as error:
        raise ZooError(f"cannot read the folder {path}: {error.strerror}.") from error


def _tree(
    names: Iterable[str], root: str, channels: int, title: str, read: Callable[[str], bytes]
) -> TreeSource:
    """Sort `names` into splits and classes; `root` is the folder inside the source they lie in."""
    classes: dict[str, set[str]] = {split: set() for split in SPLITS}
    found: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
    for name in names:
        split, *rest = name.removeprefix(root).split("/")
        if split not in classes or len(rest) != 2:
            continue
        class_name = _text(rest[0])
        classes[split].add(class_name)
        if _is_image(rest[1]):
            found[split].append((class_name, name))
    _check_folders(classes, title)
    class_names = official_names(classes["train"])
    index = {folder: label for label, folder in enumerate(class_names.folders)}
    labels = {
        split: np.array([index[class_name] for class_name, _ in found[split]], dtype=np.int64)
        for split in SPLITS
    }
    check_classes(class_names.names, labels, title)
    return TreeSource(
        class_names.names,
        channels,
        labels,
        {split: [name for _, name in found[split]] for split in SPLITS},
        read,
    )


def _check_folders(classes: dict[str, set[str]], title: str) -> None:
    for split in SPLITS:
        if not classes[split]:
            raise ZooError(f"{title} has no class folders in {split}/. {LAYOUT}")
    strangers = sorted(classes["test"] - classes["train"])
    if strangers:
        raise ZooError(
            f"{title}: class {', '.join(strangers[:5])} is in test/ but not in train/; "
            "both need the same class folders."
        )


def _text(name: str) -> str:
    """A file name as text: composed as on Linux (macOS decomposes accents), always encodable."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())


def _ignored(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS


def _common_folder(names: list[str]) -> str:
    """`flowers/` if all of `names` are in it, "" if train/ or test/ are at the top."""
    tops = {name.split("/")[0] for name in names if "/" in name}
    if len(tops) == 1 and not tops & set(SPLITS):
        return f"{tops.pop()}/"
    return ""
