"""The inputs of a report: the files of sweeps and of pytest-benchmark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.results.files import beside
from bench.results.operators import OperatorTime, read_operators
from bench.results.results_file import LARGEST_CSV, read_csv
from bench.results.rows import Row
from zoo.errors import UsageError, ZooError, missing_file
from zoo.reading import read_text
from zoo.specs.catalog import Kind

_LONGEST = 1e30  # seconds


@dataclass(frozen=True)
class ResultsFile:
    """The results of one sweep: its CSV and the files beside it."""

    path: Path
    rows: list[Row]
    operators: list[OperatorTime]
    environment: dict[str, Any] | None  # None where it was not kept


@dataclass(frozen=True)
class Timing:
    """One benchmark of a pytest-benchmark file."""

    name: str
    params: str  # in words
    rounds: int
    median: float  # seconds
    iqr: float  # seconds between the quartiles


@dataclass(frozen=True)
class Suite:
    """A pytest-benchmark file."""

    path: Path
    timings: list[Timing]
    machine: dict[str, Any]  # what it says of where it ran


@dataclass(frozen=True)
class Inputs:
    """All files of a report, in the order in which they were given."""

    results: list[ResultsFile]
    suites: list[Suite]

    @property
    def operators(self) -> list[OperatorTime]:
        """The operators of all results files; if two profiled the same cell, those of the first."""
        by_cell: dict[str, list[OperatorTime]] = {}
        for file in self.results:
            fresh = [one for one in file.operators if one.cell not in by_cell]
            for one in fresh:
                by_cell.setdefault(one.cell, []).append(one)
        return [one for found in by_cell.values() for one in found]

    def name(self, path: Path) -> str:
        """The name of a file, or its whole path if two have the same name."""
        paths = [file.path for file in self.results] + [suite.path for suite in self.suites]
        same = [one for one in paths if one.name == path.name]
        return path.name if len(same) == 1 else str(path)

    @property
    def rows(self) -> list[Row]:
        """The rows of all results files."""
        return [row for file in self.results for row in file.rows]

    def only(self, kind: Kind) -> "Inputs":
        """The same inputs with only the rows of these models."""
        if not kind.words:
            return self
        files = [
            replace(file, rows=[row for row in file.rows if kind.holds(row.model)])
            for file in self.results
        ]
        if files and not any(file.rows for file in files):
            raise UsageError(f"{kind.words}: these files have no row of such a model.")
        return replace(self, results=files)


def read_inputs(paths: Sequence[Path]) -> Inputs:
    """Read results files (CSV) and pytest-benchmark files (JSON), told apart by their names."""
    if not paths:
        raise UsageError(
            "no results file was given. Name at least one, such as one that bench wrote."
        )
    paths = list(dict.fromkeys(paths))
    return Inputs(
        results=[read_results(path) for path in paths if path.suffix != ".json"],
        suites=[read_suite(path) for path in paths if path.suffix == ".json"],
    )


def read_results(path: Path) -> ResultsFile:
    """A results file, with the operators and the environment beside it."""
    rows = read_csv(path)
    environment = beside(path, "environment.json")
    return ResultsFile(
        path,
        rows,
        operators=read_operators(path),
        environment=_read_object(environment) if environment.exists() else None,
    )


def read_suite(path: Path) -> Suite:
    """A file that pytest-benchmark wrote with --benchmark-json or --benchmark-autosave."""
    if not path.exists():
        raise missing_file(path, f"pytest tests/benchmarks --benchmark-json={path}")
    value = _read_object(path)
    if not isinstance(value.get("benchmarks"), list):
        raise ZooError(f"{path} is not a pytest-benchmark file: it has no list of benchmarks.")
    machine = value.get("machine_info")
    try:
        timings = [_timing(benchmark) for benchmark in value["benchmarks"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ZooError(
            f"{path} is not a pytest-benchmark file, or it is damaged: {error!r}."
        ) from error
    return Suite(path, timings, machine if isinstance(machine, dict) else {})


def _timing(benchmark: dict[str, Any]) -> Timing:
    stats, params = benchmark["stats"], benchmark.get("params") or {}
    median, iqr = float(stats["median"]), float(stats["iqr"])
    if not (0 <= median <= _LONGEST and 0 <= iqr <= _LONGEST):
        raise ValueError("a time is not a positive number")
    return Timing(
        name=str(benchmark["name"]).partition("[")[0],
        params=", ".join(f"{name}={value}" for name, value in params.items()),
        rounds=int(stats["rounds"]),
        median=median,
        iqr=iqr,
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_text(path, LARGEST_CSV))
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ZooError(f"{path} does not hold a JSON object.")
    return value
