"""Compute every figure of a results file again from its raw samples, and compare."""

import math
from dataclasses import dataclass
from pathlib import Path

from bench.results.files import beside
from bench.results.journal import Journal
from bench.results.results_file import read_csv
from bench.results.rows import COLUMNS, Row
from bench.results.wording import Names, count, joined
from zoo.errors import ZooError

_EQUAL = 1e-9  # relative difference of a figure: another library version may round differently
# Files of schema 1 hold these in the row only, and no raw samples of them.
_NOT_RAW = ("steady", "rerun", "wrong_answers", "new_shape_ms")
_ADDED = "unpaired"  # with schema 2; before, it was only in the warnings


@dataclass(frozen=True)
class Recomputed:
    """Where a results file differs from its raw samples."""

    path: Path
    rows: int  # that were compared
    differing: tuple[str, ...]  # a line for each row that differs
    notes: tuple[str, ...]  # what could not be computed again

    def lines(self) -> list[str]:
        """The differences in words."""
        differ = f"{len(self.differing)} differ" if self.differing else "all agree"
        rows = count(self.rows, "row")
        head = f"{self.path}: {rows} recomputed from the raw samples, {differ}"
        return [head, *(f"  {line}" for line in (*self.differing, *self.notes))]


def recompute(path: Path) -> Recomputed:
    """Compute every row of a results file again, from the raw samples beside it."""
    written, samples = read_csv(path), beside(path, "samples.jsonl")
    if not samples.exists():
        raise ZooError(
            f"{path} cannot be recomputed: its raw samples are not beside it, as {samples.name}. "
            "Measure again to get both."
        )
    journal = Journal(path)
    older = journal.load()
    names = Names.of(written)
    again = {row.key: row for row in journal.rows}
    found = []
    for row in written:
        other = again.pop(row.key, None)
        told = "it has no raw samples" if other is None else _difference(row, other, older)
        if told:
            found.append(f"{names.cell(row)} ({row.cell}): {told}")
    found += [f"{names.cell(row)} ({row.cell}): it is not in the CSV" for row in again.values()]
    notes = [
        f"schema {schema}: {joined(_NOT_RAW)} cannot be recomputed, because their raw samples "
        "were not kept; they are taken from the rows beside the samples"
        for schema in sorted(older)
    ]
    return Recomputed(path, len(written), tuple(found), tuple(notes))


def _difference(written: Row, again: Row, older: set[int]) -> str:
    """The columns that differ, with both values."""
    pairs = [
        (name, getattr(written, name), getattr(again, name))
        for name in COLUMNS
        if not (older and name == _ADDED)
    ]
    return joined(
        f"{name} is {_shown(one)}, recomputed {_shown(other)}"
        for name, one, other in pairs
        if not _equal(one, other)
    )


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_EQUAL)
    return one == other


def _shown(value: object) -> str:
    return "empty" if value is None else str(value)
