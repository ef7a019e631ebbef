"""Images that belong to no dataset: files, and folders that are searched."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.dataset import Images
from zoo.data.pixels import UnreadableError, decode, read_encoded, shown
from zoo.data.tree import ENDINGS
from zoo.errors import ZooError
from zoo.progress import Progress


@dataclass(frozen=True)
class LooseImage:
    """One image as a model takes it, or why it could not be read."""

    path: Path
    pixels: Images | None  # uint8 [H, W, C]; None where there is a problem
    problem: str = ""  # why it could not be read


def find_images(images: Sequence[Path], progress: Progress) -> list[Path]:
    """Every image, those of a folder sorted; a folder without images is yielded itself."""
    found: list[Path] = []
    for image in images:
        files = list(_walk(image)) if image.is_dir() else []
        inside = [path for path in files if path.name.lower().endswith(ENDINGS)]
        if skipped := len(files) - len(inside):
            kinds = ", ".join(ENDINGS)
            progress.say(f"{image}: {skipped} of {len(files)} files skipped, which are not {kinds}")
        found += inside or [image]
    if not any(path.is_file() for path in found):
        named = ", ".join(map(str, images[:3])) or "nothing"
        raise ZooError(
            f"there is no image file, and no folder of images ({', '.join(ENDINGS)}), named "
            f"{named}."
        )
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder except hidden ones."""

    def refuse(error: OSError) -> None:
        raise ZooError(f"cannot read the folder {error.filename}: {error.strerror}.") from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not _ignored(name))
        for name in sorted(files):
            if not _ignored(name):
                yield Path(place, name)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def read_image(path: Path, shape: tuple[int, int, int]) -> LooseImage:
    """Read an image and convert it to height, width and channels; keep the reason if it fails."""
    height, width, channels = shape
    try:
        pixels = decode(_encoded(path), channels)
        return LooseImage(path, shown(pixels, (height, width), channels))
    except UnreadableError as error:
        return LooseImage(path, None, str(error))
    except MemoryError:
        return LooseImage(path, None, "out of memory")


def _encoded(path: Path) -> bytes:
    """The bytes of an image's file."""
    if path.is_dir():
        raise UnreadableError(f"no images in this folder ({', '.join(ENDINGS)})")
    return read_encoded(path)
