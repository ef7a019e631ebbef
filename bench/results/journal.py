"""The journal of a sweep: what each cell gave, kept for good as soon as it is there.

A line of <stem>.samples.jsonl holds a row and the raw samples that it is computed from.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results.files import beside, files_of
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import FORMER_NAMES, SCHEMA, OtherSchemaError, Row, of_today
from bench.results.samples import Samples
from zoo.errors import UsageError, ZooError
from zoo.files import write_text, writing
from zoo.reading import read_text
from zoo.records import read

_LARGEST = 4 << 30  # bytes of raw samples


@dataclass(frozen=True)
class Line:
    """What is kept of a cell."""

    cell: str
    row: Row
    samples: Samples | None  # None where only its row learned something


class Journal:
    """The lines of <stem>.samples.jsonl, and the CSV that they give: of each cell its last row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = beside(path, "samples.jsonl")
        self.rows: list[Row] = []

    def refuse_existing(self) -> None:
        """Refuse to begin where anything lies that a sweep would replace."""
        for path in files_of(self.path):
            if os.path.lexists(path):
                go_on = "Go on with --resume, or name" if self.samples.exists() else "Name"
                raise UsageError(f"{path} exists. {go_on} another --out.")

    def begin(self) -> None:
        """Make the file by which --resume knows that what lies beside it is of this sweep."""
        if not self.samples.exists():
            write_text(self.samples, "")

    def resume(self) -> list[str]:
        """Take up what an earlier sweep finished; a line it died in is cut off.

        Files of an older schema get the columns of today. Returns what a reader of them should know
        of that.
        """
        if self.path.exists() and not self.samples.exists():
            raise UsageError(
                f"{self.samples} is not there: --resume goes by it. Name another --out."
            )
        if not self.samples.exists():
            self.refuse_existing()
        # The CSV has what rows learned later, such as from which call on they are ahead of torch.
        written = read_csv(self.path) if self.path.exists() else []
        known = {(row.key, row.cell, row.when): row for row in written}
        kept, older = [], set[int]()
        for line in _whole_lines(self.samples):
            try:
                stored = json.loads(line)
                value = _of_today(stored)
                row: Row = read(Line, value, "a line", lenient=True).row
            except OtherSchemaError as error:
                raise ZooError(f"{self.samples} {error}. Name another --out.") from error
            except (ValueError, RecursionError) as error:
                raise ZooError(
                    f"{self.samples} is damaged ({error}). Name another --out."
                ) from error
            self._keep(known.get((row.key, row.cell, row.when), row))
            if value == stored:
                kept.append(line)
            else:
                kept.append(f"{json.dumps(value)}\n")
                older.add(stored["row"]["schema"])
        # The CSV first: killed in between, the samples still tell that it has to be done.
        if self.rows != written or older:
            write_csv(self.path, self.rows)
        write_text(self.samples, "".join(kept))
        return _renamed(self.path, older)

    def _keep(self, row: Row) -> None:
        """In place of an earlier row of the same: one that failed, or of another file or preset."""
        for at, earlier in enumerate(self.rows):
            if earlier.key == row.key:
                self.rows[at] = row
                return
        self.rows.append(row)

    def add(self, row: Row, samples: Samples) -> None:
        """Keep a row for good."""
        self._keep(row)
        line = {"cell": row.cell, "row": asdict(row), "samples": asdict(samples)}
        append_line(self.samples, line)
        write_csv(self.path, self.rows)

    def update(self, row: Row) -> None:
        """Keep what a row learned after its samples were kept."""
        self._keep(row)
        append_line(self.samples, {"cell": row.cell, "row": asdict(row), "samples": None})
        write_csv(self.path, self.rows)


def append_line(path: Path, value: Any) -> None:
    """Add a line of JSON to a file, for good."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(value) + "\n")
            handle.flush()
            os.fsync(handle.fileno())


def _of_today(value: Any) -> Any:
    """A line whose row has the columns of today."""
    row = value.get("row") if isinstance(value, dict) else None
    if isinstance(row, dict) and "schema" in row:
        return value | {"row": of_today(row)}
    return value


def _renamed(path: Path, older: Iterable[int]) -> list[str]:
    """A line for each schema that was brought up to date."""
    return [
        f"{path} had schema {schema} and has schema {SCHEMA} now: "
        + ", ".join(f"column {old} is {new}" for old, new in FORMER_NAMES[schema].items())
        for schema in sorted(older)
    ]


def _whole_lines(path: Path) -> list[str]:
    try:
        text = read_text(path, _LARGEST)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{path} cannot be read: {error}.") from error
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


def read_samples(path: Path) -> dict[str, Samples]:
    """The raw samples beside a CSV, by cell; none where the file was not kept."""
    found = {}
    for line in _whole_lines(beside(path, "samples.jsonl")):
        try:
            kept: Line = read(Line, _of_today(json.loads(line)), "a line", lenient=True)
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{beside(path, 'samples.jsonl')} is damaged ({error}).") from error
        if kept.samples is not None:  # None: a row that learned something later
            found[kept.cell] = kept.samples
    return found
