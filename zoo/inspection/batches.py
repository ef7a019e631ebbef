"""Try on noise whether a file's answer to an image depends on its batch or on chance."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageError, ZooError
from zoo.inspection.steadiness import Steadiness, examine
from zoo.inspection.trial import noise
from zoo.ort.given import Given
from zoo.ort.outputs import as_rows, find_output
from zoo.ort.session import Session

IMAGES, BATCH = 6, 4
_CALLS = 8  # what all of it takes, in calls of a whole batch
_NO_GIVEN = Given()


def try_batches(session: Session, seconds: float, given: Given = _NO_GIVEN) -> Steadiness | str:
    """What a few images of noise showed, or why this was not tried.

    seconds: a file that would take longer is not tried.
    """
    at = _answers(session, given)
    if len(session.inputs) != 1 or not session.inputs[0].shape or at is None:
        return "it does not have one input and a row of values per image"
    (info,) = session.inputs
    fixed = info.shape[0] if isinstance(info.shape[0], int) else None

    def ask(images: NDArray[Any], size: int) -> NDArray[Any]:
        parts = []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            filled = np.resize(part, (size, *part.shape[1:]))
            values = as_rows(session.run({info.name: filled})[at])
            if values.shape[:1] != (size,):
                raise ZooError(f"it gives {len(values)} rows of values for {size} images")
            parts.append(values[: len(part)].astype(np.float64))
        return np.concatenate(parts)

    rng = np.random.default_rng(0)
    images = noise(replace(info, shape=(IMAGES, *info.shape[1:])), IMAGES, rng, given)
    # With several contrasts, which reveal a file that depends on the range of its batch.
    contrasts = np.linspace(0.1, 1, IMAGES).reshape(-1, *[1] * (images.ndim - 1))
    images = (images * contrasts).astype(images.dtype)
    try:
        began = time.monotonic()
        ask(images[:BATCH], fixed or BATCH)
        if (time.monotonic() - began) * _CALLS > seconds:
            return "it is too slow to try more than one batch of images"
        return examine(ask, images, (fixed,) if fixed else (1, BATCH))
    except ZooError as error:
        return str(error)


def _answers(session: Session, given: Given) -> int | None:
    """Which output has the values: that of a classifier, else the first possible one."""
    try:
        return session.outputs.index(find_output(session, given)[0])
    except UsageError:
        rows = [
            at
            for at, output in enumerate(session.outputs)
            if len(output.shape) == 2 and output.dtype.startswith("float")
        ]
        return rows[0] if rows else None
