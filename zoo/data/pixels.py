"""One image: from the bytes of an image file to uint8 pixels, and to the view asked for."""

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zoo.data.dataset import Images
from zoo.errors import UsageError
from zoo.reading import read_bytes

FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
_OTHERS = {b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}  # by their first bytes
LARGEST_SIDE = 16384
LARGEST_FILE = 1 << 30  # an image of the largest side, uncompressed


class UnreadableError(Exception):
    """One image cannot be decoded; the message is the reason, without the image's name."""


@dataclass(frozen=True)
class View:
    """How images are resized and coloured."""

    size: tuple[int, int] | None = None  # height and width; None: the dataset's own
    grey: bool = False

    @classmethod
    def of(cls, size: tuple[int, int] | int | None, grey: bool) -> "View":
        """The view requested by `--size` (one side, or height and width) and `--grey`."""
        if isinstance(size, int):
            size = (size, size)
        if size is not None and not all(1 <= side <= LARGEST_SIDE for side in size):
            raise UsageError(f"an image's side must be 1 to {LARGEST_SIDE} pixels, not {size}.")
        return cls(size, grey)

    def __str__(self) -> str:
        parts = [f"{self.size[0]}x{self.size[1]}"] if self.size else []
        return "-".join([*parts, "grey"] if self.grey else parts)


def read_encoded(path: Path) -> bytes:
    """The bytes of an image file, or `UnreadableError`."""
    try:
        return read_bytes(path, LARGEST_FILE)
    except (OSError, ValueError) as error:  # a name may hold a NUL
        reason = error.strerror if isinstance(error, OSError) else None
        raise UnreadableError(reason or str(error)) from error


def decode(encoded: bytes, channels: int) -> Images:
    """The pixels of an image file's bytes, uint8 [H, W, channels], at the image's own size.

    EXIF rotation is applied; transparent parts become white; 16-bit grey is scaled, not clipped.
    Colour profiles are not applied. Of an animation, the first frame is used.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            image.load()
            return _pixels(_eight_bit(_upright(image)), channels)
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableError(_not_read(encoded)) from error
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception
        raise UnreadableError(str(error).replace("\n", " ") or type(error).__name__) from error


def _not_read(encoded: bytes) -> str:
    """Why no supported decoder recognises these bytes."""
    formats = ", ".join(FORMATS)
    for start, kind in _OTHERS.items():
        if encoded.startswith(start):
            return f"unsupported format {kind}: convert it to one of {formats}"
    return f"not an image ({formats})"


def _upright(image: Image.Image) -> Image.Image:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # broken EXIF data: the image itself is fine, and viewers show it as it lies
        return image
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    wide = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
    return Image.fromarray(((wide + 128) // 257).astype(np.uint8))


def _pixels(image: Image.Image, channels: int) -> Images:
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(image.height, image.width, channels)


def content_hash(pixels: Images) -> bytes:
    """The identity of an image: sha256 over its shape and raw pixels, 32 bytes."""
    digest = hashlib.sha256(struct.pack("<3I", *pixels.shape))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def shown(pixels: Images, size: tuple[int, int], channels: int) -> Images:
    """Convert an image uint8 [H, W, C] to `size` (height, width) and `channels`.

    The whole image is resized (bicubic, antialiased), nothing is cropped.
    """
    height, width = size
    if pixels.shape == (height, width, channels):
        return pixels
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(height, width, channels)
