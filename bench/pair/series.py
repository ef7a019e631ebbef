"""A series of comparisons of one pair: its rows, the file that keeps them, and what it shows."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from bench.results.results_file import LARGEST_CSV
from bench.results.wording import count
from bench.stats.ratios import verdict
from bench.stats.stats import Interval, relative_half_width
from zoo.errors import UsageError, ZooError
from zoo.reading import open_text
from zoo.tables import read_cell, read_records, records_text

_LARGEST = 1e30  # nothing is so many times slower
_APART = 0.05  # what many a script would report as a change
# Columns that were called otherwise in older files.
FORMER_NAMES = {
    "engine_a": "runtime_version_a",
    "engine_b": "runtime_version_b",
    "wrong": "wrong_answers",
}


@dataclass(frozen=True)
class PairRow:
    """One comparison: a row of pairs.csv."""

    a: str
    b: str
    sha256_a: str
    sha256_b: str
    runtime_a: str
    runtime_b: str
    provider: str
    threads: int
    batch: int
    way: str
    seconds: float
    instances: int
    neighbour: float
    margin: float
    repeat: int
    ratio: float  # time of B / time of A
    low: float | None
    high: float | None
    verdict: str
    turns: int
    p50_a_us: float
    p50_b_us: float
    wrong_answers: int  # timed calls with other logits than before; any: no verdict
    same_answers: bool
    wall_seconds: float
    when: str
    # None in files of before these were kept.
    machine: str | None = None
    runtime_version_a: str | None = None
    runtime_version_b: str | None = None
    harness: str | None = None
    classes: str | None = None  # how those of the two were matched, if they name them otherwise
    # What older files could not be asked for.
    boundary: str = "host"
    tf32: bool = False
    cuda_graph: bool = False


def check_series(rows: Sequence[PairRow], asked: dict[str, Any], out: Path | None) -> None:
    """A series is only gone on with by the very same comparison."""
    for row in rows:
        names = [name for name, value in asked.items() if getattr(row, name) != value]
        if names:
            raise UsageError(
                f"{out} holds another series (its {', '.join(names)} differ). Name another --out."
            )


def judged(row: PairRow, margin: float) -> PairRow:
    """A stored comparison by the margin that is asked for now."""
    if row.low is None or row.high is None or row.wrong_answers:
        return replace(row, verdict="")
    interval = Interval(row.ratio, row.low, row.high)
    return replace(row, margin=margin, verdict=verdict(interval, margin))


def summary(rows: Sequence[PairRow]) -> list[str]:
    """What a series shows, in plain words."""
    if not rows:
        return ["no comparison was made"]
    verdicts = Counter(row.verdict for row in rows if row.verdict)
    told = ", ".join(f"{name} {count}" for name, count in verdicts.most_common())
    told += f" (margin {rows[0].margin:.1%})" if told else ""
    compared = count(len(rows), "comparison")
    ratios = np.array([row.ratio for row in rows])
    apart = int((np.abs(np.log(ratios)) > math.log1p(_APART)).sum())
    lines = [
        f"{compared} of {rows[0].b} with {rows[0].a}: {told}".rstrip(": "),
        f"time B / time A {np.median(ratios):.4f} (from {ratios.min():.4f} to {ratios.max():.4f}); "
        f"more than {_APART:.0%} from 1 in {apart} of {len(rows)}",
    ]
    intervals = [
        (row.low, row.high) for row in rows if row.low is not None and row.high is not None
    ]
    if intervals:
        half = float(np.median([relative_half_width(low, high) for low, high in intervals]))
        holding = sum(low <= 1 <= high for low, high in intervals)
        lines.append(
            f"half-width of the 95 % interval {half:.2%} of the ratio (median); "
            f"1 lies in {holding} of {len(intervals)} intervals"
        )
    lines += sorted({row.classes for row in rows if row.classes})
    if not all(row.same_answers for row in rows):
        lines.append("the two do not give the same logits")
    if any(row.wrong_answers for row in rows):
        wrong = count(sum(row.wrong_answers for row in rows), "timed call")
        lines.append(f"{wrong} gave other logits than before: no verdict, the exit code is 1")
    return lines


def csv_text(rows: Sequence[PairRow]) -> str:
    """The rows as `--out` keeps them."""
    return records_text(PairRow, rows)


def _check_ratio(row: PairRow) -> None:
    """What its logarithm is taken of has to have one, and to lie where it can be."""
    low, high = (
        row.ratio if row.low is None else row.low,
        row.ratio if row.high is None else row.high,
    )
    if not 1 / _LARGEST <= low <= row.ratio <= high <= _LARGEST:
        raise ValueError(f"a ratio of {row.ratio:g} ({low:g} to {high:g})")


def _of_today(line: dict[str, str]) -> dict[str, str]:
    return {FORMER_NAMES.get(name, name): text for name, text in line.items()}


def read_pairs(path: Path) -> list[PairRow]:
    """The rows of a file that `compare A B --out` wrote."""
    hints = get_type_hints(PairRow)
    later = {part.name for part in fields(PairRow) if part.default is not MISSING}

    def known(line: dict[str, str]) -> set[str]:
        """All of them, but for those that older files have not."""
        return set(hints) - (later - set(line))

    try:
        with open_text(path, LARGEST_CSV) as handle:
            rows = [
                PairRow(**{name: read_cell(hints[name], line[name]) for name in known(line)})
                for line in map(_of_today, read_records(handle))
            ]
        if not rows and path.stat().st_size:
            raise ValueError("it has no row")
        for row in rows:
            _check_ratio(row)
    except (OSError, KeyError, ValueError) as error:
        raise ZooError(
            f"{path} is no file of comparisons ({error}). Name another --out."
        ) from error
    return rows
