"""<stem>.csv: write rows as a table, and read them back."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_type_hints

from bench.results.rows import COLUMNS, OtherSchemaError, Row, of_today
from zoo.errors import UsageError, ZooError, command, missing_file
from zoo.files import write_text
from zoo.reading import open_text
from zoo.tables import read_cell, read_table, records_text

LARGEST_CSV = 256 << 20  # bytes of a file that is read
_KINDS = get_type_hints(Row)
_SHARES = {"placed_share", "accuracy", "accuracy_low", "accuracy_high", "agreement", "mcnemar_p"}
_SHARES |= {"neighbour", "shown_agreement"}
_FORMER_PAIRS = {"sha256_a", "sha256_b", "ratio"}  # columns of what `compare A B` wrote before
_SIGNED = {"p50_low_ms", "new_shape_ms"}  # an interval, as it once was made, and a difference
_SIZES = 1e-60, 1e60  # range of numbers other than 0: nothing here is nearly as small or large


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Replace `path` by these rows, atomically."""
    write_text(path, csv_text(rows))


def csv_text(rows: Iterable[Row]) -> str:
    """The rows as CSV."""
    return records_text(Row, rows)


def read_csv(path: Path) -> list[Row]:
    """The rows of a results file; a clear error for any other file."""
    try:
        with open_text(path, LARGEST_CSV) as handle:
            headings, lines = read_table(handle)
            if set(headings) >= _FORMER_PAIRS:
                raise UsageError(
                    f"{path} holds comparisons in the columns of an earlier version, which are not "
                    "read. Compare again, and name another --out."
                )
            if not {"subject", "runtime", "schema"} <= set(headings):
                raise ZooError(f"{path} was not written by `bench` (its columns differ).")
            return [
                _row(path, number, dict(zip(headings, line, strict=True)))
                for number, line in enumerate(lines, 2)
            ]
    except FileNotFoundError:
        raise missing_file(path, command("bench", "--out", path)) from None
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as results: {error}.") from error


def _row(path: Path, number: int, texts: dict[str, str]) -> Row:
    try:
        texts = of_today(texts)
        row = Row(**{name: _named(name, texts.get(name, "")) for name in COLUMNS})
        if row.correct is not None and row.images is not None and row.correct > row.images:
            raise ValueError(f"correct is {row.correct}, of {row.images} images")
        return row
    except OtherSchemaError as error:
        raise ZooError(f"{path} {error}. Measure again.") from error
    except ValueError as error:
        raise ZooError(f"{path}, line {number}: {error}.") from error


def _named(name: str, text: str) -> Any:
    try:
        value = read_cell(_KINDS[name], text)
        if isinstance(value, int | float) and not _is_measurable(name, value):
            raise ValueError(f"is '{text}', which is not a possible measurement")
        return value
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _is_measurable(name: str, value: float) -> bool:
    """Whether a value is possible, so that arithmetic with it stays finite."""
    if name in _SHARES:
        return 0 <= value <= 1
    smallest, largest = _SIZES
    return value == 0 or smallest <= (abs(value) if name in _SIGNED else value) <= largest
