"""A sweep goes on: what fails is a row with its reason, and takes no other cell with it."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.results.files import beside
from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import FAILED, OK, SKIPPED, Row
from bench.sweep import arms
from bench.sweep.matrix import Settings
from tests.factories import samples_of
from zoo.errors import ZooError
from zoo.ort.faults import Here
from zoo.ort.given import Given

Sweep = Callable[..., Any]


FAULTS = {
    "Dies": ("killed by SIGKILL, perhaps out of memory", 2),
    "Exits": ("ended with code 7: the licence has run out", 1),
    "Hangs": ("it hung: no answer in 3 s", 2),
    "Raises": ("RuntimeError: no kernel for Gemm", 1),
    "WantsMemory": ("out of memory", 1),
    "Wrong": ("its logits are wrong", 1),
    "Undefined": ("its logits are wrong: nan", 1),
    "Misshapen": ("its logits are wrong", 1),
    "FallsBack": ("3 nodes would run on the CPU instead", 1),
}


@pytest.fixture(scope="module")
def faulty(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_preset: Any,
    faulty_runtimes: None,
    make_tiny_onnx: Callable[..., Path],
) -> list[Row]:
    """One sweep over all runtimes of `faulty_sweep` that fail, after one that does not."""
    folder = tmp_path_factory.mktemp("faulty")
    names = (*FAULTS, "Drifts", "Elsewhere", "CannotThis", "Right")
    settings = Settings(
        preset=replace(tiny_preset, pair=replace(tiny_preset.pair, instances=1)),
        runtimes=("onnxruntime", *(f"faulty_sweep:{name}" for name in names)),
        batches=(1, 2),
        threads=(1,),
        timeout=3,
    )
    file = make_tiny_onnx(folder / "tiny.onnx")
    bench.run([str(file)], settings, out=folder / "results.csv")
    return read_csv(folder / "results.csv")


class TestFaults:
    """Runtimes that fail, each in its own way."""

    @staticmethod
    def of(rows: list[Row], runtime: str, batch: int) -> Row:
        (row,) = (row for row in rows if (row.runtime, row.batch) == (runtime, batch))
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
        assert f"{row.wrong_answers} timed calls gave different logits" in row.reason

    def test_nodes_elsewhere_are_told(self, faulty: list[Row]) -> None:
        row = self.of(faulty, "faulty_sweep:Elsewhere", 1)
        assert (row.nodes, row.placed_share) == (4, 0.75)
        assert row.elsewhere == "head (Gemm) on other"

    def test_what_a_runtime_cannot_do_is_skipped(self, faulty: list[Row]) -> None:
        row = self.of(faulty, "faulty_sweep:CannotThis", 1)
        assert (row.status, row.reason) == (SKIPPED, "it runs other networks")

    def test_a_file_of_third_parties_gets_random_pixels_and_it_says_so(
        self, faulty: list[Row]
    ) -> None:
        row = self.of(faulty, "onnxruntime", 1)
        assert row.inputs == "random pixels"
        assert row.accuracy is row.accuracy_source is None
        assert row.accuracy_reason == "no dataset is named for it; add --data"


class TestOneCellAfterTheOther:
    def test_a_third_party_file_in_int8_may_be_a_step_away(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        names = ("faulty_sweep:Near", "faulty_sweep:NearInInt8")
        near, in_int8 = sweep_of(tiny_onnx(), runtimes=names).rows
        assert (near.status, in_int8.status) == (FAILED, OK)
        assert "its logits are wrong" in near.reason
        assert in_int8.computed_in == "int8 2, fp32 1"

    def test_one_that_fails_leaves_the_others(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:LacksMemory",), batches=(1, 2, 4))
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, FAILED), (4, OK)]

    def test_the_memory_limits_batches_that_are_doubled(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:LacksMemory",), batches=())
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, SKIPPED)]
        assert "largest batch size reached: " in found.rows[1].reason

    def test_what_else_goes_wrong_there_is_a_failure(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("faulty_sweep:WrongAtTwo",), batches=())
        assert [(row.batch, row.status) for row in found.rows] == [(1, OK), (2, FAILED)]
        assert "its logits are wrong" in found.rows[1].reason

    @pytest.fixture
    def heeding_interrupts(self) -> Iterator[None]:
        """A process that a shell started in the background ignores them."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.mark.usefixtures("heeding_interrupts")
    def test_what_is_measured_stays_when_the_sweep_is_interrupted(
        self, sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            sweep_of(tiny_onnx(), runtimes=("faulty_sweep:Interrupted",), batches=(1, 2))
        (row,) = read_csv(tmp_path / "results.csv")
        assert (row.batch, row.status) == (1, OK)
        assert samples_of(tmp_path / "results.csv")[row.cell].blocks

    def test_a_new_size_is_new_although_the_test_set_has_it_too(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(
            tiny_onnx(metadata={}),
            given=Given(data="digits"),
            runtimes=("faulty_sweep:Prepares",),
            batches=(1, 64),
        )
        first, other = found.rows
        assert first.new_shape_ms is None
        assert other.new_shape_ms >= 45

    def test_why_there_is_no_pair_stays_in_the_row(
        self, sweep_of: Sweep, mlp_exports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Accuracy is measured after the pair, and the row is evaluated again."""

        def refuse(*_: Any) -> None:
            raise ZooError("no core is left")

        monkeypatch.setattr(arms, "take_turns_at_each", refuse)
        options: dict[str, Any] = {"exports": mlp_exports, "runtimes": ("onnxruntime",)}
        found = sweep_of("mlp", **options)
        row = found.row(precision="int8")
        assert (row.status, row.ratio, row.accuracy_source) == (OK, None, "measured")
        told = "it could not be paired with the reference: no core is left"
        assert told in str(row.warnings)
        again = sweep_of("mlp", resume=True, **options)
        assert read_csv(found.out)[1:] == again.rows[1:] == [row]

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

    def test_accuracy_that_is_demanded_and_fails_is_a_failure_that_resume_mends(
        self, sweep_of: Sweep, mlp_exports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options: dict[str, Any] = {
            **{"exports": mlp_exports, "precisions": ("fp32",), "runtimes": ("onnxruntime",)},
            "measure_accuracy": True,
        }
        with monkeypatch.context() as patch:
            patch.setattr(arms.Referee, "accuracy", _no_accuracy)
            (row,) = sweep_of("mlp", **options).rows
        assert row.status == FAILED
        assert row.reason == (
            "accuracy was requested but could not be measured: measuring it failed: the arm died"
        )
        assert row.p50_ms is not None
        (again,) = sweep_of("mlp", resume=True, **options).rows
        assert (again.status, again.reason, again.accuracy_source) == (OK, "", "measured")

    def test_where_it_is_only_the_usual_the_card_tells(
        self, sweep_of: Sweep, mlp_exports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arms.Referee, "accuracy", _no_accuracy)
        (row,) = sweep_of(
            "mlp", exports=mlp_exports, precisions=("fp32",), runtimes=("onnxruntime",)
        ).rows
        assert (row.status, row.accuracy_source) == (OK, "card")

    def test_damaged_predictions_do_not_hinder_a_resume(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        options = {"exports": mlp_exports, "runtimes": ("onnxruntime",)}
        first = sweep_of("mlp", precisions=("fp32",), **options)
        beside(first.out, "predictions.npz").write_bytes(b"no archive")
        again = sweep_of("mlp", precisions=("int8",), resume=True, **options)
        assert {row.status for row in again.rows} == {OK}
        assert any("int8" in name for name in read_predictions(again.out))


def _no_accuracy(*_: Any) -> None:
    raise ZooError("the arm died")


def test_a_file_that_this_onnxruntime_answers_wrongly_here_is_a_failed_row(
    sweep_of: Sweep, integer_onnx: Callable[[int], Path]
) -> None:
    """Another runtime is still measured, without a ratio to wrong answers."""
    bad = Here("1.24.4", frozenset({"amx_int8"}))
    uneven, even = integer_onnx(24), integer_onnx(32)
    runtimes = ("onnxruntime", "faulty_sweep:Right")
    rows = {
        (row.subject, row.runtime): row
        for row in sweep_of(uneven, even, runtimes=runtimes, on=bad).rows
    }
    refused = rows[str(uneven), "onnxruntime"]
    assert refused.status == FAILED
    assert "it would give wrong answers: onnxruntime 1.24.4" in str(refused.reason)
    assert "issue 26324" in str(refused.reason)
    assert rows[str(even), "onnxruntime"].status == OK
    other = rows[str(uneven), "faulty_sweep:Right"]
    assert other.ratio is None
