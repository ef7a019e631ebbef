"""The stored record of a cell: the groups that were measured, and the raw samples.

A line of <stem>.samples.jsonl is a record, or an amendment of an earlier one.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bench.measuring.samples import Samples
from bench.results.rows import (
    SCHEMA,
    Asked,
    Compared,
    Memory,
    Model,
    OtherSchemaError,
    Outcome,
    Pairing,
    Provenance,
    Ran,
    Scored,
    of_today,
)
from zoo.records import read


@dataclass(frozen=True)
class Record:
    """Everything that was measured for a cell; `bench.results.evaluate` makes its row."""

    asked: Asked
    outcome: Outcome = field(default_factory=Outcome)
    model: Model = field(default_factory=Model)
    ran: Ran = field(default_factory=Ran)
    pairing: Pairing = field(default_factory=Pairing)
    compared: Compared = field(default_factory=Compared)
    memory: Memory = field(default_factory=Memory)
    scored: Scored = field(default_factory=Scored)
    provenance: Provenance = field(default_factory=Provenance)
    samples: Samples = field(default_factory=Samples)

    def to_json(self) -> dict[str, Any]:
        """The line to store."""
        return asdict(self)


@dataclass(frozen=True)
class Amendment:
    """What was learned about a cell after its record was stored."""

    cell: str
    outcome: Outcome
    scored: Scored

    def to_json(self) -> dict[str, Any]:
        """The line to store."""
        return asdict(self)


_GROUPS = [part.name for part in fields(Record) if part.name != "samples"]


@dataclass(frozen=True)
class _Older:
    """Fields that lines of schema 1 have in the row and that are now in `Samples`."""

    cell: str
    steady: bool | None = None
    rerun: int | None = None
    wrong_answers: int | None = None
    new_shape_ms: float | None = None
    p50_ms: float | None = None

    def samples(self) -> dict[str, Any]:
        """The same as parts of `Samples`."""
        first = None
        if self.new_shape_ms is not None and self.p50_ms is not None:
            whole = round if self.new_shape_ms else math.floor  # 0: no longer than p50
            first = whole((self.p50_ms + self.new_shape_ms) * 1e6)
        return {
            "steady": self.steady,
            "rerun": self.rerun,
            "wrong": self.wrong_answers,
            "new_shape_ns": first,
        }


def schema_of(line: Any) -> int | None:
    """The schema that a line was written in; None if it is not the record of a cell."""
    group = line.get("row", line.get("provenance")) if isinstance(line, dict) else None
    return group.get("schema") if isinstance(group, dict) else None


def read_line(line: Any) -> Record | Amendment:
    """A line of the journal, of this schema or an earlier one; `ValueError` for anything else."""
    if not isinstance(line, dict):
        raise ValueError("a line is not an object")
    if "row" in line:
        line = _of_older(line)
    elif "provenance" in line and schema_of(line) != SCHEMA:
        raise OtherSchemaError(f"has schema {schema_of(line)}, this version writes {SCHEMA}")
    kind = Record if "samples" in line else Amendment
    found: Record | Amendment = read(kind, line, "a line", lenient=True)
    if isinstance(found, Record):
        found.samples.check()
    return found


def _of_older(line: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a line with a flat row to one with groups."""
    if not isinstance(line["row"], dict) or "schema" not in line["row"]:
        raise ValueError("a row is not an object")
    row = of_today(line["row"])
    older: _Older = read(_Older, row, "a row", lenient=True)
    groups = dict.fromkeys(_GROUPS, row)
    samples = line.get("samples")
    if samples is None:  # a row that learned something later
        return {"cell": older.cell, **groups}
    if not isinstance(samples, dict):
        raise ValueError("samples are not an object")
    return {**groups, "samples": older.samples() | samples}
