"""history.csv: the one record of a run that progress, plots and reports read."""

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import write_text
from zoo.reading import open_text
from zoo.records import read
from zoo.tables import read_records, records_text

HISTORY = "history.csv"  # in a run, and in an artifact
_LARGEST = 64 << 20


@dataclass(frozen=True)
class EpochRow:
    """One epoch. None (an empty column) means that the framework does not record it."""

    # Passes finished, a fraction at the end of a schedule that stops inside one. A second stage,
    # such as finetuning, counts on.
    epoch: float
    step: int  # steps done in all; a second stage counts on
    lr: float | None  # of the epoch's last step
    # Over the augmented images, as they were trained on; with the recipe's label smoothing.
    train_loss: float | None
    train_accuracy: float | None  # over the same, a share of 1
    validation_loss: float | None  # likewise smoothed; None where no images are held out
    validation_accuracy: float | None  # a share of 1; None where no images are held out
    seconds: float  # wall time of the epoch, validation apart
    images_per_second: float


def write_history(path: Path, rows: list[EpochRow]) -> None:
    """Replace the CSV by these rows."""
    write_text(path, records_text(EpochRow, rows))


def read_history(path: Path) -> list[EpochRow]:
    """Read a history.csv; a `ZooError` if it is damaged or something else."""
    try:
        with open_text(path, _LARGEST) as handle:
            return [_parse(row) for row in read_records(handle)]
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as a history of epochs: {error}.") from error


def _parse(row: dict[str, str]) -> EpochRow:
    numbers = {name: float(value) if value else None for name, value in row.items()}
    parsed: EpochRow = read(EpochRow, numbers | {"step": int(row.get("step", ""))}, "an epoch")
    return parsed
