"""Another executor measures the same: the sweep keeps what it finds, and what it does not find."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

import bench
from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import (
    FAILED,
    OK,
    SKIPPED,
    Asked,
    Model,
    Outcome,
    Pairing,
    Provenance,
    Ran,
    Row,
    Scored,
)
from tests.factories import Told
from tests.machine.other_process import InAnotherProcess
from zoo.machine.executor import Found, InThisProcess, Task, TaskError, Work
from zoo.ort.given import Given
from zoo.progress import Progress

Sweep = Callable[..., Any]
TIMED = {"when", "seconds"}


def but_times(row: Row) -> dict[str, Any]:
    """What a row says that no clock tells."""
    groups = (Asked, Outcome, Model, Ran, Pairing, Scored, Provenance)
    names = {part.name for group in groups for part in fields(group)} - TIMED
    return {name: value for name, value in asdict(row).items() if name in names}


class EndsAfter:
    """An executor that is gone after so many findings of each task."""

    def __init__(self, findings: int) -> None:
        self.findings = findings

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        found: Iterator[Found] = InThisProcess().run(work, task, progress)
        for _ in range(self.findings):
            yield next(found)
        raise TaskError("the other machine was switched off")


def test_the_rows_are_the_same(swept: Any, mlp_exports: Path, tmp_path: Path) -> None:
    """Of artifacts with accuracy, the reference's answers and operators of each cell."""
    executor, told = InAnotherProcess(), Told()
    out = tmp_path / "results.csv"
    rows = bench.run(
        [],
        swept.settings,
        exports=mlp_exports,
        out=out,
        profile=True,
        executor=executor,
        progress=told,
    )
    assert [but_times(row) for row in rows] == [but_times(row) for row in swept.rows]
    assert read_csv(out) == rows
    assert told.lines == swept.told
    ours, theirs = read_predictions(swept.out), read_predictions(out)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert [len(task.arms) for task in executor.tasks] == [2]


def test_rows_that_fail_or_are_skipped_are_the_same(sweep_of: Sweep, tiny_onnx: Any) -> None:
    names = ("Right", "Raises", "Wrong", "Exits", "CannotThis", "LacksMemory")
    options: dict[str, Any] = {
        "runtimes": tuple(f"faulty_sweep:{name}" for name in names),
        "batches": (1, 2),
    }
    file = tiny_onnx()
    here = sweep_of(file, out="here.csv", **options)
    there = sweep_of(file, out="there.csv", executor=InAnotherProcess(), **options)
    assert [but_times(row) for row in there.rows] == [but_times(row) for row in here.rows]
    assert {row.status for row in there.rows} == {OK, FAILED, SKIPPED}


class TestKilled:
    """A task's process that is killed."""

    def test_it_takes_no_other_task_along_and_resume_goes_on(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        files = [tiny_onnx(name) for name in ("first.onnx", "last.onnx", "next.onnx")]
        options: dict[str, Any] = {
            "runtimes": ("faulty_sweep:KillsTheSweep",),
            "executor": InAnotherProcess(),
        }
        found = sweep_of(*files, **options)
        assert [row.status for row in found.rows] == [OK, FAILED, OK]
        assert found.rows[1].reason == "the process of its task was ended by SIGKILL"
        again = sweep_of(*files, resume=True, **options)
        assert [row.status for row in again.rows] == [OK, OK, OK]
        assert [again.rows[0], again.rows[2]] == [found.rows[0], found.rows[2]]

    def test_the_rows_so_far_are_kept(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        options: dict[str, Any] = {
            "runtimes": ("faulty_sweep:KillsTheSweepAtTwo", "faulty_sweep:TenClasses"),
            "batches": (1, 2),
            "given": Given(data="digits"),
            "executor": InAnotherProcess(),
        }
        file = tiny_onnx(classes=10, metadata={})
        found = sweep_of(file, **options)
        assert [row.status for row in found.rows] == [OK, FAILED, FAILED, FAILED]
        first = found.rows[0]
        assert first.p50_ms is not None
        assert first.accuracy_reason.startswith("measuring it failed: the process of its task")
        again = sweep_of(file, resume=True, **options)
        assert [row.runtime for row in again.rows] == [row.runtime for row in found.rows]
        assert [row.status for row in again.rows] == [OK] * 4
        assert again.rows[0] == first


class TestFails:
    """A task that ends, for whatever reason."""

    def test_cells_without_a_row_have_failed(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        files = [tiny_onnx("a.onnx"), tiny_onnx("b.onnx")]
        found = sweep_of(*files, batches=(1, 2), executor=EndsAfter(1))
        assert [row.status for row in found.rows] == [OK, FAILED] * 2
        assert {row.reason for row in found.rows[1::2]} == {"the other machine was switched off"}
        assert read_csv(found.out) == found.rows

    def test_accuracy_that_was_asked_for_has_failed(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        options: dict[str, Any] = {
            **{"exports": mlp_exports, "precisions": ("fp32",), "runtimes": ("onnxruntime",)},
            "measure_accuracy": True,
        }
        (row,) = sweep_of("mlp", executor=EndsAfter(1), **options).rows
        assert row.status == FAILED
        assert "accuracy was requested but could not be measured: measuring it failed" in row.reason
        assert row.p50_ms is not None

    def test_a_search_goes_on_where_it_was(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        options: dict[str, Any] = {"runtimes": ("faulty_sweep:LacksMemory",), "batches": ()}
        found = sweep_of(tiny_onnx(), executor=EndsAfter(1), **options)
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, FAILED)]
        again = sweep_of(tiny_onnx(), resume=True, **options)
        assert [(row.batch, row.status) for row in again.rows] == [(1, OK), (2, SKIPPED)]
        assert "largest batch size reached: " in again.rows[1].reason
        assert again.rows[0] == found.rows[0]
        last = sweep_of(tiny_onnx(), resume=True, **options)
        assert last.rows == again.rows


def test_a_search_that_found_all_is_not_taken_up(
    sweep_of: Sweep, tiny_onnx: Any, started: list[str]
) -> None:
    options: dict[str, Any] = {"runtimes": ("faulty_sweep:LacksMemory",), "batches": ()}
    sweep_of(tiny_onnx(), **options)
    started.clear()
    sweep_of(tiny_onnx(), tiny_onnx("other.onnx"), resume=True, **options)
    assert {name.split()[0] for name in started} == {"other.onnx"}
