"""Maps of numbers as small images in one sheet, and sheets as PNG bytes.

Zero is dark; positive values go through orange to light, negative ones through blue. Every kind of
colour vision can distinguish the two, on light and dark pages.
"""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ZERO, _GAP = 127, 255  # places in the palette; the last is transparent
# Places in the palette, and red, green and blue there.
_STOPS = ((0, 63, 127, 191, 254), ((214, 238, 255), (43, 140, 214), (12, 14, 18)))
_WARM = ((217, 103, 16), (255, 240, 190))


def _palette() -> NDArray[np.uint8]:
    places, colours = _STOPS[0], (*_STOPS[1], *_WARM)
    channels = [np.interp(np.arange(255), places, part) for part in zip(*colours, strict=True)]
    return np.vstack([np.stack(channels, axis=1), np.zeros((1, 3))]).astype(np.uint8)


PALETTE = _palette()


def coloured(maps: NDArray[np.float32], most: float) -> NDArray[np.uint8]:
    """Indices into the palette; `most` has full colour, above or below zero."""
    shares = maps / most if most > 0 else np.zeros_like(maps)
    found: NDArray[np.uint8] = np.rint(_ZERO + _ZERO * np.clip(shares, -1, 1)).astype(np.uint8)
    return found


def smaller(maps: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Shrink maps to at most so many rows and columns, by averaging equal blocks."""
    step = -(-max(maps.shape[1:]) // side)
    if step <= 1:
        return maps
    height, width = (-(-size // step) * step for size in maps.shape[1:])
    pads = ((0, 0), (0, height - maps.shape[1]), (0, width - maps.shape[2]))
    blocks = np.pad(maps, pads, mode="edge").reshape(
        len(maps), height // step, step, width // step, step
    )
    found: NDArray[np.float32] = blocks.mean(axis=(2, 4))
    return found


def sheet(tiles: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Tiles [n, height, width, ...] in rows, with a gap of one pixel between them."""
    count, height, width, *rest = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    found = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *rest), _GAP, np.uint8)
    for at, tile in enumerate(tiles):
        top, left = at // columns * (height + 1), at % columns * (width + 1)
        found[top : top + height, left : left + width] = tile
    return found


def in_colours(sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Red, green, blue and opacity of a sheet of palette indices."""
    opacity = np.where(sheet == _GAP, 0, 255).astype(np.uint8)
    return np.concatenate([PALETTE[sheet], opacity[..., None]], axis=-1)


def data_uri(pixels: NDArray[np.uint8], *, palette: bool = False) -> str:
    """A PNG as a data URI, from pixels [height, width, 1 or 3] or palette indices."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    held = io.BytesIO()
    if palette:
        image.putpalette(PALETTE.tobytes())
        image.save(held, "PNG", optimize=True, transparency=_GAP)
    else:
        image.save(held, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"
