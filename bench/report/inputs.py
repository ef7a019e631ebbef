"""Everything that a report is made of, read from the files of sweeps and of pytest-benchmark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.results.rows import LARGEST_CSV, Row, beside, read_csv
from zoo.errors import UsageError, ZooError, missing_file
from zoo.reading import open_text, read_text
from zoo.tables import read_records

_LONGEST = 1e30  # of a time, whatever its unit


@dataclass(frozen=True)
class Operator:
    """One kind of operator in one call of a cell: how often, microseconds in all, their share."""

    cell: str
    operator: str
    calls: int
    total_us: float
    share: float


@dataclass(frozen=True)
class Sweep:
    """One results file with what lies beside it; environment: None where it was not kept."""

    path: Path
    rows: list[Row]
    operators: list[Operator]
    environment: dict[str, Any] | None


@dataclass(frozen=True)
class Timing:
    """One benchmark of a pytest-benchmark file; times in seconds."""

    name: str
    params: str
    rounds: int
    median: float
    iqr: float


@dataclass(frozen=True)
class Suite:
    """A pytest-benchmark file; machine: what it says of where it ran."""

    path: Path
    timings: list[Timing]
    machine: dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """All files of a report, in the order in which they were given."""

    sweeps: list[Sweep]
    suites: list[Suite]

    @property
    def operators(self) -> list[Operator]:
        """Of all sweeps; where two profiled the same cell, of the first."""
        by_cell: dict[str, list[Operator]] = {}
        for sweep in self.sweeps:
            fresh = [one for one in sweep.operators if one.cell not in by_cell]
            for one in fresh:
                by_cell.setdefault(one.cell, []).append(one)
        return [one for found in by_cell.values() for one in found]

    def name(self, path: Path) -> str:
        """What a file is called: its name, or all of its path where two have the same name."""
        paths = [sweep.path for sweep in self.sweeps] + [suite.path for suite in self.suites]
        same = [one for one in paths if one.name == path.name]
        return path.name if len(same) == 1 else str(path)

    @property
    def rows(self) -> list[Row]:
        """Of all sweeps."""
        return [row for sweep in self.sweeps for row in sweep.rows]


def read_inputs(paths: Sequence[Path]) -> Inputs:
    """Read results files (CSV) and pytest-benchmark files (JSON), told apart by their names."""
    if not paths:
        raise UsageError("a report needs at least one results file.")
    paths = list(dict.fromkeys(paths))
    return Inputs(
        sweeps=[read_sweep(path) for path in paths if path.suffix != ".json"],
        suites=[read_suite(path) for path in paths if path.suffix == ".json"],
    )


def read_sweep(path: Path) -> Sweep:
    """A results file, with the operators and the environment beside it."""
    rows = read_csv(path)
    environment = beside(path, "environment.json")
    return Sweep(
        path,
        rows,
        operators=_read_operators(beside(path, "operators.csv")),
        environment=_read_object(environment) if environment.exists() else None,
    )


def read_suite(path: Path) -> Suite:
    """A file that pytest-benchmark wrote with --benchmark-json or --benchmark-autosave."""
    if not path.exists():
        raise missing_file(path, f"pytest tests/benchmarks --benchmark-json={path}")
    value = _read_object(path)
    if not isinstance(value.get("benchmarks"), list):
        raise ZooError(f"{path} is no file of pytest-benchmark: it has no list of benchmarks.")
    machine = value.get("machine_info")
    try:
        timings = [_timing(benchmark) for benchmark in value["benchmarks"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ZooError(f"{path} is no file of pytest-benchmark, or damaged: {error!r}.") from error
    return Suite(path, timings, machine if isinstance(machine, dict) else {})


def _timing(benchmark: dict[str, Any]) -> Timing:
    stats, params = benchmark["stats"], benchmark.get("params") or {}
    median, iqr = float(stats["median"]), float(stats["iqr"])
    if not (0 <= median <= _LONGEST and 0 <= iqr <= _LONGEST):
        raise ValueError("a time that is none")
    return Timing(
        name=str(benchmark["name"]).partition("[")[0],
        params=", ".join(f"{name}={value}" for name, value in params.items()),
        rounds=int(stats["rounds"]),
        median=median,
        iqr=iqr,
    )


def _read_operators(path: Path) -> list[Operator]:
    try:
        with open_text(path, LARGEST_CSV) as handle:
            return [_operator(row) for row in read_records(handle)]
    except FileNotFoundError:
        return []
    except KeyError as error:
        raise ZooError(f"{path} holds no times by operator: it has no column {error}.") from error
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as times by operator: {error}.") from error


def _operator(row: dict[str, str]) -> Operator:
    took, share = float(row["total_us"]), float(row["share"])
    if not (0 <= took <= _LONGEST and 0 <= share <= 1):
        raise ValueError("a time that is none")
    return Operator(row["cell"], row["operator"], int(row["calls"]), took, share)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_text(path, LARGEST_CSV))
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ZooError(f"{path} holds no JSON object.")
    return value
