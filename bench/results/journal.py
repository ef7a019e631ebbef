"""The journal of a sweep: each cell is stored as soon as it is measured.

A line of <stem>.samples.jsonl holds everything that was measured for a cell, including raw samples;
the CSV is made only from these lines.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.results.context import related
from bench.results.evaluate import evaluate
from bench.results.files import beside, files_of
from bench.results.record import Amendment, Record, read_line, schema_of
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import FORMER_NAMES, SCHEMA, OtherSchemaError, Outcome, Row, Scored
from zoo.errors import UsageError, ZooError
from zoo.files import write_text, writing
from zoo.reading import read_text

_LARGEST = 4 << 30  # bytes of raw samples


class Journal:
    """The lines of <stem>.samples.jsonl, and the CSV made from them: the last row of each cell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = beside(path, "samples.jsonl")
        self.rows: list[Row] = []
        self._alone: list[Row] = []  # without what follows from other rows

    def refuse_existing(self) -> None:
        """Refuse to start if a sweep would replace existing files."""
        for path in files_of(self.path):
            if os.path.lexists(path):
                go_on = "Continue with --resume, or name" if self.samples.exists() else "Name"
                raise UsageError(f"{path} exists. {go_on} another --out.")

    def begin(self) -> None:
        """Create the file by which --resume recognises the files of this sweep."""
        if not self.samples.exists():
            write_text(self.samples, "")

    def resume(self) -> list[str]:
        """Continue an earlier sweep; a line that it died in is cut off.

        Files of an older schema get the current columns. Returns messages about that.
        """
        self._check_samples()
        if not self.samples.exists():
            self.refuse_existing()
        if self.path.exists():
            read_csv(self.path)  # nothing else is written over
        lines, older = self._load()
        # The CSV first: killed in between, the samples still tell that it has to be done.
        if self.rows or self.path.exists():
            write_csv(self.path, self.rows)
        if older:
            lines = [f"{json.dumps(read_line(json.loads(line)).to_json())}\n" for line in lines]
        write_text(self.samples, "".join(lines))
        return [_renewed(self.path, schema) for schema in sorted(older)]

    def load(self) -> set[int]:
        """Load what is there without writing. Returns the older schemas that were found."""
        self._check_samples()
        return self._load()[1]

    def _check_samples(self) -> None:
        if self.path.exists() and not self.samples.exists():
            raise UsageError(
                f"{self.samples} is not there, so nothing can be added to {self.path}. "
                "Name another --out."
            )

    def _load(self) -> tuple[list[str], set[int]]:
        lines, older = _whole_lines(self.samples), set[int]()
        for line in lines:
            try:
                stored = json.loads(line)
                self._take(read_line(stored))
                older |= {schema_of(stored) or SCHEMA} - {SCHEMA}
            except OtherSchemaError as error:
                raise ZooError(f"{self.samples} {error}. Name another --out.") from error
            except (ValueError, ArithmeticError, RecursionError) as error:
                raise ZooError(
                    f"{self.samples} is damaged ({error}). Name another --out."
                ) from error
        self.rows = related(self._alone)
        return lines, older

    def add(self, record: Record) -> Row:
        """Store what was measured for a cell. Returns its current row."""
        self._append(record)
        return next(row for row in self.rows if row.cell == record.provenance.cell)

    def amend(self, cell: str, outcome: Outcome, scored: Scored) -> None:
        """Store what was learned about a cell after its record was stored."""
        self._append(Amendment(cell, outcome, scored))

    def _append(self, line: Record | Amendment) -> None:
        self._take(line)
        self.rows = related(self._alone)
        append_line(self.samples, line.to_json())
        write_csv(self.path, self.rows)

    def _take(self, line: Record | Amendment) -> None:
        """Add a record, replacing an earlier one: a failed one, or of another file or preset."""
        if isinstance(line, Amendment):
            learned = vars(line.outcome) | vars(line.scored)
            self._alone = [
                replace(row, **learned) if row.cell == line.cell else row for row in self._alone
            ]
            return
        row = evaluate(line)
        for at, earlier in enumerate(self._alone):
            if earlier.key == row.key:
                self._alone[at] = row
                return
        self._alone.append(row)


def append_line(path: Path, value: Any) -> None:
    """Append a line of JSON to a file, and sync it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(value) + "\n")
            handle.flush()
            os.fsync(handle.fileno())


def _renewed(path: Path, schema: int) -> str:
    """The message about a file that was updated to the current schema."""
    renamed = [f"column {old} is now called {new}" for old, new in FORMER_NAMES[schema].items()]
    told = [f"{path} was updated from schema {schema} to {SCHEMA}", *renamed]
    return ": ".join(told)


def _whole_lines(path: Path) -> list[str]:
    try:
        text = read_text(path, _LARGEST)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{path} cannot be read: {error}.") from error
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
