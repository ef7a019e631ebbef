"""A series of comparisons of one pair, and the file that keeps it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.pair.asking import Pair
from bench.results.evaluate import rows_of
from bench.results.journal import Journal
from bench.results.record import Record
from bench.results.results_file import read_csv
from bench.results.rows import Row
from bench.stats.ratios import verdict
from bench.stats.stats import Interval
from zoo.errors import UsageError, ZooError

_TOLD = "description of the files (--mean, --data, ...) or --tf32"


class Series:
    """The comparisons so far. out: the CSV that keeps them, None to keep none."""

    def __init__(self, pair: Pair, out: Path | None) -> None:
        self.pair = pair
        self.out = out
        self.rows: list[Row] = []
        self._journal = Journal(out) if out else None
        if self._journal:
            _check_is_results(self._journal.path)
            self._journal.load()
            self.rows = self._journal.rows
            self.check(pair.series)
            self._check_told()

    def check(self, facts: Mapping[str, Any]) -> None:
        """Check that a series is continued by the same comparison. facts: by column."""
        for row in self.rows:
            if not row.is_comparison:
                raise UsageError(f"{self.out} holds cells of `bench`. Name another --out.")
            names = [name for name, value in facts.items() if getattr(row, name) != value]
            self._refuse(", ".join(names))

    def _check_told(self) -> None:
        for row in self.rows:
            self._refuse("" if row.cell == self.pair.cell(row.repeat or 0) else _TOLD)

    def _refuse(self, differing: str) -> None:
        if differing:
            raise UsageError(
                f"{self.out} holds another series (its {differing} differ). Name another --out."
            )

    def begin(self) -> None:
        """Prepare the files for more comparisons."""
        if self._journal:
            self._journal.resume()

    def add(self, record: Record) -> Row:
        """Keep a comparison for good."""
        row = self._journal.add(record) if self._journal else rows_of([record])[0]
        self.rows = self._journal.rows if self._journal else [*self.rows, row]
        return row


def _check_is_results(path: Path) -> None:
    """Refuse to overwrite files of another program or an earlier version."""
    if not path.exists():
        return
    try:
        read_csv(path)
    except UsageError:
        raise
    except ZooError as error:
        raise ZooError(f"{error} Name another --out.") from error


def judged(row: Row, margin: float) -> Row:
    """A stored comparison, judged by the requested margin."""
    if row.ratio is None or row.ratio_low is None or row.ratio_high is None:
        return replace(row, margin=margin)
    interval = Interval(row.ratio, row.ratio_low, row.ratio_high)
    return replace(row, margin=margin, verdict=verdict(interval, margin))
