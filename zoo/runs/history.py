"""history.csv: the one record of a run that progress, plots and reports read."""

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import write_text
from zoo.reading import open_text
from zoo.records import read
from zoo.tables import read_records, records_text

_LARGEST = 64 << 20


@dataclass(frozen=True)
class EpochRow:
    """One epoch. Accuracies are shares of 1; validation columns are empty where none is held out.

    So are those of what a framework does not have, such as a learning rate.
    Losses have the recipe's label smoothing, in training and validation alike. Where a second stage
    follows, such as finetuning, epochs and steps are counted on.
    """

    epoch: float  # passes finished; a fraction at the end of a schedule that stops inside one
    step: int  # steps done in all
    lr: float | None  # of the epoch's last step
    train_loss: float | None  # over the augmented images, as they were trained on
    train_accuracy: float | None  # likewise
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float  # wall time of the epoch, validation apart
    images_per_second: float


def write_history(path: Path, rows: list[EpochRow]) -> None:
    """Replace the CSV by these rows."""
    write_text(path, records_text(EpochRow, rows))


def read_history(path: Path) -> list[EpochRow]:
    """The rows of a history.csv; a `ZooError` where it is none, or damaged."""
    try:
        with open_text(path, _LARGEST) as handle:
            return [_parse(row) for row in read_records(handle)]
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as a history of epochs: {error}.") from error


def _parse(row: dict[str, str]) -> EpochRow:
    numbers = {name: float(value) if value else None for name, value in row.items()}
    parsed: EpochRow = read(EpochRow, numbers | {"step": int(row.get("step", ""))}, "an epoch")
    return parsed
