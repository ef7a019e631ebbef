"""A sweep that was stopped goes on: nothing is measured twice, nothing that changed is kept."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.results.files import beside
from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import FAILED, OK
from zoo.errors import UsageError

Sweep = Callable[..., Any]
ROOT = Path(__file__).parents[3]


class TestResume:
    def test_nothing_is_measured_twice(
        self, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
    ) -> None:
        file = tiny_onnx()
        first = sweep_of(file)
        assert started
        text = first.out.read_text()
        started.clear()
        again = sweep_of(file, resume=True)
        assert started == []
        assert again.rows == first.rows
        assert again.out.read_text() == text

    def test_a_changed_file_is_measured(
        self, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
    ) -> None:
        first = sweep_of(tiny_onnx())
        started.clear()
        again = sweep_of(tiny_onnx(classes=4), resume=True)
        assert started
        assert len(again.rows) == 1
        assert again.rows[0].sha256 != first.rows[0].sha256

    def test_another_preset_is_measured(
        self, sweep_of: Sweep, tiny_onnx: Any, tiny_preset: Any, started: list[str]
    ) -> None:
        file = tiny_onnx()
        sweep_of(file)
        started.clear()
        again = sweep_of(file, resume=True, preset=replace(tiny_preset, name="other"))
        assert started
        assert [row.preset for row in again.rows] == ["other"]

    def test_another_batch_is_measured_and_only_that(
        self, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
    ) -> None:
        file = tiny_onnx()
        first = sweep_of(file)
        started.clear()
        again = sweep_of(file, resume=True, batches=(1, 2))
        assert started
        assert [row.batch for row in again.rows] == [1, 2]
        assert again.rows[0] == first.rows[0]

    def test_a_failed_cell_is_measured_again(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        file = tiny_onnx()
        first = sweep_of(file, runtimes=("faulty_sweep:Mends",))
        assert [(row.status, row.reason) for row in first.rows] == [
            (FAILED, "RuntimeError: not yet")
        ]
        file.with_name("mended").touch()
        again = sweep_of(file, runtimes=("faulty_sweep:Mends",), resume=True)
        assert [row.status for row in again.rows] == [OK]
        assert read_csv(again.out) == again.rows

    def test_a_line_it_died_in_is_measured_again(
        self, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
    ) -> None:
        files = [tiny_onnx("a.onnx"), tiny_onnx("b.onnx")]
        first = sweep_of(*files)
        samples = beside(first.out, "samples.jsonl")
        samples.write_text(samples.read_text()[:-100])
        started.clear()
        again = sweep_of(*files, resume=True)
        assert {name.split()[0] for name in started} == {"b.onnx"}
        assert [Path(row.subject).name for row in again.rows] == ["a.onnx", "b.onnx"]
        assert again.rows[0] == first.rows[0]

    def test_a_sweep_that_was_killed_goes_on(
        self, tmp_path: Path, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
    ) -> None:
        files = [tiny_onnx("first.onnx"), tiny_onnx("last.onnx")]
        runtime = "faulty_sweep:KillsTheSweep"
        # The same settings as those of `sweep_of`, in a process that can be killed.
        code = (
            "import sys; from pathlib import Path; import bench\n"
            "from bench.sweep.matrix import Preset, Settings\n"
            "from bench.measuring.stopping import Length; from bench.measuring.turns import Plan\n"
            "length = Length(0.01, 0.03, 0.5, 4, 0.003, agree=float('inf'))\n"
            "preset = Preset('tiny', length, 1, Plan(2, 0.05, 4, warm_seconds=0.01), True)\n"
            f"bench.run(sys.argv[2:], Settings(preset, ('{runtime}',), batches=(1,), threads=(1,)),"
            " out=Path(sys.argv[1]))"
        )
        out = tmp_path / "results.csv"
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ['PYTHONPATH']}"}
        killed = subprocess.run(
            [sys.executable, "-c", code, str(out), *map(str, files)], env=environment, check=False
        )
        assert killed.returncode == -signal.SIGKILL
        before = read_csv(out)
        assert [Path(row.subject).name for row in before] == ["first.onnx"]
        again = sweep_of(*files, runtimes=(runtime,), resume=True)
        assert {name.split()[0] for name in started} == {"last.onnx"}
        assert again.rows[0] == before[0]
        assert [row.status for row in again.rows] == [OK, OK]

    def test_a_reference_of_an_earlier_sweep_still_serves(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        options: dict[str, Any] = {"exports": mlp_exports, "runtimes": ("onnxruntime",)}
        sweep_of("mlp", precisions=("fp32",), **options)
        again = sweep_of("mlp", precisions=("fp32", "int8"), resume=True, **options)
        row = again.row(precision="int8")
        assert row.ratio is not None
        assert 0 < row.agreement < 1
        assert row.max_difference > 0
        assert set(read_predictions(again.out)) == {
            "mlp-digits|fp32|onnxruntime|cpu",
            "mlp-digits|int8|onnxruntime|cpu",
            "labels|digits",
        }

    def test_a_file_that_exists_is_not_written_over(
        self, sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path, started: list[str]
    ) -> None:
        (tmp_path / "results.csv").write_text("precious")
        with pytest.raises(UsageError, match=r"results\.csv exists. Name another --out"):
            sweep_of(tiny_onnx())
        assert (tmp_path / "results.csv").read_text() == "precious"
        assert started == []
