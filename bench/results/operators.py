"""<stem>.operators.csv: how long each kind of operator took, where a sweep was profiled."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.results.files import beside
from bench.results.results_file import LARGEST_CSV
from zoo.errors import ZooError
from zoo.files import write_text
from zoo.reading import open_text
from zoo.tables import read_records, records_text

_LONGEST_US = 1e30


@dataclass(frozen=True)
class OperatorTime:
    """One kind of operator in one call of a cell, on average."""

    cell: str
    operator: str
    calls: int  # how often it ran
    total_us: float
    share: float  # of the time of all operators


def keep_operators(results: Path, found: Iterable[OperatorTime]) -> None:
    """Write the table beside a results file."""
    write_text(beside(results, "operators.csv"), records_text(OperatorTime, found))


def read_operators(results: Path) -> list[OperatorTime]:
    """The table beside a results file; empty if nothing was profiled."""
    path = beside(results, "operators.csv")
    try:
        with open_text(path, LARGEST_CSV) as handle:
            return [_operator(row) for row in read_records(handle)]
    except FileNotFoundError:
        return []
    except KeyError as error:
        raise ZooError(
            f"{path} holds no times by operator: the column {error} is missing."
        ) from error
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as times by operator: {error}.") from error


def _operator(row: dict[str, str]) -> OperatorTime:
    took, share = float(row["total_us"]), float(row["share"])
    if not (0 <= took <= _LONGEST_US and 0 <= share <= 1):
        raise ValueError("a time is not a positive number")
    return OperatorTime(row["cell"], row["operator"], int(row["calls"]), took, share)
