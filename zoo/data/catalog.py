"""From a dataset's name or path to its files: a local copy, else a download."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.data.cache import cache_root
from zoo.data.cifar import binary_origin, python_origin
from zoo.data.digits import digits_origin
from zoo.data.download import download
from zoo.data.known import KNOWN, CifarForm, Known
from zoo.data.mnist import TRAIN_IMAGES, idx_file, idx_origin
from zoo.data.sources import SPLITS, Origin
from zoo.data.tree import LAYOUT, folder_origin, zip_origin
from zoo.errors import ZooError, unknown_name
from zoo.progress import Progress

Opener = Callable[[Path], Origin]


@dataclass(frozen=True)
class DatasetInfo:
    """One line of `list datasets`."""

    name: str
    about: str
    classes: int
    image_shape: tuple[int, int, int]  # height, width, channels
    images: tuple[int, int]  # of train and test
    where: str  # a local path, "embedded" or "download"


def describe_datasets(
    data_dir: Path | None = None, cache_dir: Path | None = None
) -> list[DatasetInfo]:
    """The datasets that have a name, and where each would be loaded from now."""
    return [
        DatasetInfo(
            known.name,
            known.about,
            known.classes,
            known.shape,
            known.images,
            _where(known, data_dir, cache_root(cache_dir)),
        )
        for known in KNOWN.values()
    ]


def is_path(name: str) -> bool:
    """Whether `name` means a folder or file of the user's, not one of the known datasets."""
    return name not in KNOWN and (
        "/" in name or os.sep in name or name.lower().endswith(".zip") or Path(name).exists()
    )


def name_of_path(path: Path) -> str:
    """A dataset name for ids and file names: `My flowers.zip` is `My-flowers`."""
    resolved = path.expanduser().resolve()
    stem = resolved.stem if resolved.suffix.lower() == ".zip" else resolved.name
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "data"


def origin_of(name: str, data_dir: Path | None, root: Path, progress: Progress) -> Origin:
    """Where the dataset `name` (or path) is; a known one is downloaded if there is no copy.

    root: the cache, which also holds downloads.
    """
    if is_path(name):
        return _path_origin(Path(name).expanduser())
    if name not in KNOWN:
        raise unknown_name("dataset", name, [*KNOWN, "a folder", "a zip"])
    known = KNOWN[name]
    if name == "digits":
        return digits_origin()
    for folder in _searched(data_dir, root):
        for path, opener in local_copies(known, folder):
            return opener(path)
    download(known, root / "downloads" / name, progress)
    return next(opener(path) for path, opener in local_copies(known, root / "downloads"))


def local_copies(known: Known, folder: Path) -> Iterator[tuple[Path, Opener]]:
    """Copies of `known` in `folder`, in every form in use, the most likely first."""
    channels = known.shape[2]
    archive, images = folder / f"{known.name}.zip", folder / known.name
    if archive.is_file():
        yield archive, lambda path: zip_origin(path, channels)
    if any((images / split).is_dir() for split in SPLITS):
        yield images, lambda path: folder_origin(path, channels)
    if known.cifar:
        for place in (folder, images):
            yield from _cifar_copies(known.cifar, place)
    else:
        for place in (images, images / "raw", folder / known.torchvision / "raw"):
            if idx_file(place, TRAIN_IMAGES):
                yield place, lambda path: idx_origin(path, known.class_names)


def _cifar_copies(form: CifarForm, folder: Path) -> Iterator[tuple[Path, Opener]]:
    for name in (form.python_archive, form.python_folder):
        if (folder / name).exists():
            yield folder / name, lambda path: python_origin(path, form)
    for name in (form.binary_archive, form.binary_folder):
        if (folder / name).exists():
            yield folder / name, lambda path: binary_origin(path, form)


def _path_origin(path: Path) -> Origin:
    if path.is_dir():
        return folder_origin(path)
    if path.suffix.lower() == ".zip" and path.is_file():
        return zip_origin(path)
    if not path.exists():
        raise ZooError(f"there is no folder or zip {path}. Check the path given to --data.")
    raise ZooError(
        f"{path} is neither a folder nor a .zip. {LAYOUT} For an official archive give the "
        "dataset's name and its folder: --data cifar10 --data-dir FOLDER."
    )


def _searched(data_dir: Path | None, root: Path) -> Iterator[Path]:
    told = "--data-dir"
    if data_dir is None and os.environ.get("ZOO_DATA"):
        data_dir, told = Path(os.environ["ZOO_DATA"]).expanduser(), "ZOO_DATA"
    if data_dir is not None:
        if not data_dir.is_dir():
            raise ZooError(f"there is no folder {data_dir}, which {told} names.")
        yield data_dir
    yield root / "downloads"


def _where(known: Known, data_dir: Path | None, root: Path) -> str:
    if known.name == "digits":
        return "embedded"
    for folder in _searched(data_dir, root):
        for path, _ in local_copies(known, folder):
            return str(path)
    return "download"
