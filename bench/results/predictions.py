"""<stem>.predictions.npz: the predicted class of each test image, by arm."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.results.files import beside
from zoo.files import atomic
from zoo.reading import open_regular

_LARGEST = 1 << 30  # bytes of a file that is read


def predictions_key(arm: str, batch: int | None) -> str:
    """The key of an arm's predictions; batch: given if they hold only for one batch size."""
    return arm if batch is None else f"{arm}|batch {batch}"


def write_predictions(path: Path, arms: dict[str, NDArray[np.int64]]) -> None:
    """Store the predicted classes of the whole test set, by `Row.predictions`."""
    with atomic(beside(path, "predictions.npz")) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **arms)  # type: ignore[arg-type]  # an array each


def read_predictions(path: Path) -> dict[str, NDArray[np.int64]]:
    """The predicted classes beside a CSV, by `Row.predictions`; none if they were not stored."""
    try:
        with (
            open_regular(beside(path, "predictions.npz"), _LARGEST) as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            if sum(part.file_size for part in stored.zip.infolist()) > _LARGEST:
                raise ValueError(f"it holds more than {_LARGEST >> 20:,} MiB")
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return {}
