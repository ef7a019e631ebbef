"""One image: every mode becomes right pixels of the right shape."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.data.pixels import UnreadableError, View, content_hash, decode, shown
from zoo.errors import UsageError


def saved(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["png", "bmp", "webp"])
def test_lossless_images_keep_their_pixels(colours: np.ndarray, kind: str) -> None:
    options = {"lossless": True} if kind == "webp" else {}
    encoded = saved(Image.fromarray(colours), kind, **options)
    assert np.array_equal(decode(encoded, 3), colours)


def test_a_jpeg_in_cmyk_becomes_rgb() -> None:
    flat = Image.new("RGB", (16, 16), (200, 30, 60))
    pixels = decode(saved(flat.convert("CMYK"), "jpeg", quality=95), 3)
    assert np.abs(pixels.astype(int) - [200, 30, 60]).max() <= 4


def test_grey_and_bilevel_become_three_equal_channels(colours: np.ndarray) -> None:
    for mode in ("L", "1"):
        image = Image.fromarray(colours).convert(mode)
        pixels = decode(saved(image), 3)
        assert pixels.shape == (5, 7, 3)
        assert np.array_equal(pixels, np.repeat(np.asarray(image.convert("L"))[..., None], 3, 2))


def test_grey_stays_one_channel_where_the_dataset_has_one(colours: np.ndarray) -> None:
    grey = colours[..., :1]
    assert np.array_equal(decode(saved(Image.fromarray(grey[..., 0])), 1), grey)


@pytest.mark.parametrize("wide", [0, 128, 129, 257, 32768, 51400, 65535])
def test_16_bit_grey_is_scaled_not_clipped(wide: int) -> None:
    image = Image.fromarray(np.full((2, 3), wide, dtype=np.uint16))
    assert image.mode == "I;16"
    assert decode(saved(image), 3).tolist() == np.full((2, 3, 3), round(wide / 257)).tolist()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_lie_on_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "P":
        paletted = Image.new("P", (2, 1))
        paletted.putpalette([0, 0, 0, 9, 9, 9])
        paletted.putpixel((1, 0), 1)
        encoded = saved(paletted, transparency=1)
    else:
        encoded = saved(image.convert(mode))
    assert decode(encoded, 3).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_half_transparent_is_mixed_with_white() -> None:
    encoded = saved(Image.new("RGBA", (1, 1), (255, 0, 0, 128)))
    red, green, blue = decode(encoded, 3)[0, 0].tolist()
    assert (red, green, blue) == (255, 127, 127)


def test_a_palette_gives_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert decode(saved(image), 3).tolist() == [[[10, 20, 30], [40, 50, 60]]]


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_exif_turns_an_image_upright(colours: np.ndarray, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    options = {"lossless": True} if kind == "webp" else {}
    encoded = saved(Image.fromarray(colours), kind, exif=exif, **options)
    assert np.array_equal(decode(encoded, 3), np.rot90(colours, -1))


def test_broken_exif_does_not_cost_the_image(colours: np.ndarray) -> None:
    encoded = saved(Image.fromarray(colours), exif=b"Exif\x00\x00 this is no TIFF header")
    assert np.array_equal(decode(encoded, 3), colours)


@pytest.mark.parametrize(
    "encoded",
    [b"", b"no image", b"GIF89a" + bytes(40), saved(Image.new("RGB", (40, 40), "red"))[:-60]],
    ids=["empty", "text", "another format", "truncated"],
)
def test_unreadable_bytes_give_a_reason(encoded: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"\w"):
        decode(encoded, 3)


def test_a_decompression_bomb_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = saved(Image.new("RGB", (40, 40)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(UnreadableError, match="bomb"):
        decode(encoded, 3)


def test_the_hash_knows_pixels_and_shape(colours: np.ndarray) -> None:
    other = colours.copy()
    other[0, 0, 0] ^= 1
    assert len(content_hash(colours)) == 32
    assert content_hash(colours) == content_hash(np.asfortranarray(colours))
    assert content_hash(colours) != content_hash(other)
    assert content_hash(colours) != content_hash(colours.reshape(7, 5, 3))


def test_resizing_keeps_the_whole_image() -> None:
    halves = np.zeros((40, 20, 3), dtype=np.uint8)
    halves[20:] = 255
    small = shown(halves, (4, 6), 3)
    assert small.shape == (4, 6, 3)
    assert small[0].max() == 0
    assert small[3].min() == 255


def test_making_smaller_averages_instead_of_picking() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    assert np.abs(shown(board, (8, 8), 1).astype(int) - 127).max() <= 2


def test_grey_weighs_the_channels_as_pillow_does(colours: np.ndarray) -> None:
    expected = np.asarray(Image.fromarray(colours).convert("L"))[..., None]
    assert np.array_equal(shown(colours, (5, 7), 1), expected)


@pytest.mark.parametrize(
    ("size", "grey", "text"),
    [
        (None, False, ""),
        (28, False, "28x28"),
        ((24, 32), True, "24x32-grey"),
        (None, True, "grey"),
    ],
)
def test_a_view_is_named_height_by_width(size: object, grey: bool, text: str) -> None:
    assert str(View.of(size, grey)) == text


@pytest.mark.parametrize("size", [0, -1, (5, 0), 100_000])
def test_an_impossible_size_is_wrong_usage(size: object) -> None:
    with pytest.raises(UsageError, match="side"):
        View.of(size, False)
