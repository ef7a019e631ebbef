"""A sweep of real processes: every row can be believed, and no cell takes the others with it."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.evaluate import evaluate
from bench.matrix import Preset, Settings
from bench.results import (
    FAILED,
    OK,
    SKIPPED,
    Row,
    beside,
    read_csv,
    read_predictions,
    read_samples,
)
from bench.schedule import Plan
from bench.subjects import Given
from zoo.artifacts import find_artifact
from zoo.errors import UsageError

Sweep = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
FP32 = {"precision": "fp32", "runtime": "onnxruntime", "boundary": "host"}
TIMING = """
    n blocks p50_ms p50_low_ms p50_high_ms p90_ms p99_ms p999_ms withheld images_per_second
    floor_us floor_share ratio ratio_low ratio_high instances turns verdict ratio_agrees starts
    cold_ms load_ms first_ms disturbed steal_share delay_share pressure_share clock_mhz warnings
"""
INT8 = {**FP32, "precision": "int8"}


class TestRows:
    """What a sweep of the published `mlp`, in two engines at two batch sizes, wrote."""

    def test_there_is_a_row_for_every_cell(self, swept: Any) -> None:
        assert read_csv(swept.out) == swept.rows
        found = [(row.precision, row.runtime, row.batch, row.status) for row in swept.rows]
        assert found == [
            ("fp32", "onnxruntime", 1, OK),
            ("fp32", "onnxruntime", 4, OK),
            ("int8", "onnxruntime", 1, OK),
            ("int8", "onnxruntime", 4, OK),
        ]
        assert len({row.cell for row in swept.rows}) == len({row.key for row in swept.rows}) == 4

    @pytest.mark.parametrize("name", [part.name for part in fields(Row)])
    def test_a_measured_row_is_complete(self, swept: Any, name: str) -> None:
        row = swept.row(**INT8, batch=4)
        empty = {  # on this machine, in so short a time, or where nothing is amiss
            *("reason", "elsewhere", "tf32", "cuda_graph", "conv_search", "vram_mib"),
            "accuracy_reason",
            *("p90_ms", "p99_ms", "p999_ms", "withheld", "warnings", "steal_share"),
            *("delay_share", "pressure_share", "clock_mhz", "break_even_calls"),
            *("p50_low_ms", "p50_high_ms", "ratio_low", "ratio_high"),
        }
        assert name in empty or getattr(row, name) is not None

    def test_it_says_what_ran(self, swept: Any) -> None:
        row = swept.row(**FP32, batch=1)
        assert row.engine.startswith("onnxruntime 1.")
        assert row.placed_share == 1
        assert row.nodes > 1
        assert row.inputs == "test set of digits"

    def test_the_accuracy_is_that_of_the_whole_test_set(
        self, swept: Any, mlp_exports: Path
    ) -> None:
        card = find_artifact("mlp", mlp_exports).card
        for facts in (FP32, INT8):
            row = swept.row(**facts, batch=4)
            told = card.precisions[row.precision].accuracy
            assert (row.correct, row.images) == (told.correct, told.images)
            assert row.accuracy == pytest.approx(told.share)
            assert row.accuracy_low < row.accuracy < row.accuracy_high
            assert row.accuracy_source == "measured"
            assert row.wrong_answers == 0

    def test_arms_are_held_against_the_reference(self, swept: Any) -> None:
        reference, int8 = (swept.row(**facts, batch=1) for facts in (FP32, INT8))
        assert reference.reference is None
        assert (reference.agreement, reference.mcnemar_p, reference.max_difference) == (1, 1, 0)
        assert int8.reference == "onnxruntime cpu fp32"
        assert (int8.instances, int8.margin) == (2, 0.02)
        assert int8.turns >= 2 * 4
        assert int8.ratio > 0
        assert int8.verdict in ("faster", "slower", "same", "inconclusive")
        assert 0 < int8.agreement <= 1
        assert 0 < int8.mcnemar_p <= 1
        assert int8.max_difference > 1e-3

    def test_cold_costs_are_in_their_order(self, swept: Any) -> None:
        for row in swept.rows:
            if row.status == OK:
                assert row.cold_ms > row.load_ms > 0
                assert row.first_ms > 0
                assert (row.new_shape_ms is None) == (row.batch == 1)

    def test_evidence_and_environment_are_kept(self, swept: Any) -> None:
        told = json.loads(beside(swept.out, "environment.json").read_text())
        assert {row.machine for row in swept.rows} == {told["machine"]}
        assert {"cpu", "cores", "packages", "python", "quota"} <= set(told)
        for row in swept.rows:
            if row.status == OK:
                assert row.floor_us > 0
                assert row.floor_share == pytest.approx(row.floor_us / 1e3 / row.p50_ms)
                assert 0 <= row.disturbed <= row.blocks

    def test_percentiles_that_so_few_calls_do_not_support_are_withheld(self, swept: Any) -> None:
        row = swept.row(**FP32, batch=4)
        assert row.p999_ms is None
        assert "p999: n=" in row.withheld


class TestSamples:
    @pytest.mark.parametrize("at", range(4))
    def test_every_figure_can_be_computed_again(self, swept: Any, at: int) -> None:
        rows = [row for row in read_csv(swept.out) if row.status == OK]
        row = rows[at]
        timing = set(TIMING.split())
        assert timing <= {part.name for part in fields(Row)}
        again = replace(row, **dict.fromkeys(timing))
        reference = next(
            one
            for one in rows
            if (one.precision, one.runtime, one.batch) == ("fp32", "onnxruntime", row.batch)
        )
        evaluate(again, read_samples(swept.out)[row.cell], reference if row.reference else None)
        assert again == row

    def test_they_are_the_calls_that_were_timed(self, swept: Any) -> None:
        samples = read_samples(swept.out)
        for row in swept.rows:
            kept = samples[row.cell]
            if row.status != OK:
                assert kept.blocks == kept.turns == kept.starts == []
                continue
            for block in kept.blocks:
                assert 0 < sum(block.ns) <= block.wall_ns
            assert all(len(quad) == 4 for turns in kept.turns for quad in turns)
            images = sum(len(block.ns) for block in kept.blocks) * row.batch
            seconds = sum(block.wall_ns for block in kept.blocks) / 1e9
            assert row.images_per_second == pytest.approx(images / seconds)

    def test_predictions_are_kept_by_arm_with_the_labels(self, swept: Any) -> None:
        kept = read_predictions(swept.out)
        assert set(kept) == {
            "mlp-digits|fp32|onnxruntime|cpu",
            "mlp-digits|int8|onnxruntime|cpu",
            "labels|digits",
        }
        for row in swept.rows:
            if row.status == OK:
                right = kept[row.arm] == kept["labels|digits"]
                assert (right.sum(), len(right)) == (row.correct, row.images)

    def test_operators_are_kept_for_each_cell_of_onnxruntime(self, swept: Any) -> None:
        with beside(swept.out, "operators.csv").open(newline="") as handle:
            found = list(csv.DictReader(handle))
        wanted = {
            row.cell for row in swept.rows if (row.runtime, row.status) == ("onnxruntime", OK)
        }
        assert {one["cell"] for one in found} == wanted
        for cell in wanted:
            shares = [float(one["share"]) for one in found if one["cell"] == cell]
            assert math.isclose(sum(shares), 1, abs_tol=0.01)
            assert shares == sorted(shares, reverse=True)


FAULTS = {
    "Dies": ("killed by SIGKILL, perhaps for want of memory", 2),
    "Exits": ("ended with code 7: the licence has run out", 1),
    "Hangs": ("it hung: no answer in 3 s", 2),
    "Raises": ("RuntimeError: no kernel for Gemm", 1),
    "WantsMemory": ("the memory does not suffice", 1),
    "Wrong": ("its logits are wrong", 1),
    "Undefined": ("its logits are wrong: nan", 1),
    "Misshapen": ("its logits are wrong", 1),
    "FallsBack": ("3 nodes would run on the CPU instead", 1),
}


@pytest.fixture(scope="module")
def faulty(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_preset: Any,
    faulty_engines: None,
    module_hurry: None,
    make_tiny_onnx: Callable[..., Path],
) -> list[Row]:
    """One sweep over all engines of `faulty_sweep` that fail, after one that does not."""
    folder = tmp_path_factory.mktemp("faulty")
    names = (*FAULTS, "Drifts", "Elsewhere", "CannotThis", "Right")
    settings = Settings(
        preset=replace(tiny_preset, pair=Plan(1, 0.05, 4)),
        runtimes=("onnxruntime", *(f"faulty_sweep:{name}" for name in names)),
        batches=(1, 2),
        threads=(1,),
        timeout=3,
    )
    file = make_tiny_onnx(folder / "tiny.onnx")
    bench.run([str(file)], settings, out=folder / "results.csv")
    return read_csv(folder / "results.csv")


class TestFaults:
    """Engines that fail, each in its own way."""

    @staticmethod
    def of(rows: list[Row], engine: str, batch: int) -> Row:
        (row,) = (row for row in rows if (row.runtime, row.batch) == (engine, batch))
        return row

    @pytest.mark.parametrize("name", FAULTS)
    def test_the_reason_is_in_the_row(self, faulty: list[Row], name: str) -> None:
        reason, batch = FAULTS[name]
        row = self.of(faulty, f"faulty_sweep:{name}", batch)
        assert row.status == FAILED
        assert reason in row.reason
        assert "\n" not in row.reason
        assert row.p50_ms is row.ratio is None

    @pytest.mark.parametrize("name", ["Dies", "Hangs"])
    def test_the_batch_before_it_stands(self, faulty: list[Row], name: str) -> None:
        row = self.of(faulty, f"faulty_sweep:{name}", 1)
        assert row.status == OK
        assert row.p50_ms is not None

    def test_the_sweep_went_on(self, faulty: list[Row]) -> None:
        for batch in (1, 2):
            row = self.of(faulty, "faulty_sweep:Right", batch)
            assert (row.status, row.wrong_answers) == (OK, 0)
            assert row.ratio is not None

    def test_answers_that_change_under_way_are_counted(self, faulty: list[Row]) -> None:
        row = self.of(faulty, "faulty_sweep:Drifts", 1)
        assert row.status == FAILED
        assert row.wrong_answers > 0
        assert f"{row.wrong_answers} timed calls gave other logits" in row.reason

    def test_nodes_elsewhere_are_told(self, faulty: list[Row]) -> None:
        row = self.of(faulty, "faulty_sweep:Elsewhere", 1)
        assert (row.nodes, row.placed_share) == (4, 0.75)
        assert row.elsewhere == "head (Gemm) on other"

    def test_what_an_engine_cannot_do_is_skipped(self, faulty: list[Row]) -> None:
        row = self.of(faulty, "faulty_sweep:CannotThis", 1)
        assert (row.status, row.reason) == (SKIPPED, "it runs other networks")

    def test_a_file_of_other_origin_gets_random_pixels_and_it_says_so(
        self, faulty: list[Row]
    ) -> None:
        row = self.of(faulty, "onnxruntime", 1)
        assert row.inputs == "random pixels"
        assert row.accuracy is row.accuracy_source is None
        assert row.accuracy_reason == "nothing says which test set is its own: name one with --data"


class TestOneCellAfterTheOther:
    def test_one_that_fails_condemns_no_other(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:LacksMemory",), batches=(1, 2, 4))
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, FAILED), (4, OK)]

    def test_the_memory_limits_batches_that_are_doubled(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:LacksMemory",), batches=())
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, SKIPPED)]
        assert "the limit of batch sizes: " in found.rows[1].reason

    def test_what_else_goes_wrong_there_is_a_failure(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:WrongAtTwo",), batches=())
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, FAILED)]
        assert "its logits are wrong" in found.rows[1].reason

    def test_what_is_measured_stays_when_the_sweep_is_interrupted(
        self, sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            sweep_of(tiny_onnx(), runtimes=("faulty_sweep:Interrupted",), batches=(1, 2))
        (row,) = read_csv(tmp_path / "results.csv")
        assert (row.batch, row.status) == (1, OK)
        assert read_samples(tmp_path / "results.csv")[row.cell].blocks

    def test_a_new_size_is_new_although_the_test_set_has_it_too(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(
            tiny_onnx(),
            given=Given(data="digits"),
            runtimes=("faulty_sweep:Prepares",),
            batches=(1, 64),
        )
        first, other = found.rows
        assert first.new_shape_ms is None
        assert other.new_shape_ms >= 45

    def test_the_reference_is_asked_where_it_is_no_part_of_the_sweep(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        (row,) = sweep_of(
            "mlp", exports=mlp_exports, precisions=("int8",), runtimes=("onnxruntime",)
        ).rows
        assert row.reference == "onnxruntime cpu fp32"
        assert row.ratio is not None
        assert 0.9 < row.agreement <= 1
        assert row.max_difference > 0

    def test_a_damaged_copy_of_the_data_is_as_good_as_none(
        self, sweep_of: Sweep, mlp_exports: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
        (tmp_path / "file").write_text("no folder")
        (row,) = sweep_of(
            "mlp", exports=mlp_exports, precisions=("fp32",), runtimes=("onnxruntime",)
        ).rows
        assert (row.status, row.accuracy_source) == (OK, "card")
        assert row.inputs == "test vectors of the artifact"
        assert "file" in row.accuracy_reason

    def test_damaged_predictions_do_not_hinder_a_resume(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        options = {"exports": mlp_exports, "runtimes": ("onnxruntime",)}
        first = sweep_of("mlp", precisions=("fp32",), **options)
        beside(first.out, "predictions.npz").write_bytes(b"no archive")
        again = sweep_of("mlp", precisions=("int8",), resume=True, **options)
        assert {row.status for row in again.rows} == {OK}
        assert any("int8" in name for name in read_predictions(again.out))


class TestEngines:
    def test_torch_runs_the_same_network(
        self, sweep_of: Sweep, mlp_exports: Path, tiny_preset: Preset
    ) -> None:
        found = sweep_of(
            "mlp",
            exports=mlp_exports,
            precisions=("fp32",),
            runtimes=("onnxruntime", "torch"),
            batches=(4,),
            preset=replace(tiny_preset, pair=Plan(1, 0.05, 4)),
        )
        onnx, torch = found.row(runtime="onnxruntime"), found.row(runtime="torch")
        assert torch.status == OK
        assert torch.engine.startswith("torch ")
        assert (torch.correct, torch.agreement) == (onnx.correct, 1)
        assert 0 < torch.max_difference < 1e-3
        assert torch.reference == "onnxruntime cpu fp32"
        assert torch.ratio > 0
        assert torch.ratio_low is torch.ratio_high is None  # from a single instance
        # Torch takes longer to be there: onnxruntime is ahead of it from its first call on.
        assert onnx.break_even_calls is not None
        assert read_csv(found.out) == found.rows

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"runtimes": ("torch",)}, "torch runs the fp32 weights, not int8"),
            (
                {"runtimes": ("onnxruntime",), "boundaries": ("device",)},
                "on the CPU there is no other memory than the host's",
            ),
            (
                {"runtimes": ("onnxruntime",), "precisions": ("fp16",)},
                "mlp-digits has no fp16 file",
            ),
        ],
        ids=["torch", "device", "precision"],
    )
    def test_what_cannot_be_says_why_and_starts_nothing(
        self,
        sweep_of: Sweep,
        mlp_exports: Path,
        started: list[str],
        options: dict[str, Any],
        reason: str,
    ) -> None:
        found = sweep_of("mlp", **{"exports": mlp_exports, "precisions": ("int8",), **options})
        (row,) = found.rows
        assert (row.status, row.reason) == (SKIPPED, reason)
        assert row.n is row.p50_ms is row.accuracy is None
        assert started == []
        assert read_csv(found.out) == [row]


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
            "from bench.matrix import Preset, Settings\n"
            "from bench.measure import Length; from bench.schedule import Plan\n"
            "preset = Preset('tiny', Length(0.01, 0.03, 0.5, 4, 0.003), 1, Plan(2, 0.05, 4), True)"
            "\n"
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

    def test_a_reference_of_an_earlier_sitting_still_serves(
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
        with pytest.raises(UsageError, match="Go on with --resume, or name another --out"):
            sweep_of(tiny_onnx())
        assert (tmp_path / "results.csv").read_text() == "precious"
        assert started == []


class TestForeignFiles:
    """ONNX files that are not of this zoo."""

    def test_normalisation_that_is_given_is_used(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        file = tiny_onnx(kind="float32-nchw", size=(32, 32), classes=10, metadata={})
        pixels = tiny_onnx("pixels.onnx", size=(32, 32), classes=10, metadata={})
        given = Given((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "digits")
        found = sweep_of(file, given=given, runtimes=("onnxruntime",)).rows[0]
        raw = sweep_of(
            pixels, given=Given(data="digits"), runtimes=("onnxruntime",), out="raw.csv"
        ).rows[0]
        assert (found.status, found.inputs, found.images) == (OK, "test set of digits", 359)
        assert (found.accuracy_source, found.dataset) == ("measured", "digits")
        assert found.correct == raw.correct

    def test_normalisation_that_is_not_known_is_asked_for(
        self, sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file = tiny_onnx(kind="float32-nchw", metadata={})
        with pytest.raises(UsageError, match=r"--mean \.485"):
            sweep_of(file, runtimes=("onnxruntime",))
        assert not (tmp_path / "results.csv").exists()

    def test_a_file_of_fixed_batch_is_measured_at_that(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(batch=2), runtimes=("onnxruntime",), batches=(1, 64))
        assert [(row.batch, row.status) for row in found.rows] == [(2, OK)]
        assert any("batches of 2 only" in line for line in found.told)

    def test_a_ragged_test_set_is_filled_up_for_a_fixed_batch(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        options: dict[str, Any] = {"size": (32, 32), "classes": 10, "metadata": {}}
        fixed, free = tiny_onnx("2.onnx", batch=2, **options), tiny_onnx("n.onnx", **options)
        rows = sweep_of(
            fixed, free, given=Given(data="digits"), runtimes=("onnxruntime",), batches=(2,)
        ).rows
        assert {row.images for row in rows} == {359}
        assert rows[0].correct == rows[1].correct

    def test_another_number_of_classes_than_the_data_has_is_told(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        row = sweep_of(
            tiny_onnx(classes=4), given=Given(data="digits"), runtimes=("onnxruntime",)
        ).rows[0]
        assert row.status == OK
        assert row.accuracy is None
        assert row.accuracy_reason == "it gives 4 classes, digits has 10"

    def test_it_is_compared_with_itself_in_other_engines(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("onnxruntime", "faulty_sweep:Right"))
        row = found.row(runtime="faulty_sweep:Right")
        assert row.reference == "onnxruntime cpu file"
        assert row.ratio > 0


class TestWithoutTheTestSet:
    """A card whose dataset is not at hand."""

    @pytest.fixture
    def published(self, tmp_path: Path, mlp_exports: Path) -> Path:
        """The same artifact, of a dataset that is nowhere."""
        import shutil

        from zoo.artifacts import sha256

        root = Path(shutil.copytree(mlp_exports, tmp_path / "exports"))
        card, manifest = root / "mlp-digits" / "card.json", root / "manifest.json"
        facts = {**json.loads(card.read_text()), "dataset": "cifar10"}
        card.write_text(json.dumps(facts))
        listed = json.loads(manifest.read_text())
        entry = listed["artifacts"]["mlp-digits"]
        entry["files"]["card.json"] = {"sha256": sha256(card), "bytes": card.stat().st_size}
        entry["dataset"] = "cifar10"
        manifest.write_text(json.dumps(listed))
        return root

    def test_its_own_vectors_are_shown_and_the_card_tells_the_accuracy(
        self, sweep_of: Sweep, published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("ZOO_DATA", raising=False)
        found = sweep_of("mlp", exports=published, runtimes=("onnxruntime",))
        card = find_artifact("mlp", published).card
        for row in found.rows:
            assert row.status == OK
            assert row.inputs == "test vectors of the artifact"
            assert row.accuracy_source == "card"
            assert row.accuracy == card.precisions[row.precision].accuracy.share
            assert "no copy of cifar10 here" in row.accuracy_reason
            assert row.agreement is None
        assert read_predictions(found.out) == {}

    def test_a_preset_that_does_not_measure_takes_the_cards_word(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        row = sweep_of(
            "mlp",
            exports=mlp_exports,
            precisions=("fp32",),
            runtimes=("onnxruntime",),
            measure_accuracy=False,
        ).rows[0]
        assert (row.accuracy_source, row.inputs) == ("card", "test set of digits")
        assert "not measured" in row.accuracy_reason


def test_rows_and_samples_hold_no_numpy(swept: Any) -> None:
    for row in swept.rows:
        assert not any(isinstance(value, np.generic) for value in asdict(row).values())
