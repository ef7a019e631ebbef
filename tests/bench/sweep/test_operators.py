"""Time by operator, as ONNX Runtime's profiler tells it."""

import csv
from pathlib import Path
from typing import Any

import pytest

from bench.results.rows import FAILED, OK, Row
from bench.runtimes.profile import Operator, operators
from bench.subjects.arm import Arm
from bench.subjects.subject import THIRD_PARTY, Subject
from bench.sweep.matrix import Settings
from bench.sweep.operators import profile, write_operators
from tests.factories import Told, asked

SETTINGS = Settings(batches=(1, 4), threads=(1,))

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def arm(planted_onnx: Path) -> Arm:
    return Arm(Subject("planted", THIRD_PARTY, planted_onnx), "onnxruntime", "cpu", "host", 1)


def row_of(arm: Arm, batch: int, **parts: Any) -> Row:
    return asked(
        subject=arm.subject.name,
        precision=arm.subject.precision,
        runtime=arm.runtime,
        provider=arm.provider,
        boundary=arm.boundary,
        threads=arm.threads,
        batch=batch,
        cell=f"cell-{batch}",
        **parts,
    )


def node(operator: str, index: int, micros: float, name: str = "") -> dict[str, Any]:
    """An event as ONNX Runtime writes it."""
    return {
        "cat": "Node",
        "name": f"{name or operator}_kernel_time",
        "dur": micros,
        "args": {"op_name": operator, "node_index": str(index)},
    }


def test_convolutions_are_what_a_planted_model_does(arm: Arm) -> None:
    found = profile(arm, SETTINGS, 4, "c1")
    assert {one.cell for one in found} == {"c1"}
    assert sum(one.share for one in found) == pytest.approx(1, abs=1e-3)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    assert "Conv" in found[0].operator
    assert found[0].share > 0.5
    assert found[0].calls == 5
    assert all(one.total_us >= 0 for one in found)


def test_the_mean_of_the_last_calls_counts() -> None:
    calls = 30
    events = [
        {"cat": "Session", "name": "model_run", "dur": 1e9},
        {"cat": "Node", "name": "Conv_fence_before", "dur": 1e9, "args": {"op_name": "Conv"}},
        *[node("Conv", 0, 1e6)] * 5,  # the first calls
        *[node("Conv", 0, 30)] * (calls // 2),
        *[node("Conv", 0, 10)] * (calls // 2),
        *[node("Relu", 1, 1e6)] * 5,
        *[node("Relu", 1, 20)] * calls,
    ]
    assert list(operators(events, calls)) == [
        Operator("Conv", 1, 20.0),
        Operator("Relu", 1, 20.0),
    ]


def test_nodes_that_share_a_name_are_several() -> None:
    events = [node("Reorder", index, 10.0) for _ in range(30) for index in (7, 9)]
    assert list(operators(events, 30)) == [Operator("Reorder", 2, 20.0)]


def test_nothing_was_timed() -> None:
    assert list(operators([], 30)) == []


def test_the_table_beside_the_results_has_every_measured_cell(arm: Arm, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    other = Arm(arm.subject, "torch", "cpu", "host", 1)
    rows = [
        row_of(arm, 1, status=FAILED),  # and again, as after --resume
        row_of(arm, 1, status=OK),
        row_of(arm, 4, status=OK),
        row_of(other, 1, status=OK),
    ]
    write_operators(out, [arm, other], SETTINGS, rows, Told())
    with (tmp_path / "results.operators.csv").open(newline="") as handle:
        table = list(csv.DictReader(handle))
    assert set(table[0]) == {"cell", "operator", "calls", "total_us", "share"}
    assert {line["cell"] for line in table} == {"cell-1", "cell-4"}
    for cell in ("cell-1", "cell-4"):
        shares = [float(line["share"]) for line in table if line["cell"] == cell]
        assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_a_cell_that_failed_is_not_profiled(arm: Arm, tmp_path: Path) -> None:
    write_operators(tmp_path / "r.csv", [arm], SETTINGS, [row_of(arm, 1, status=FAILED)], Told())
    assert (tmp_path / "r.operators.csv").read_text().count("\n") == 1


def test_one_that_cannot_be_profiled_is_named_and_the_others_are(
    arm: Arm, planted_onnx: Path, tmp_path: Path
) -> None:
    gone = Arm(
        Subject("gone", THIRD_PARTY, tmp_path / "gone.onnx"), "onnxruntime", "cpu", "host", 1
    )
    told = Told()
    rows = [row_of(gone, 1, status=OK), row_of(arm, 4, status=OK)]
    write_operators(tmp_path / "r.csv", [gone, arm], SETTINGS, rows, told)
    assert "cell-4" in (tmp_path / "r.operators.csv").read_text()
    assert len(told.lines) == 1
    assert "cannot be profiled: there is no file" in told.lines[0]
