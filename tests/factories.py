"""What tests of many folders make: rows and records of a sweep, a progress that keeps its words."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from bench.measuring.samples import Samples
from bench.results.files import beside
from bench.results.record import Record, read_line
from bench.results.rows import Row
from zoo.progress import Progress


class Told(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    now = say


def asked(**parts: Any) -> Row:
    """A cell of which nothing was measured yet."""
    facts: dict[str, Any] = {
        "subject": "cnn-digits",
        "precision": "fp32",
        "runtime": "onnxruntime",
        "provider": "cpu",
        "boundary": "host",
        "threads": 1,
        "batch": 1,
        "scenario": "latency",
        "cell": "c1",
    }
    return Row(**(facts | parts))


def record(samples: Samples | None = None, **columns: Any) -> Record:
    """What was kept of such a cell: these columns, each in its group, and its samples."""
    row = asked(**columns)
    groups = {
        name: kind(**{part.name: getattr(row, part.name) for part in fields(kind)})
        for name, kind in get_type_hints(Record).items()
        if name != "samples"
    }
    return Record(**groups, samples=samples or Samples())


def samples_of(path: Path) -> dict[str, Samples]:
    """The raw samples beside a CSV, by cell."""
    lines = beside(path, "samples.jsonl").read_text(encoding="utf-8").splitlines()
    records = [read_line(json.loads(line)) for line in lines]
    return {one.provenance.cell: one.samples for one in records if isinstance(one, Record)}


def cell(p50: float | None = 1.0, error: float = 0.005, **parts: Any) -> Row:
    """A cell that was measured. error: half the interval of p50, as a share."""
    facts: dict[str, Any] = {
        "cell": "",
        "model": "cnn",
        "dataset": "digits",
        "file_bytes": 1_000_000,
        "sha256": "a" * 64,
        "runtime_version": "onnxruntime 1.31.1",
        "nodes": 40,
        "placed_share": 1.0,
        "n": 1000,
        "blocks": 20,
        "machine": "here",
    }
    if p50 is not None:
        facts |= {"p50_ms": p50, "p50_low_ms": p50 * (1 - error), "p50_high_ms": p50 * (1 + error)}
    return asked(**(facts | parts))


def scored(name: str, p50: float | None = 1.0, accuracy: float | None = 0.9, **parts: Any) -> Row:
    """A cell whose accuracy was measured, too: to half a point, and its time to 1%.

    The hash of its file is not known: with one and the same, rows would be of one file.
    """
    facts: dict[str, Any] = {"subject": name, "model": name, "sha256": None, "accuracy": accuracy}
    if accuracy is not None:
        facts |= {"accuracy_low": accuracy - 0.005, "accuracy_high": accuracy + 0.005}
    return cell(p50, 0.01, **(facts | parts))
