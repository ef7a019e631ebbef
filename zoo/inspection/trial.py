"""Run an untrusted file on noise, on its test vectors, or on a test set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from zoo.data import Split
from zoo.data.pixels import shown
from zoo.errors import ZooError
from zoo.inspection.tensors import RefusedError, check_tensor
from zoo.ort.given import Given
from zoo.ort.outputs import as_rows
from zoo.ort.session import Session, TensorInfo
from zoo.ort.signature import Signature, logits
from zoo.reading import read_bytes

BATCHES = (1, 2)
_SIZE, _LENGTH = (224, 224), 8  # for the dimensions that a file leaves open
_NO_GIVEN = Given()
_AT_ONCE = 512
_LARGEST_VECTORS = 1 << 30


@contextmanager
def refusing(failure: str) -> Iterator[None]:
    """Turn errors of the parser or the checker in the block into refusals."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise RefusedError(f"{failure}: {error}") from error


def run_on_noise(session: Session, given: Given = _NO_GIVEN) -> None:
    """Require outputs as declared, and finite, for one image and for two."""
    rng = np.random.default_rng(0)
    for batch in BATCHES:
        feeds = {info.name: noise(info, batch, rng, given) for info in session.inputs}
        sides = {
            declared: side
            for info in session.inputs
            for declared, side in zip(info.shape, feeds[info.name].shape, strict=True)
            if isinstance(declared, str)
        }
        for info, value in zip(session.outputs, session.run(feeds), strict=True):
            _check_output(info, value, sides)


def noise(
    info: TensorInfo, batch: int, rng: np.random.Generator, given: Given = _NO_GIVEN
) -> NDArray[Any]:
    """Random values for an input; batch: the number of images, if that is free."""
    shape = [
        side if isinstance(side, int) else _open_side(info, at, batch, given)
        for at, side in enumerate(info.shape)
    ]
    dtype = np.dtype(info.dtype)
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    # A larger number may be out of range where an index is meant; a pixel never is.
    bounds = (np.iinfo(dtype).min, np.iinfo(dtype).max + 1) if _is_pixels(info) else (0, 2)
    return rng.integers(*bounds, shape).astype(dtype)


def _is_pixels(info: TensorInfo) -> bool:
    return info.dtype == "uint8" or (info.dtype == "int8" and len(info.shape) == 4)


def _open_side(info: TensorInfo, at: int, batch: int, given: Given) -> int:
    if at == 0:
        return batch
    if len(info.shape) != 4:
        return _LENGTH
    channels_last = given.layout == "nhwc" if given.layout else info.shape[3] in (1, 3)
    size = given.size or _SIZE
    return ((*size, 3) if channels_last else (3, *size))[at - 1]


def _check_output(info: TensorInfo, value: Any, sides: Mapping[str, int]) -> None:
    if not isinstance(value, np.ndarray) or value.dtype == np.object_:
        return  # a list, a map, words: no classifier, but it runs
    declared = [sides.get(side) if isinstance(side, str) else side for side in info.shape]
    fits = len(declared) == value.ndim and all(
        side is None or side == found for side, found in zip(declared, value.shape, strict=True)
    )
    if not fits:
        raise RefusedError(
            f"its output '{info.name}' is declared as {list(info.shape)}, "
            f"but comes as {list(value.shape)}"
        )
    if value.dtype != np.dtype(info.dtype):
        raise RefusedError(f"its output '{info.name}' comes as {value.dtype}, not {info.dtype}")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise RefusedError(f"its output '{info.name}' is not finite for random images")


def run_vectors(session: Session, folder: Path) -> dict[str, Any]:
    """How far the outputs for the stored inputs differ from the stored outputs."""
    try:
        feeds = {
            info.name: _tensor(folder / f"input_{at}.pb") for at, info in enumerate(session.inputs)
        }
        expected = _tensor(folder / "output_0.pb")
        found = session.run(feeds)[0]
    except (OSError, RefusedError, ZooError) as error:
        return {"problem": str(error)}
    both: tuple[Any, ...] = (found, expected)
    if not all(isinstance(part, np.ndarray) and part.dtype.kind in "fiu" for part in both):
        return {"problem": "its first output, or the stored one, is not numeric"}
    found, expected = as_rows(found), as_rows(expected)
    if found.shape != expected.shape or found.ndim != 2:
        return {"problem": f"outputs {list(found.shape)}, stored are {list(expected.shape)}"}
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return {
        "problem": "",
        "images": len(expected),
        "agreement": int((found.argmax(-1) == expected.argmax(-1)).sum()),
        "difference": float(apart.max(initial=0)),
        "largest": float(np.abs(expected).max(initial=0)),
    }


def _tensor(path: Path) -> NDArray[Any]:
    data = read_bytes(path, _LARGEST_VECTORS)
    with refusing(f"{path.name} is not a tensor"):
        tensor = TensorProto.FromString(data)
    check_tensor(tensor, path.name)
    array: NDArray[Any] = numpy_helper.to_array(tensor)
    return array


def count_correct(
    session: Session,
    test: Split,
    advance: Callable[[int], None],
    columns: Sequence[int] | None = None,
    given: Given = _NO_GIVEN,
) -> int:
    """Images of the test set whose top class is correct. advance: called after each part.

    columns: for each class, the index of its value if the file lists classes in another order.
    """
    signature = Signature.of(session, given)
    height, width, channels = signature.image_shape
    correct = 0
    for start in range(0, len(test), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        labels = test.labels[part]
        images = [shown(pixels, (height, width), channels) for pixels in test.images[part]]
        values = logits(session, signature, np.stack(images))
        predicted = (values if columns is None else values[:, columns]).argmax(axis=1)
        correct += int((predicted == labels).sum())
        advance(len(labels))
    return correct
